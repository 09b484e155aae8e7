//! Commits, views, the lock, and what is swept.

use std::collections::HashSet;
use std::fs;

use proptest::prelude::*;
use wherein_store::{Snapshot, StoreError, Writer};

use crate::support::{add, found, index, open, options, view, writer};

#[test]
fn nothing_is_there_before_the_first_commit() {
    let folder = tempfile::tempdir().expect("folder");
    assert!(
        Snapshot::open(folder.path(), None)
            .expect("opens")
            .is_none()
    );
    let mut first = writer(folder.path());
    add(&mut first, "a", "alpha");
    drop(first);
    assert!(
        Snapshot::open(folder.path(), None)
            .expect("opens")
            .is_none()
    );
}

#[test]
fn a_reader_keeps_its_generation_and_the_next_one_sees_the_change() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), &[("a", "alpha one"), ("b", "beta two")]);
    let old = open(folder.path());
    let mut writer = writer(folder.path());
    let kept = old.catalog().view("here").expect("view").files[1];
    let new = add(&mut writer, "a", "omega one");
    let generation = writer
        .commit(view("here", vec![new, kept]))
        .expect("commits");
    drop(writer);
    assert_eq!(generation, old.generation() + 1);
    assert_eq!(found(&old, "here", "alpha").len(), 1);
    assert!(found(&old, "here", "omega").is_empty());
    let fresh = Snapshot::open(folder.path(), Some(&old))
        .expect("opens")
        .expect("there");
    assert!(found(&fresh, "here", "alpha").is_empty());
    assert_eq!(found(&fresh, "here", "omega").len(), 1);
    assert_eq!(found(&fresh, "here", "beta").len(), 1);
}

#[test]
fn an_uncommitted_writer_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), &[("a", "alpha")]);
    let mut abandoned = writer(folder.path());
    for number in 0..50 {
        add(&mut abandoned, &format!("f{number}"), "alpha beta gamma");
    }
    drop(abandoned);
    let snapshot = open(folder.path());
    assert_eq!(snapshot.generation(), 1);
    assert_eq!(found(&snapshot, "here", "alpha").len(), 1);
    let again = writer(folder.path());
    assert_eq!(again.catalog().files.len(), 1);
}

/// A commit that died after writing a list of deleted documents has left it
/// under the name that the next commit gives the same list.
#[test]
fn what_a_dead_commit_left_is_not_in_the_way() {
    let (folder, died) = (
        tempfile::tempdir().expect("folder"),
        tempfile::tempdir().expect("folder"),
    );
    index(folder.path(), &[("a", "alpha"), ("b", "beta")]);
    for inner in ["", "lexical"] {
        fs::create_dir_all(died.path().join(inner)).expect("creates");
        for path in files(&folder.path().join(inner)) {
            let name = path.file_name().expect("name");
            fs::copy(&path, died.path().join(inner).join(name)).expect("copies");
        }
    }
    let commit = |root: &std::path::Path| {
        let keep = open(root).catalog().view("here").expect("view").files[1];
        let mut writer = writer(root);
        writer.commit(view("here", vec![keep]))?;
        // Which deletes what the commit has kept for a view that comes back.
        writer.collect(|_| false).map(|_| ())
    };
    commit(folder.path()).expect("commits");
    let after = files(&folder.path().join("lexical"));
    let lists = after.iter().filter(|path| {
        let name = path.file_name().expect("name").to_string_lossy();
        name.ends_with(".del") || name == ".managed.json"
    });
    let mut left = 0;
    for path in lists {
        let name = path.file_name().expect("name");
        fs::copy(path, died.path().join("lexical").join(name)).expect("copies");
        left += 1;
    }
    assert_eq!(left, 2, "{after:?}");
    commit(died.path()).expect("commits");
    assert_eq!(found(&open(died.path()), "here", "beta").len(), 1);
    assert!(found(&open(died.path()), "here", "alpha").is_empty());
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .expect("lists")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_file())
        .collect()
}

/// Content that is made anew for one view serves the others too.
#[test]
fn views_share_what_is_made_anew() {
    let folder = tempfile::tempdir().expect("folder");
    let mut writer = writer(folder.path());
    for root in ["main", "branch"] {
        let file = add(&mut writer, "a", "same words");
        writer.commit(view(root, vec![file])).expect("commits");
    }
    drop(writer);
    let snapshot = open(folder.path());
    assert_eq!(snapshot.catalog().files.len(), 1);
    for root in ["main", "branch"] {
        assert_eq!(found(&snapshot, root, "words").len(), 1, "{root}");
    }
}

/// Every file of an index may be read by whom the first of them may.
#[cfg(unix)]
#[test]
fn all_files_have_the_same_rights() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), &[("a", "alpha")]);
    let mode = |path: &std::path::Path| {
        let metadata = fs::metadata(path).expect("stat");
        metadata.permissions().mode() & 0o777
    };
    let usual = mode(&folder.path().join("lock"));
    for inner in ["", "lexical"] {
        for path in files(&folder.path().join(inner)) {
            assert_eq!(mode(&path), usual, "{}", path.display());
        }
    }
}

