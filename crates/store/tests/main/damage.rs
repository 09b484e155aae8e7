//! Damage is an error that names a file, or no change of the answer; never a
//! wrong answer and never a crash.

use std::fs;
use std::path::{Path, PathBuf};

use wherein_store::{Nearest, Snapshot, StoreError, Writer, WriterOptions};

use crate::quality::{give_quality, quality_of};
use crate::support::{MODEL, found, index, options, vector};

const FILES: &[(&str, &str)] = &[
    ("a", "alpha beta gamma\ndelta epsilon"),
    ("b", "zeta eta theta\niota kappa"),
    ("c", "lambda mu nu alpha"),
];

fn files_of(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [root.to_owned(), root.join("lexical")] {
        for entry in fs::read_dir(folder).expect("lists") {
            let path = entry.expect("entry").path();
            let name = path
                .file_name()
                .expect("name")
                .to_string_lossy()
                .into_owned();
            // Locks hold nothing; tantivy's list of managed files is its own cache.
            if path.is_file() && !name.contains("lock") && !name.contains("managed") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

type Answer = (Vec<(String, u32)>, Vec<(String, u32)>, String);

/// Everything that an answer is made of, or the error.
fn answer(root: &Path) -> Result<Answer, StoreError> {
    let snapshot =
        Snapshot::open(root, None)?.ok_or_else(|| StoreError::Misuse("empty".to_owned()))?;
    let view = snapshot
        .catalog()
        .view("here")
        .ok_or_else(|| StoreError::Misuse("no view".to_owned()))?;
    let rows = snapshot.view_rows(view);
    let near = snapshot.dense(&vector("zeta eta"), MODEL, &rows, 3, Nearest::Exact)?;
    let places = near
        .iter()
        .map(|(row, score)| (snapshot.chunk(*row).path.to_owned(), score.to_bits()))
        .collect();
    let mut texts = format!("{:?}", quality_of(&snapshot, "alpha")?);
    for (row, _) in near {
        texts.push_str(&snapshot.file_text(snapshot.file_of_row(row))?);
    }
    Ok((found(&snapshot, "here", "alpha"), places, texts))
}

fn each_damage(bytes: &[u8]) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let mut damages: Vec<(&'static str, Option<Vec<u8>>)> = vec![
        ("missing", None),
        ("empty", Some(Vec::new())),
        ("half", Some(bytes[..bytes.len() / 2].to_vec())),
        (
            "one byte short",
            Some(bytes[..bytes.len().saturating_sub(1)].to_vec()),
        ),
        ("longer", Some([bytes, b"x"].concat())),
        ("zeroed", Some(vec![0; bytes.len()])),
    ];
    for step in 0..24 {
        let mut flipped = bytes.to_vec();
        let at = (bytes.len() * step / 24).min(bytes.len().saturating_sub(1));
        if let Some(byte) = flipped.get_mut(at) {
            *byte ^= 1 << (step % 8);
        }
        damages.push(("flipped", Some(flipped)));
    }
    damages
}

#[test]
fn every_file_damaged_in_every_way_is_noticed_or_harmless() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), FILES);
    give_quality(folder.path(), &["a", "b"]);
    let right = answer(folder.path()).expect("whole");
    let mut noticed = 0;
    for path in files_of(folder.path()) {
        let bytes = fs::read(&path).expect("reads");
        for (how, damage) in each_damage(&bytes) {
            match &damage {
                None => fs::remove_file(&path).expect("removes"),
                Some(damage) => fs::write(&path, damage).expect("writes"),
            }
            match answer(folder.path()) {
                Ok(answer) => assert_eq!(answer, right, "{} {how}", path.display()),
                Err(StoreError::Misuse(_)) => {
                    // An index whose commit is gone is an index that was never made.
                    assert!(path.ends_with("meta.json"), "{} {how}", path.display());
                }
                Err(error) => {
                    noticed += 1;
                    let said = error.to_string();
                    assert!(
                        said.contains(&folder.path().display().to_string()),
                        "{how}: {said}"
                    );
                    assert!(error.is_mended_by_rebuild(), "{how}: {said}");
                }
            }
            fs::write(&path, &bytes).expect("restores");
        }
    }
    assert!(noticed > 100, "{noticed}");
    assert_eq!(answer(folder.path()).expect("whole again"), right);
}

#[test]
fn a_segment_of_another_generation_is_noticed() {
    let (one, two) = (
        tempfile::tempdir().expect("folder"),
        tempfile::tempdir().expect("folder"),
    );
    index(one.path(), FILES);
    index(
        two.path(),
        &[("a", "alpha other"), ("b", "zeta other"), ("c", "more")],
    );
    for name in [
        "chunks-00000001.seg",
        "vectors-00000001.seg",
        "catalog-00000001.bin",
        "manifest-00000001.bin",
    ] {
        let own = fs::read(one.path().join(name)).expect("reads");
        fs::copy(two.path().join(name), one.path().join(name)).expect("copies");
        let error = answer(one.path()).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
        fs::write(one.path().join(name), own).expect("restores");
    }
    assert!(answer(one.path()).is_ok());
}

#[test]
fn a_damaged_index_is_built_anew_from_scratch() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), FILES);
    for name in ["manifest-00000001.bin", "lexical/meta.json"] {
        fs::write(folder.path().join(name), "nonsense").expect("writes");
    }
    assert!(Writer::open(folder.path(), &options()).is_err());
    let scratch = WriterOptions {
        mend: true,
        ..options()
    };
    drop(Writer::open(folder.path(), &scratch).expect("wipes"));
    index(folder.path(), FILES);
    assert_eq!(answer(folder.path()).expect("whole").0.len(), 2);
}
