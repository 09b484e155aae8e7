//! What one generation answers.

use wherein_store::{Nearest, RowSet, Snapshot};

use crate::support::{MODEL, add, found, index, open, vector, view, words, writer};

const FILES: &[(&str, &str)] = &[
    (
        "src/door.rs",
        "open_door turns the key\nclose_door shuts it\n\nlockDoor turns the key twice",
    ),
    (
        "src/window.rs",
        "open_window lets air in\nbreak_window is loud",
    ),
    ("docs/keys.md", "keys are kept in the drawer"),
];

fn all(snapshot: &Snapshot) -> RowSet {
    snapshot.view_rows(snapshot.catalog().view("here").expect("view"))
}

#[test]
fn words_find_chunks_with_their_places() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), FILES);
    let snapshot = open(folder.path());
    assert_eq!(found(&snapshot, "here", "key").len(), 3);
    assert_eq!(
        found(&snapshot, "here", "openDoor"),
        [
            ("src/door.rs".to_owned(), 1),
            ("src/door.rs".to_owned(), 2),
            ("src/door.rs".to_owned(), 4),
            ("src/window.rs".to_owned(), 1),
        ]
    );
    assert!(found(&snapshot, "here", "elephant").is_empty());
    let best = snapshot
        .lexical(
            &words("lock_door"),
            &snapshot.statistics(&all(&snapshot)),
            None,
        )
        .expect("searches")
        .best(&all(&snapshot), 1);
    let chunk = snapshot.chunk(best[0].0);
    assert_eq!((chunk.symbol, chunk.span.start_line), (Some("lockDoor"), 4));
    let text = snapshot.file_text(chunk.file).expect("text");
    assert_eq!(chunk.span.bytes.of(&text), "lockDoor turns the key twice");
}

#[test]
fn scores_are_bm25_summed_over_fields() {
    let folder = tempfile::tempdir().expect("folder");
    index(
        folder.path(),
        &[("a", "alpha beta"), ("b", "gamma delta epsilon")],
    );
    let snapshot = open(folder.path());
    let mut query = words("beta");
    query.fields = [0.0, 0.0, 0.0, 0.0, 2.0];
    let scores = snapshot
        .lexical(&query, &snapshot.statistics(&all(&snapshot)), None)
        .expect("searches");
    // One of two documents: idf ln(1 + 1.5/1.5); length 2 of a mean of 2.5.
    let norm = 1.2 * (1.0 - 0.75 + 0.75 * 2.0 / 2.5);
    let expected = 2.0 * 2.0_f32.ln() * 2.2 / (1.0 + norm);
    let best = scores.best(&all(&snapshot), 9);
    assert_eq!(best.len(), 1);
    assert!(
        (best[0].1 - expected).abs() < 1e-5,
        "{} {expected}",
        best[0].1
    );
}

#[test]
fn vectors_find_the_nearest_and_obey_the_filter() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), FILES);
    let snapshot = open(folder.path());
    let query = vector("open_window lets air in");
    let rows = all(&snapshot);
    let near = snapshot
        .dense(&query, MODEL, &rows, 2, Nearest::Exact)
        .expect("searches");
    assert_eq!(snapshot.chunk(near[0].0).symbol, Some("open_window"));
    assert!(near[0].1 > 0.999 && near[1].1 < near[0].1);
    let mut without = rows.clone();
    without.remove(near[0].0);
    let others = snapshot
        .dense(&query, MODEL, &without, 2, Nearest::Exact)
        .expect("searches");
    assert_eq!(others[0], near[1]);
    let cosine = snapshot
        .cosine(near[1].0, &query, MODEL)
        .expect("reads")
        .expect("has one");
    assert!((cosine - near[1].1).abs() < 1e-6);
    assert!(
        snapshot
            .dense(&query, "other-model", &rows, 2, Nearest::Exact)
            .expect("searches")
            .is_empty()
    );
    assert!(
        snapshot
            .dense(&query[1..], MODEL, &rows, 2, Nearest::Exact)
            .expect("searches")
            .is_empty()
    );
}

#[test]
fn symbols_are_found_in_any_case_style() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), FILES);
    let snapshot = open(folder.path());
    let rows = all(&snapshot);
    for name in ["lockDoor", "lock_door", "LOCKDOOR"] {
        let symbols = snapshot.symbols_named(name, &rows);
        assert_eq!(symbols.len(), 1, "{name}");
        assert_eq!(symbols[0].breadcrumb, "module::lockDoor");
    }
    assert!(snapshot.symbols_named("door", &rows).is_empty());
}

#[test]
fn the_order_of_writing_does_not_change_the_answer() {
    let mut reversed = FILES.to_vec();
    reversed.reverse();
    let answers: Vec<_> = [FILES.to_vec(), reversed]
        .iter()
        .map(|files| {
            let folder = tempfile::tempdir().expect("folder");
            let mut writer = writer(folder.path());
            let added = files
                .iter()
                .map(|(path, text)| add(&mut writer, path, text))
                .collect();
            writer.commit(view("here", added)).expect("commits");
            drop(writer);
            let snapshot = open(folder.path());
            let scores = snapshot
                .lexical(
                    &words("turn the key door"),
                    &snapshot.statistics(&all(&snapshot)),
                    None,
                )
                .expect("searches");
            let mut best: Vec<_> = scores
                .best(&all(&snapshot), 9)
                .into_iter()
                .map(|(row, score)| {
                    let chunk = snapshot.chunk(row);
                    (
                        score.to_bits(),
                        chunk.path.to_owned(),
                        chunk.span.start_line,
                    )
                })
                .collect();
            best.sort();
            best
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
    assert!(!answers[0].is_empty());
}
