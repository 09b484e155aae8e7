//! What is kept for a branch that comes back, and `wherein gc`, which gives it back.

use std::fs;

use serde_json::Value;

use crate::program::Scratch;

fn committed() -> Scratch {
    let scratch = Scratch::with(&[
        ("door.py", "def open_door():\n    return 1\n"),
        ("gate.py", "def open_gate():\n    return 2\n"),
    ]);
    scratch.git(&["init", "--quiet"]);
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "one"]);
    scratch.json(&["index"]);
    scratch
}

fn done(report: &Value) -> (u64, u64, u64) {
    let of = |key: &str| report[key].as_u64().expect("a number");
    (of("files_indexed"), of("files_reused"), of("files_removed"))
}

#[test]
fn a_branch_that_comes_back_is_not_made_anew() {
    let scratch = committed();
    scratch.git(&["checkout", "--quiet", "-b", "side"]);
    scratch.write("gate.py", "def shut_gate():\n    return 3\n");
    scratch.write("bell.py", "def ring_bell():\n    return 4\n");
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "two"]);
    assert_eq!(done(&scratch.json(&["index"])), (2, 0, 0));
    let side = scratch.json(&["open the gate"])["hits"].clone();
    scratch.git(&["checkout", "--quiet", "main"]);
    assert_eq!(done(&scratch.json(&["index"])), (0, 1, 1));
    assert_eq!(
        scratch.paths(&["shut_gate", "--mode", "lexical"]),
        ["gate.py"]
    );
    scratch.git(&["checkout", "--quiet", "side"]);
    assert_eq!(done(&scratch.json(&["index"])), (0, 2, 0));
    assert_eq!(scratch.json(&["open the gate"])["hits"], side);
    // Collected, they are made anew.
    let collected = scratch.json(&["gc"]);
    assert_eq!(collected["indexes"][0]["versions"], 1);
    assert_eq!(scratch.json(&["open the gate"])["hits"], side);
    let collected = scratch.json(&["gc"]);
    assert_eq!(collected["indexes"][0]["versions"], 0);
    scratch.git(&["checkout", "--quiet", "main"]);
    assert_eq!(done(&scratch.json(&["index"])), (1, 0, 1));
}

#[test]
fn what_is_gone_is_given_back() {
    let scratch = committed();
    let second = scratch.home().with_file_name("second");
    let shown = second.to_string_lossy().into_owned();
    scratch.git(&["worktree", "add", "--quiet", "-b", "two", &shown]);
    fs::write(second.join("bell.py"), "def ring_bell():\n    return 4\n").expect("written");
    let report = scratch.json(&["index", &shown]);
    assert_eq!(
        done(&report),
        (1, 2, 0),
        "the worktree costs its difference"
    );
    let other = scratch.home().with_file_name("other");
    fs::create_dir_all(&other).expect("created");
    fs::write(other.join("lock.py"), "def lock_it():\n    return 5\n").expect("written");
    scratch.json(&["index", &other.to_string_lossy()]);
    let indexes = || {
        fs::read_dir(scratch.home().join("index"))
            .expect("a folder")
            .count()
    };
    assert_eq!(indexes(), 2);
    fs::remove_dir_all(&second).expect("removed");
    fs::remove_dir_all(&other).expect("removed");
    let dry = scratch.json(&["gc", "--dry-run"]);
    assert_eq!((dry["bytes_freed"].as_u64(), indexes()), (Some(0), 2));
    let run = scratch.run(&["gc"]);
    assert!(
        run.code == 0 && run.out.contains("second is gone") && run.out.contains("no checkout"),
        "{run:?}"
    );
    assert_eq!(indexes(), 1);
    assert_eq!(
        scratch.run(&["search", "--no-refresh", "open_door"]).code,
        0
    );
    assert_eq!(scratch.run(&["doctor", "--check"]).code, 0);
    // One that is damaged is left as it is, and said.
    let folder = scratch.index_folder();
    fs::write(folder.join("lexical/meta.json"), "{}").expect("written");
    let run = scratch.run(&["gc", "--json"]);
    assert_eq!(run.code, 2, "{run:?}");
    let collected: Value = serde_json::from_str(&run.out).expect("JSON");
    assert!(collected["indexes"][0]["error"].is_string(), "{collected}");
    assert!(folder.exists());
}

#[test]
fn a_clone_shares_the_index_and_none_of_the_answers() {
    let scratch = committed();
    let clone = scratch.home().with_file_name("copy");
    let shown = clone.to_string_lossy().into_owned();
    let source = scratch.repository().to_string_lossy().into_owned();
    scratch.git(&["clone", "--quiet", &source, &shown]);
    fs::write(clone.join("bell.py"), "def ring_bell():\n    return 4\n").expect("written");
    let report = scratch.json(&["index", &shown]);
    assert_eq!(done(&report), (1, 2, 0), "the clone costs its difference");
    let count = || {
        let indexes = fs::read_dir(scratch.home().join("index"));
        indexes.expect("a folder").count()
    };
    assert_eq!(count(), 1);
    // What lies in one is not found in the other, and is told as its own.
    let finds_nothing = |arguments: &[&str]| scratch.run(arguments).code == 1;
    assert!(finds_nothing(&["ring_bell", "--mode", "symbol"]));
    assert_eq!(
        scratch.paths(&["ring_bell", &shown, "--mode", "symbol"]),
        ["bell.py"]
    );
    fs::remove_file(clone.join("door.py")).expect("removed");
    assert!(finds_nothing(&["open_door", &shown, "--mode", "symbol"]));
    assert_eq!(
        scratch.paths(&["open_door", "--mode", "symbol"]),
        ["door.py"]
    );
    // With an origin of its own it is another repository, and its view is collected.
    let address = "https://example.org/team/copy.git";
    scratch.git_in(&clone, &["remote", "set-url", "origin", address]);
    let report = scratch.json(&["index", &shown]);
    assert_eq!((done(&report), count()), ((2, 0, 0), 2));
    let collected = scratch.json(&["gc"]);
    let gone = collected["indexes"].as_array().expect("indexes").iter();
    let gone: Vec<&Value> = gone
        .flat_map(|index| index["gone"].as_array().expect("roots"))
        .collect();
    assert_eq!(gone.len(), 1, "{collected}");
    assert_eq!(
        scratch.paths(&["ring_bell", &shown, "--mode", "symbol"]),
        ["bell.py"]
    );
}
