//! The graph over a segment: near the exact scan, and only ever a cache.

use std::fs;
use std::sync::atomic::AtomicBool;

use wherein_store::{Nearest, Snapshot};

use crate::support::{MODEL, add, index, open, vector, view, writer};

fn build(root: &std::path::Path) -> bool {
    open(root)
        .build_graph(root, MODEL, 100, &AtomicBool::new(false))
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
        snapshot
            .dense(query, MODEL, &rows, 10, Nearest::Graph)
            .expect("searches")
    };
    let right: Vec<_> = queries.iter().map(|query| near(&exact, query)).collect();

    assert!(build(folder.path()));
    assert!(!build(folder.path()), "it is there already");
    let linked = open(folder.path());
    assert_eq!(
        (exact.totals().linked_rows, linked.totals().linked_rows),
        (0, 3000)
    );
    let forced = linked.dense(&queries[7], MODEL, &rows, 10, Nearest::Exact);
    assert_eq!(forced.expect("searches"), right[7]);
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
            .dense(&queries[3], MODEL, &filtered, 10, Nearest::Graph)
            .expect("searches");
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|one| one.0 % share == 0));
    }

    let path = folder.path().join("graph.seg");
    let bytes = fs::read(&path).expect("reads");
    for at in [9, 70, bytes.len() / 2, bytes.len() - 40] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        fs::write(&path, damaged).expect("writes");
        let fallen = open(folder.path());
        assert_eq!(fallen.totals().linked_rows, 0, "byte {at}");
        assert_eq!(near(&fallen, &queries[5]), right[5]);
    }
}

/// What a filter lets through may lie far from what the query is near to.
#[test]
fn a_filter_opposed_to_the_query_loses_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let lines: Vec<String> = (0..12_000)
        .map(|n| {
            let side = if n % 3 == 0 { "left" } else { "right" };
            format!("{side}{} {side}word{} {side}", n % 500, n % 61)
        })
        .collect();
    index(folder.path(), &[("a", &lines.join("\n"))]);
    assert!(build(folder.path()));
    let linked = open(folder.path());
    let mut left = linked.view_rows(linked.catalog().view("here").expect("view"));
    for row in (0..12_000).filter(|row| row % 3 != 0) {
        left.remove(row);
    }
    for n in 0..20 {
        let query = vector(&format!("right{n} rightword{n} right"));
        let search = |how| {
            linked
                .dense(&query, MODEL, &left, 50, how)
                .expect("searches")
        };
        let (exact, through) = (search(Nearest::Exact), search(Nearest::Graph));
        assert_eq!(through.len(), 50);
        // Many are equally near: scores are compared, not rows.
        let worst = exact.last().expect("hits").1;
        let as_near = through.iter().filter(|one| one.1 >= worst - 1e-4).count();
        assert!(as_near >= 45, "{n}: {as_near} of 50");
    }
}

#[test]
fn a_stopped_build_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let text: String = (0..200).fold(String::new(), |all, n| format!("{all}name{n} word\n"));
    index(folder.path(), &[("a", &text)]);
    let snapshot = open(folder.path());
    let built = snapshot
        .build_graph(folder.path(), MODEL, 100, &AtomicBool::new(true))
        .expect("stops");
    assert_eq!(
        (built, open(folder.path()).totals().linked_rows),
        (false, 0)
    );
}

#[test]
fn one_graph_is_over_several_segments_and_later_ones_are_scanned() {
    let folder = tempfile::tempdir().expect("folder");
    let text = |from: usize, to: usize| {
        (from..to).fold(String::new(), |all, n| {
            format!("{all}name{n} word{} word{}\n", n % 97, n % 31)
        })
    };
    let mut writer = writer(folder.path());
    let mut files = Vec::new();
    for part in 0..3 {
        files.push(add(
            &mut writer,
            &format!("f{part}"),
            &text(part * 400, part * 400 + 400),
        ));
        writer.commit(view("here", files.clone())).expect("commits");
    }
    assert!(build(folder.path()));
    let linked = open(folder.path());
    assert_eq!(
        (linked.totals().segments, linked.totals().linked_rows),
        (3, 1200)
    );
    // A segment more: what the graph does not know is scanned beside it.
    files.push(add(&mut writer, "f3", &text(1200, 1300)));
    writer.commit(view("here", files.clone())).expect("commits");
    let more = Snapshot::open(folder.path(), Some(&linked))
        .expect("opens")
        .expect("there");
    assert_eq!(
        (more.totals().segments, more.totals().linked_rows),
        (4, 1200)
    );
    let rows = more.view_rows(more.catalog().view("here").expect("view"));
    for name in ["name17", "name555", "name1111", "name1234"] {
        let line = (0..1300)
            .find(|n| format!("name{n}") == name)
            .expect("a line");
        let query = vector(&format!("{name} word{} word{}", line % 97, line % 31));
        let exact = more
            .dense(&query, MODEL, &rows, 5, Nearest::Exact)
            .expect("searches");
        let through = more
            .dense(&query, MODEL, &rows, 5, Nearest::Graph)
            .expect("searches");
        assert_eq!(exact[0], through[0], "{name}");
    }
    assert!(!build(folder.path()), "most rows are in it");
    // A covered segment goes: so does the graph.
    files.remove(0);
    writer.commit(view("here", files)).expect("commits");
    writer.collect(|_| false).expect("commits");
    drop(writer);
    assert_eq!(open(folder.path()).totals().linked_rows, 0);
    assert!(!folder.path().join("graph.seg").exists());
}
