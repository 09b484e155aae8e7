//! The graph over a segment: near the exact scan, and only ever a cache.

use std::fs;
use std::sync::atomic::AtomicBool;

use wherein_store::Snapshot;

use crate::support::{MODEL, index, open, vector};

fn build(root: &std::path::Path) -> usize {
    open(root)
        .build_graphs(root, 100, &AtomicBool::new(false))
        .expect("builds")
}

#[test]
fn it_finds_what_the_scan_finds_and_damage_falls_back_to_the_scan() {
    let folder = tempfile::tempdir().expect("folder");
    let lines: Vec<String> = (0..3000)
        .map(|n| format!("name{n} word{} word{}", n % 97, n % 31))
        .collect();
    let text = lines.join("\n");
    index(folder.path(), &[("a", &text)]);
    let exact = open(folder.path());
    let rows = exact.view_rows(exact.catalog().view("here").expect("view"));
    let queries: Vec<Vec<f32>> = (0..40)
        .map(|n| vector(&format!("name{} word{}", n * 70, n)))
        .collect();
    let near = |snapshot: &Snapshot, query: &[f32]| {
        snapshot.dense(query, MODEL, &rows, 10).expect("searches")
    };
    let right: Vec<_> = queries.iter().map(|query| near(&exact, query)).collect();

    assert_eq!(build(folder.path()), 1);
    assert_eq!(build(folder.path()), 0, "it is there already");
    let linked = open(folder.path());
    assert_eq!((exact.totals().graphs, linked.totals().graphs), (0, 1));
    let mut agreeing = 0;
    for (query, right) in queries.iter().zip(&right) {
        let found = near(&linked, query);
        assert_eq!(
            found,
            near(&linked, query),
            "the same query, the same answer"
        );
        agreeing += found.iter().filter(|one| right.contains(one)).count();
    }
    assert!(agreeing >= 380, "{agreeing} of 400");

    // Filters hold on the way through the graph and below the scan's threshold.
    for share in [2, 50] {
        let mut filtered = rows.clone();
        for row in rows.iter().filter(|row| row % share != 0) {
            filtered.remove(row);
        }
        let found = linked
            .dense(&queries[3], MODEL, &filtered, 10)
            .expect("searches");
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|one| one.0 % share == 0));
    }

    let path = folder.path().join("graph-00000001.seg");
    let bytes = fs::read(&path).expect("reads");
    for at in [9, 70, bytes.len() / 2, bytes.len() - 40] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        fs::write(&path, damaged).expect("writes");
        let fallen = open(folder.path());
        assert_eq!(fallen.totals().graphs, 0, "byte {at}");
        assert_eq!(near(&fallen, &queries[5]), right[5]);
    }
}

#[test]
fn a_stopped_build_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let text: String = (0..200).fold(String::new(), |all, n| format!("{all}name{n} word\n"));
    index(folder.path(), &[("a", &text)]);
    let snapshot = open(folder.path());
    let built = snapshot
        .build_graphs(folder.path(), 100, &AtomicBool::new(true))
        .expect("stops");
    assert_eq!((built, open(folder.path()).totals().graphs), (0, 0));
}
