//! An index that one machine writes to a file and another takes from it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Run, Scratch};

const FILES: [(&str, &str); 3] = [
    ("door.py", "def open_door(badge):\n    return badge.known\n"),
    (
        "gate.rs",
        "/// Closes the gate at night.\nfn close_gate(hour: u32) -> bool {\n    hour > 22\n}\n",
    ),
    (
        "guide.md",
        "# Guide\n\nHow badges are checked at the door.\n",
    ),
];

/// A repository with an index, written to a file.
fn exported() -> (Scratch, PathBuf) {
    let scratch = Scratch::with(&FILES);
    let file = scratch.home().with_file_name("index.wherein");
    let report = scratch.json(&["export", &file.to_string_lossy()]);
    assert_eq!(report["files"], 3);
    assert_eq!(
        report["bytes"].as_u64(),
        fs::metadata(&file).ok().map(|one| one.len())
    );
    (scratch, file)
}

fn hits(scratch: &Scratch) -> Value {
    let answer = scratch.json(&["when is the gate closed"]);
    answer["hits"].clone()
}

fn import(scratch: &Scratch, file: &std::path::Path, more: &[&str]) -> Run {
    let file = file.to_string_lossy();
    scratch.run(&[&["import", &*file, "--json"], more].concat())
}

#[test]
fn what_one_machine_made_is_not_made_again_on_another() {
    let (first, file) = exported();
    let second = Scratch::with(&FILES);
    second.write("door.py", "def shut_door(badge):\n    return badge.known\n");
    let run = import(&second, &file, &[]);
    assert_eq!(run.code, 0, "{run:?}");
    let report: Value = serde_json::from_str(&run.out).expect("a report");
    let count = |key: &str| report[key].as_u64();
    assert_eq!(
        (
            count("files_indexed"),
            count("files_unchanged"),
            count("files")
        ),
        (Some(1), Some(2), Some(3)),
        "only what differs is made: {report}"
    );
    assert_eq!(
        second.paths(&["shut_door", "--mode", "symbol"]),
        ["door.py"]
    );
    assert_eq!(
        second
            .run(&["search", "open_door", "--mode", "symbol"])
            .code,
        1
    );
    assert_eq!(second.run(&["doctor", "--check"]).code, 0);
    // As if it had been built here.
    let third = Scratch::with(&FILES);
    assert_eq!(import(&third, &file, &[]).code, 0);
    assert_eq!(hits(&third), hits(&first));
    // A second time it is in the way, unless it is told to go.
    let run = import(&third, &file, &[]);
    assert!(run.code == 2 && run.err.contains("--replace"), "{run:?}");
    assert_eq!(import(&third, &file, &["--replace"]).code, 0);
    assert_eq!(hits(&third), hits(&first));
    let left = fs::read_dir(third.home().join("transfer")).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn nothing_of_other_checkouts_is_given_away() {
    let scratch = Scratch::with(&FILES);
    scratch.git(&["init", "--quiet"]);
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "one"]);
    scratch.json(&["index"]);
    let second = scratch.home().with_file_name("second");
    let shown = second.to_string_lossy().into_owned();
    scratch.git(&["worktree", "add", "--quiet", "-b", "two", &shown]);
    fs::write(
        second.join("plans.md"),
        "# Plans\n\nxylophone for nobody else.\n",
    )
    .expect("written");
    scratch.json(&["index", &shown]);
    let file = scratch.home().with_file_name("index.wherein");
    scratch.json(&["export", &file.to_string_lossy()]);
    let other = Scratch::with(&FILES);
    assert_eq!(import(&other, &file, &[]).code, 0);
    let index = other.index_folder();
    for folder in [index.clone(), index.join("lexical")] {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            let holds = |word: &[u8]| bytes.windows(word.len()).any(|some| some == word);
            assert!(
                !holds(b"xylophone") && !holds(b"plans.md"),
                "{:?}",
                entry.path()
            );
        }
    }
    // The other worktree's own is whole.
    let run = scratch.run(&["search", "--no-refresh", "xylophone", &shown]);
    assert!(run.code == 0 && run.out.contains("plans.md"), "{run:?}");
}

#[test]
fn what_is_no_archive_or_not_for_this_program_is_refused_and_changes_nothing() {
    let (_first, file) = exported();
    let whole = fs::read(&file).expect("readable");
    let scratch = Scratch::with(&FILES);
    scratch.json(&["index"]);
    let before = hits(&scratch);
    let refused = |bytes: &[u8], expected: &str| {
        let bad = scratch.home().with_file_name("bad.wherein");
        fs::write(&bad, bytes).expect("written");
        let run = import(&scratch, &bad, &["--replace"]);
        assert!(
            run.code == 2 && run.err.contains(expected),
            "{expected}: {run:?}"
        );
        assert_eq!(hits(&scratch), before);
    };
    refused(b"", "damaged");
    refused(b"no archive at all", "damaged");
    refused(&whole[..whole.len() / 2], "damaged");
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    refused(&flipped, "wherein: ");
    let run = import(&scratch, &scratch.home().with_file_name("nowhere"), &[]);
    assert_eq!(run.code, 2, "{run:?}");
    // Of another program: its own words are changed, as another version would write them.
    let script = r#"
import sys, zipfile, json
source = zipfile.ZipFile(sys.argv[1])
with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        data = source.read(name)
        if name == "about.json":
            about = json.loads(data)
            exec(sys.argv[3])
            data = json.dumps(about)
        target.writestr(name, data)
"#;
    for (change, expected) in [
        ("about['format'] = 3", "in format 1.3"),
        ("about['model'] = 'other-1'", "of the model other-1"),
        ("about['recipe'] = 1", "cuts files otherwise"),
        (
            "about['entries'][0]['name'] = '../escaped'",
            "no name of a file",
        ),
        ("about['entries'][0]['bytes'] -= 1", "not what was exported"),
        ("about['entries'].pop()", "wherein: "),
    ] {
        let changed = scratch.home().with_file_name("changed.wherein");
        let status = std::process::Command::new("python3")
            .args(["-c", script])
            .args([&file, &changed])
            .arg(change)
            .status();
        assert!(status.expect("python3 starts").success(), "{change}");
        refused(&fs::read(&changed).expect("readable"), expected);
    }
    assert!(!scratch.home().join("transfer/escaped").exists());
}
