//! Vectors of a second model, which come after the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use wherein_store::{Nearest, Snapshot, StoreError, VectorsOfFiles};

use crate::support::{MODEL, add, index, open, vector, view, writer};

const SECOND: &str = "second-model";
/// Of the second model; other than the first one's.
const WIDTH: usize = 8;

/// As the second model sees a text: its words again, in fewer dimensions.
fn seen(text: &str) -> Vec<f32> {
    let mut short: Vec<f32> = vector(text).into_iter().take(WIDTH).collect();
    let norm = short.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
    for x in &mut short {
        *x /= norm;
    }
    short
}

/// Vectors for these paths of the newest generation.
fn vectors(snapshot: &Snapshot, paths: &[&str]) -> VectorsOfFiles {
    let mut found = VectorsOfFiles::default();
    for version in &snapshot.catalog().files {
        if version.left == 0 && paths.contains(&version.path.as_str()) {
            let number = snapshot.file_number(version.id).expect("a number");
            let text = snapshot.file_text(number).expect("a text");
            let rows = snapshot.file_rows(number);
            let rows = rows.flat_map(|row| seen(snapshot.chunk(row).span.bytes.of(&text)));
            found.insert(version.id, rows.collect());
        }
    }
    found
}

pub(crate) fn give_quality(root: &Path, paths: &[&str]) {
    give(root, SECOND, paths);
}

fn give(root: &Path, model: &str, paths: &[&str]) {
    let of = vectors(&open(root), paths);
    writer(root)
        .add_quality(model, WIDTH, &of)
        .expect("commits");
}

/// Paths and cosines of the rows nearest to a text by the second model, or what is wrong.
pub(crate) fn quality_of(
    snapshot: &Snapshot,
    text: &str,
) -> Result<Vec<(String, u32)>, StoreError> {
    let rows = snapshot.view_rows(snapshot.catalog().view("here").expect("a view"));
    let near = snapshot.dense(&seen(text), SECOND, &rows, 9, Nearest::Graph)?;
    let place = |(row, score): (u32, f32)| (snapshot.chunk(row).path.to_owned(), score.to_bits());
    Ok(near.into_iter().map(place).collect())
}

/// Paths of the files whose chunks all have a vector of a model.
fn covered(snapshot: &Snapshot, model: &str) -> Vec<String> {
    let files = snapshot.catalog().files.iter().filter(|version| {
        let number = snapshot.file_number(version.id).expect("a number");
        // One that no view holds is kept for one that comes back.
        version.left == 0 && snapshot.file_has_vectors(number, model)
    });
    let mut paths: Vec<String> = files.map(|version| version.path.clone()).collect();
    paths.sort();
    paths
}

#[test]
fn they_come_file_by_file_and_only_those_that_have_one_are_found() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    index(
        root,
        &[("a", "alpha beta\ngamma"), ("b", "delta"), ("c", "alpha")],
    );
    assert_eq!(quality_of(&open(root), "alpha").expect("searches"), []);
    give(root, SECOND, &["a"]);
    let snapshot = open(root);
    let found = quality_of(&snapshot, "alpha beta").expect("searches");
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(covered(&snapshot, SECOND), ["a"]);
    let rows = snapshot.view_rows(snapshot.catalog().view("here").expect("a view"));
    assert_eq!(snapshot.rows_with_vectors(SECOND, &rows), 2);
    assert_eq!(snapshot.rows_with_vectors(MODEL, &rows), 4);
    give(root, SECOND, &["b", "c"]);
    let snapshot = open(root);
    assert_eq!(covered(&snapshot, SECOND), ["a", "b", "c"]);
    let best = quality_of(&snapshot, "delta").expect("searches");
    assert_eq!(best[0].0, "b");
    snapshot.check().expect("whole");
}

#[test]
fn another_second_model_takes_the_place_and_none_are_mixed() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    index(root, &[("a", "alpha"), ("b", "beta")]);
    give(root, SECOND, &["a", "b"]);
    give(root, "third-model", &["a"]);
    let snapshot = open(root);
    assert_eq!(covered(&snapshot, SECOND), [""; 0]);
    assert_eq!(covered(&snapshot, "third-model"), ["a"]);
    assert_eq!(quality_of(&snapshot, "alpha").expect("searches"), []);
}

#[test]
fn what_does_not_fit_is_refused_and_what_is_gone_passed_over() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    index(root, &[("a", "alpha\nbeta")]);
    let id = open(root).catalog().files[0].id;
    let of = |id: u32, rows: usize| VectorsOfFiles::from_iter([(id, vec![1.0; rows * WIDTH])]);
    let wrong = writer(root).add_quality(SECOND, WIDTH, &of(id, 1));
    assert!(matches!(wrong, Err(StoreError::Misuse(_))), "{wrong:?}");
    writer(root)
        .add_quality(SECOND, WIDTH, &of(id + 7, 1))
        .expect("nothing to do");
    let mut half_way = writer(root);
    add(&mut half_way, "b", "gamma");
    let wrong = half_way.add_quality(SECOND, WIDTH, &of(id, 2));
    assert!(matches!(wrong, Err(StoreError::Misuse(_))), "{wrong:?}");
    drop(half_way);
    open(root).check().expect("whole");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Files come, change and go, segments are merged, vectors are added now and
    /// then: a file has vectors exactly when it got them, and its own.
    #[test]
    fn vectors_stay_with_their_chunks(
        steps in proptest::collection::vec((0_usize..8, 0_u8..6, any::<bool>()), 1..40)
    ) {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path();
        let mut files = BTreeMap::new();
        let mut with_vectors: BTreeSet<String> = BTreeSet::new();
        for (file, word, gets_vectors) in steps {
            let path = format!("f{file}");
            if gets_vectors {
                if files.contains_key(&path) {
                    give(root, SECOND, &[&path]);
                    with_vectors.insert(path);
                }
                continue;
            }
            let mut writer = writer(root);
            let added = add(&mut writer, &path, &format!("token{word} common\nmore{word}"));
            // Another version, which has none yet.
            with_vectors.remove(&path);
            files.insert(path, added);
            let view = view("here", files.values().copied().collect());
            writer.commit(view).expect("commits");
        }
        if files.is_empty() {
            return Ok(());
        }
        let snapshot = open(root);
        snapshot.check().expect("whole");
        let found = covered(&snapshot, SECOND);
        prop_assert_eq!(&found, &with_vectors.into_iter().collect::<Vec<_>>());
        for version in &snapshot.catalog().files {
            let number = snapshot.file_number(version.id).expect("a number");
            if version.left == 0 && found.contains(&version.path) {
                let text = snapshot.file_text(number).expect("a text");
                for row in snapshot.file_rows(number) {
                    let own = seen(snapshot.chunk(row).span.bytes.of(&text));
                    let cosine = snapshot.cosine(row, &own, SECOND).expect("reads").expect("a vector");
                    prop_assert!((cosine - 1.0).abs() < 0.01, "{cosine}");
                }
            }
        }
    }
}
