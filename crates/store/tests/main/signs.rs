//! The first look at signs: near the exact scan, over several segments, filtered, and when
//! many look for the first time at once.

use rayon::prelude::*;
use wherein_store::{Nearest, RowSet, Snapshot};

use crate::support::{MODEL, add, open, vector, view, writer};

/// More rows than are scanned whole, in two segments.
fn many(root: &std::path::Path) -> Snapshot {
    let mut files = Vec::new();
    for part in 0..2 {
        let mut writer = writer(root);
        let lines: Vec<String> = (0..13_000)
            .map(|n| {
                format!(
                    "name{part}x{n} word{} word{} word{}",
                    n % 97,
                    n % 31,
                    n % 13
                )
            })
            .collect();
        files.push(add(&mut writer, &format!("part{part}"), &lines.join("\n")));
        writer.commit(view("here", files.clone())).expect("commits");
    }
    open(root)
}

fn near(snapshot: &Snapshot, rows: &RowSet, number: usize, how: Nearest) -> Vec<(u32, f32)> {
    let text = format!("name{}x{} word{}", number % 2, number * 311, number);
    snapshot
        .dense(&vector(&text), MODEL, rows, 10, how)
        .expect("searches")
}

#[test]
fn signs_find_what_the_scan_finds() {
    let folder = tempfile::tempdir().expect("folder");
    let snapshot = many(folder.path());
    let rows = snapshot.view_rows(snapshot.catalog().view("here").expect("view"));
    assert_eq!(rows.count(), 26_000);
    // All threads at once: none waits for another that waits for it.
    let by_signs: Vec<Vec<(u32, f32)>> = (0..40_usize)
        .into_par_iter()
        .map(|number| near(&snapshot, &rows, number, Nearest::Signs))
        .collect();
    let mut agreeing = 0;
    for (number, found) in by_signs.iter().enumerate() {
        let exact = near(&snapshot, &rows, number, Nearest::Exact);
        agreeing += found.iter().filter(|one| exact.contains(one)).count();
        assert_eq!(found, &near(&snapshot, &rows, number, Nearest::Signs));
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
    }
    // Sixteen signs say little; models have 256 and more.
    assert!(agreeing >= 320, "{agreeing} of 400");
    // Of some rows, whether they are many or few.
    for share in [2, 50] {
        let mut some = rows.clone();
        for row in rows.iter().filter(|row| row % share != 0) {
            some.remove(row);
        }
        let found = near(&snapshot, &some, 3, Nearest::Signs);
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|one| one.0 % share == 0));
    }
}
