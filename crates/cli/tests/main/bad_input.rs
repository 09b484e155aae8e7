//! What is wrong gives one clear line and the right code, and loses nothing.

use std::fs;
use std::process::Command;

use crate::program::{Run, Scratch, fixtures, hits};

fn refused(run: &Run, expected: &[&str]) {
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(run.out, "");
    let own: Vec<&str> = run
        .err
        .lines()
        .filter(|line| line.starts_with("wherein: "))
        .collect();
    assert_eq!(own.len(), 1, "one line: {}", run.err);
    for part in expected {
        assert!(own[0].contains(part), "{part}: {}", own[0]);
    }
}

#[test]
fn a_missing_path_is_named() {
    let scratch = Scratch::new();
    refused(&scratch.run(&["index", "no/such"]), &["no/such"]);
    refused(&scratch.run(&["query", "no/such"]), &["no/such"]);
    scratch.write("file.txt", "text");
    refused(&scratch.run(&["index", "file.txt"]), &["file.txt"]);
}

#[test]
fn empty_and_unreadable_repositories_say_so() {
    let scratch = Scratch::new();
    let run = scratch.run(&["index"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("no file"), "{}", run.err);
    assert_eq!(scratch.run(&["anything"]).code, 1);
    scratch.write("only.png", [0_u8, 1, 2, 3]);
    scratch.write("blank.txt", "\n\n");
    let run = scratch.run(&["index"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("2 skipped"), "{}", run.err);
}

#[test]
fn queries_have_limits() {
    let scratch = Scratch::with(&[("a.txt", "word\n")]);
    refused(&scratch.run(&["search", ""]), &["empty"]);
    refused(&scratch.run(&["search", "  "]), &["empty"]);
    refused(
        &scratch.run(&["search", &"x".repeat(100_000)]),
        &["100000 bytes", "16384"],
    );
    refused(&scratch.run(&["word", "-k", "0"]), &["k is 0"]);
    refused(&scratch.run(&["word", "-k", "1001"]), &["1001"]);
    assert!(
        !scratch.home().join("index").exists(),
        "nothing is indexed for a refused query"
    );
}

#[test]
fn a_broken_settings_file_is_named_with_its_line() {
    let scratch = Scratch::with(&[
        ("a.txt", "word\n"),
        ("wherein.toml", "[search]\nresults = = 3\n"),
    ]);
    refused(&scratch.run(&["word"]), &["wherein.toml", "line 2"]);
    scratch.write("wherein.toml", "[search]\nreslts = 3\n");
    refused(&scratch.run(&["word"]), &["wherein.toml", "search.reslts"]);
    scratch.write("wherein.toml", "[search]\nresults = 1\n");
    scratch.write("b.txt", "word\n");
    assert_eq!(scratch.paths(&["word"]).len(), 1);
}

#[test]
fn a_damaged_index_is_rebuilt_or_named_never_believed() {
    let scratch = Scratch::with(&[
        ("a.py", "def apple():\n    pass\n"),
        ("b.py", "def pear():\n    pass\n"),
    ]);
    scratch.json(&["index"]);
    let index = scratch.index_folder();
    let names: Vec<_> = fs::read_dir(&index)
        .expect("lists")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_file() && !path.ends_with("lock"))
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    for path in names {
        let Ok(mut bytes) = fs::read(&path) else {
            continue;
        };
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        bytes.truncate(bytes.len() - 1);
        fs::write(&path, &bytes).expect("writes");
        refused(
            &scratch.run(&["apple", "--no-refresh"]),
            &[&path.to_string_lossy()],
        );
        refused(&scratch.run(&["status"]), &[&path.to_string_lossy()]);
        let run = scratch.run(&["apple", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.err.contains("built anew"), "{}", run.err);
        let answer: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(hits(&answer)[0]["path"], "a.py");
        assert_eq!(scratch.json(&["status"])["files"], 2);
    }
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
    // A file where the folder should be: refused whoever runs the test.
    fs::write(scratch.home(), "in the way").expect("writes");
    refused(
        &scratch.run(&["apple"]),
        &[&scratch.home().to_string_lossy()],
    );
}

/// A full disk: a file system of a few hundred kilobytes.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
    fs::create_dir_all(scratch.home()).expect("creates");
    let home = scratch.home();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=640k", "tmpfs"])
        .arg(&home)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("not run: no right to mount a small file system");
        return;
    }
    let ended = std::panic::catch_unwind(|| {
        scratch.json(&["index"]);
        let big: String =
            (0..60_000).fold(String::new(), |all, n| format!("{all}unique{n} = {n}\n"));
        scratch.write("big.py", &big);
        let run = scratch.run(&["index"]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.err.contains(&home.to_string_lossy().into_owned()),
            "{}",
            run.err
        );
        // What was there still answers.
        assert_eq!(
            scratch.paths(&["apple", "--no-refresh", "--mode", "symbol"]),
            ["a.py"]
        );
        fs::remove_file(scratch.repository().join("big.py")).expect("removes");
        assert_eq!(scratch.paths(&["apple", "--mode", "symbol"]), ["a.py"]);
    });
    let unmounted = Command::new("umount").arg(&home).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Everything nasty that a repository can hold.
#[cfg(unix)]
#[test]
fn a_hostile_repository_is_indexed_and_every_skip_is_recorded() {
    let scratch = Scratch::new();
    let folder = scratch.repository().join("hostile");
    let made = Command::new("python3")
        .arg(fixtures().join("hostile/make.py"))
        .arg(&folder)
        .output()
        .expect("python3 runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let report = scratch.json(&["index", "hostile"]);
    assert_eq!(report["complete"], true, "{report}");
    assert!(
        report["files"].as_u64().is_some_and(|files| files > 10),
        "{report}"
    );
    let status = scratch.json(&["status", "hostile"]);
    for reason in [
        "binary",
        "secret",
        "symlink",
        "too_large",
        "not_regular",
        "empty",
        "nested_repository",
    ] {
        assert!(
            status["skipped"][reason]
                .as_u64()
                .is_some_and(|paths| paths > 0),
            "{reason}: {status}"
        );
    }
    let answer = scratch.json(&["PRIVATE KEY password token", "hostile", "-k", "50"]);
    for hit in hits(&answer) {
        let text = hit["text"].as_str().expect("text");
        assert!(!text.contains("AAAAAAAAAAAAAAAAAAAAAAAA"), "{hit}");
    }
    // Some folders of it cannot be removed without their rights.
    let _ = Command::new("chmod")
        .args(["-R", "u+rwX"])
        .arg(&folder)
        .status();
}