#[test]
fn one_writer_at_a_time_and_any_number_of_readers() {
    let folder = tempfile::tempdir().expect("folder");
    index(folder.path(), &[("a", "alpha")]);
    let first = writer(folder.path());
    match Writer::open(folder.path(), &options()) {
        Err(StoreError::Locked { holder, .. }) => {
            assert_eq!(holder, std::process::id().to_string());
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two writers"),
    }
    assert_eq!(found(&open(folder.path()), "here", "alpha").len(), 1);
    drop(first);
    assert!(Writer::open(folder.path(), &options()).is_ok());
}

#[test]
fn views_share_versions_and_never_see_each_other() {
    let folder = tempfile::tempdir().expect("folder");
    let mut writer = writer(folder.path());
    let shared = add(&mut writer, "a", "shared words");
    let main_only = add(&mut writer, "b", "main words");
    writer
        .commit(view("main", vec![shared, main_only]))
        .expect("commits");
    let branch_only = add(&mut writer, "b", "branch words");
    writer
        .commit(view("branch", vec![shared, branch_only]))
        .expect("commits");
    let snapshot = open(folder.path());
    let paths = |root: &str, query: &str| found(&snapshot, root, query).len();
    assert_eq!((paths("main", "words"), paths("branch", "words")), (2, 2));
    assert_eq!((paths("main", "branch"), paths("branch", "branch")), (0, 1));
    assert_eq!(snapshot.catalog().files.len(), 3);
    let collected = writer.collect(|root| root == "main").expect("commits");
    assert_eq!(
        (collected.views, collected.versions, collected.views_left),
        (1, 1, 1)
    );
    let snapshot = open(folder.path());
    assert_eq!(snapshot.catalog().files.len(), 2);
    assert_eq!(found(&snapshot, "branch", "words").len(), 2);
    assert!(snapshot.catalog().view("main").is_none());
}

#[test]
fn many_small_commits_leave_few_files() {
    let folder = tempfile::tempdir().expect("folder");
    let mut writer = writer(folder.path());
    let mut files = Vec::new();
    for number in 0..40 {
        let text = format!("word{number} common");
        files.push(add(&mut writer, &format!("file{number}"), &text));
        writer.commit(view("here", files.clone())).expect("commits");
    }
    // What is open goes on answering while its postings are put together.
    let before = open(folder.path());
    assert!(before.pieces().can_be_fewer, "{:?}", before.pieces());
    writer.tidy().expect("tidied");
    assert_eq!(found(&before, "here", "common").len(), 40);
    assert!(before.is_newest(folder.path()), "the commit stands");
    let snapshot = open(folder.path());
    assert!(snapshot.pieces().count < 8, "{:?}", snapshot.pieces());
    assert_eq!(found(&snapshot, "here", "common").len(), 40);
    assert_eq!(
        found(&snapshot, "here", "word17"),
        [("file17".to_owned(), 1)]
    );
    assert!(snapshot.totals().segments <= 8, "{:?}", snapshot.totals());
    snapshot.check().expect("whole");
    let names: HashSet<String> = fs::read_dir(folder.path())
        .expect("lists")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert!(names.len() < 24, "{names:?}");
    let lexical = fs::read_dir(folder.path().join("lexical"))
        .expect("lists")
        .count();
    assert!(lexical < 120, "{lexical}");
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8),
    Remove(usize),
    Commit,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..12, any::<u8>()).prop_map(|(file, word)| Step::Write(file, word)),
        1 => (0_usize..12).prop_map(Step::Remove),
        2 => Just(Step::Commit),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is written, removed and committed, the index answers as a
    /// simple map of the committed files would.
    #[test]
    fn the_index_is_what_was_committed(steps in steps()) {
        let folder = tempfile::tempdir().expect("folder");
        let mut open_writer = Some(writer(folder.path()));
        let mut pending = std::collections::BTreeMap::new();
        let mut committed = std::collections::BTreeMap::new();
        for step in steps {
            let writer_now = open_writer.as_mut().expect("open");
            match step {
                Step::Write(file, word) => {
                    let text = format!("token{word} common");
                    let added = add(writer_now, &format!("f{file}"), &text);
                    pending.insert(file, (word, added));
                }
                Step::Remove(file) => {
                    pending.remove(&file);
                }
                Step::Commit => {
                    let files = pending.values().map(|one| one.1).collect();
                    writer_now.commit(view("here", files)).expect("commits");
                    committed.clone_from(&pending);
                }
                Step::Reopen => {
                    drop(open_writer.take());
                    open_writer = Some(writer(folder.path()));
                    pending.clone_from(&committed);
                }
            }
        }
        drop(open_writer);
        let snapshot = Snapshot::open(folder.path(), None).expect("opens");
        let expected: Vec<(String, u32)> = {
            let mut paths: Vec<_> = committed.keys().map(|file| (format!("f{file}"), 1)).collect();
            paths.sort();
            paths
        };
        match snapshot {
            None => prop_assert!(committed.is_empty()),
            Some(snapshot) => {
                prop_assert_eq!(found(&snapshot, "here", "common"), expected);
                for (file, (word, _)) in &committed {
                    let hits = found(&snapshot, "here", &format!("token{word}"));
                    let place = (format!("f{file}"), 1);
                    prop_assert!(hits.contains(&place));
                }
                snapshot.check().expect("whole");
            }
        }
    }
}
