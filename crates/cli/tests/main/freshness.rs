//! Edits are seen, only what changed is made anew, and nothing stale is shown.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::program::{Scratch, hits};

fn numbered(count: usize) -> Scratch {
    let scratch = Scratch::new();
    for number in 0..count {
        scratch.write(
            &format!("src/file{number}.py"),
            format!("def function{number}():\n    return {number}\n"),
        );
    }
    scratch
}

#[test]
fn only_what_changed_is_made_anew() {
    let scratch = numbered(20);
    let first = scratch.json(&["index"]);
    assert_eq!(
        (&first["files_indexed"], &first["complete"]),
        (&20.into(), &true.into())
    );
    scratch.write("src/file3.py", "def renamed():\n    return 'changed'\n");
    fs::remove_file(scratch.repository().join("src/file4.py")).expect("removes");
    scratch.write("src/new.py", "def brand_new():\n    pass\n");
    let second = scratch.json(&["index"]);
    assert_eq!(second["files_indexed"], 2, "{second}");
    assert_eq!(second["files_removed"], 1);
    assert_eq!(second["files"], 20);
    assert_eq!(
        scratch.paths(&["renamed", "--mode", "symbol"]),
        ["src/file3.py"]
    );
    assert_eq!(
        scratch.paths(&["brand_new", "--mode", "symbol"]),
        ["src/new.py"]
    );
    for gone in ["function3", "function4"] {
        assert_eq!(scratch.run(&[gone, "--mode", "symbol"]).code, 1, "{gone}");
    }
}

#[test]
fn an_unchanged_repository_is_not_written() {
    let scratch = numbered(5);
    scratch.json(&["index"]);
    // Files written just now are distrusted once, as git distrusts them; after
    // that nothing is read or written.
    std::thread::sleep(Duration::from_millis(1200));
    scratch.json(&["index"]);
    let before = scratch.json(&["status"])["generation"].clone();
    let report = scratch.json(&["index"]);
    assert_eq!(report["files_unchanged"], 5, "{report}");
    assert_eq!(report["generation"], before);
}

/// A file that is read again because its times prove nothing keeps the record
/// of why it is in by lines only.
#[test]
fn what_is_in_by_lines_stays_recorded() {
    let scratch = numbered(1);
    scratch.write(
        "big.py",
        "value = 1  # a line of a large file\n".repeat(40_000),
    );
    scratch.json(&["index"]);
    let recorded =
        |scratch: &Scratch| scratch.json(&["status"])["partial"]["too_large_to_parse"].clone();
    assert_eq!(recorded(&scratch), 1);
    // Another file makes the next run commit what it found.
    scratch.write("src/more.py", "more = 1\n");
    scratch.json(&["index"]);
    assert_eq!(recorded(&scratch), 1);
}

#[test]
fn a_stale_file_is_never_shown() {
    let scratch = numbered(3);
    scratch.json(&["index"]);
    scratch.write("src/file1.py", "def something_else():\n    pass\n");
    fs::remove_file(scratch.repository().join("src/file2.py")).expect("removes");
    let answer = scratch.json(&["function", "--no-refresh"]);
    let paths: Vec<String> = hits(&answer)
        .iter()
        .map(|hit| hit["path"].to_string())
        .collect();
    assert_eq!(paths, ["\"src/file0.py\""]);
    assert_eq!(answer["index"]["fresh"], false);
    assert_eq!(answer["index"]["pending_files"], 2);
}

#[test]
fn an_edit_of_equal_size_and_time_is_seen() {
    let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
    let path = scratch.repository().join("a.py");
    scratch.json(&["index"]);
    let time = fs::metadata(&path).expect("stat").modified().expect("time");
    fs::write(&path, "def grape():\n    pass\n").expect("writes");
    fs::File::options()
        .write(true)
        .open(&path)
        .expect("opens")
        .set_modified(time)
        .expect("sets");
    assert_eq!(scratch.paths(&["grape", "--mode", "symbol"]), ["a.py"]);
    assert_eq!(scratch.run(&["apple", "--mode", "symbol"]).code, 1);
}

#[test]
fn ignore_rules_apply_and_why_explains() {
    let scratch = Scratch::with(&[
        (".gitignore", "*.log\nbuild/\n"),
        (".whereinignore", "secretplan.md\n!build/\n"),
        ("kept.md", "visible words\n"),
        ("noise.log", "visible words\n"),
        ("secretplan.md", "visible words\n"),
        ("build/made.md", "visible words\n"),
        (".env", "TOKEN=visible words\n"),
    ]);
    let mut paths = scratch.paths(&["visible words", "--path", "*.md"]);
    paths.sort();
    assert_eq!(paths, ["build/made.md", "kept.md"]);
    for (file, code, expected) in [
        ("kept.md", 0, "is indexed in 1 chunk"),
        ("noise.log", 1, "*.log"),
        ("secretplan.md", 1, ".whereinignore"),
        (".env", 1, "secret"),
        ("missing.md", 1, "no such file"),
    ] {
        let run = scratch.run(&["why", file]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.out.contains(expected), "{file}: {}", run.out);
    }
    let status = scratch.json(&["status", "--skipped"]);
    assert_eq!(status["skipped"]["git_ignored"], 1, "{status}");
    assert_eq!(status["skipped"]["wherein_ignored"], 1);
    assert_eq!(status["skipped"]["secret"], 1);
    assert_eq!(status["skipped_paths"].as_array().expect("paths").len(), 3);
}

/// Ends a run after its first commit, and finds that the next one goes on from
/// there.
fn interrupted(signal: &str, code: Option<i32>) {
    let scratch = Scratch::new();
    for number in 0..4000 {
        let line = format!("    total += {number}  # one step of many\n").repeat(40);
        let text = format!("def function{number}(total):\n{line}    return total\n");
        scratch.write(&format!("src/file{number}.py"), text);
    }
    let mut child = scratch
        .command(&["index", "--json"])
        .env("WHEREIN_INDEX_CHECKPOINT_BYTES", "1048576")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !has_manifest(&scratch) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .expect("kills");
    let mut said = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("reads");
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), code, "{said}");
    // What was committed answers at once.
    let partial = scratch.json(&["function", "--no-refresh"]);
    assert_eq!(partial["index"]["fresh"], false, "{partial}");
    let report = scratch.json(&["index"]);
    assert_eq!(
        (&report["files"], &report["complete"]),
        (&4000.into(), &true.into()),
        "{report}"
    );
    let count = |key: &str| report[key].as_u64().expect("number");
    assert!(count("files_unchanged") > 0, "{report}");
    assert!(count("files_indexed") < 4000, "{report}");
    assert_eq!(
        scratch.paths(&["function3999", "--mode", "symbol"]),
        ["src/file3999.py"]
    );
}

fn has_manifest(scratch: &Scratch) -> bool {
    let folders = fs::read_dir(scratch.home().join("index"));
    let folder = folders.ok().and_then(|mut folders| folders.next()?.ok());
    folder.is_some_and(|folder| {
        let lexical = folder.path().join("lexical/meta.json");
        fs::read_to_string(lexical).is_ok_and(|meta| meta.contains("manifest-"))
    })
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done_and_the_next_run_goes_on() {
    interrupted("-INT", Some(130));
}

#[cfg(unix)]
#[test]
fn a_killed_run_loses_nothing_that_was_committed() {
    interrupted("-KILL", None);
}

/// Who has to wait says for whom, and Ctrl-C ends the wait.
#[cfg(unix)]
#[test]
fn a_wait_for_another_writer_is_said_and_can_be_ended() {
    let scratch = numbered(3);
    scratch.json(&["index"]);
    let lock = fs::File::options()
        .write(true)
        .open(scratch.index_folder().join("lock"))
        .expect("opens");
    lock.lock().expect("locks");
    // Nothing has changed, though the files are so new that `stat` proves
    // nothing: that is found out without becoming a writer.
    for arguments in [&["function1"][..], &["index"]] {
        let run = scratch.run(arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    }
    assert_eq!(scratch.json(&["function1"])["index"]["fresh"], true);
    scratch.write("src/more.py", "def more():\n    pass\n");
    // A search does not wait.
    let search = scratch.run(&["function1"]);
    assert_eq!(search.code, 0, "{search:?}");
    assert!(search.err.contains("another process"), "{}", search.err);

    let mut child = scratch
        .command(&["index"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let mut said = String::new();
    let mut err = std::io::BufReader::new(child.stderr.take().expect("piped"));
    std::io::BufRead::read_line(&mut err, &mut said).expect("reads");
    assert!(said.contains("waiting"), "{said}");
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kills").success());
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    drop(lock);
    assert_eq!(scratch.json(&["index"])["files"], 4);
}

/// What comes while a run waits for the lock is not lost by a listing of before.
#[cfg(unix)]
#[test]
fn a_run_that_waited_looks_again() {
    let scratch = numbered(3);
    scratch.json(&["index"]);
    let lock = fs::File::options()
        .write(true)
        .open(scratch.index_folder().join("lock"))
        .expect("opens");
    lock.lock().expect("locks");
    scratch.write("src/more.py", "def more():\n    pass\n");
    let mut child = scratch
        .command(&["index", "--json"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut said = String::new();
    let mut err = std::io::BufReader::new(child.stderr.take().expect("piped"));
    std::io::BufRead::read_line(&mut err, &mut said).expect("reads");
    // By then it has listed the tree and waits.
    std::thread::sleep(Duration::from_millis(500));
    scratch.write("src/late.py", "def late():\n    pass\n");
    drop(lock);
    let output = child.wait_with_output().expect("ends");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["files"], 5, "{report}");
}

#[test]
fn status_says_how_fresh_the_index_is() {
    let scratch = numbered(3);
    scratch.json(&["index"]);
    let status = scratch.json(&["status"]);
    assert_eq!(
        (&status["pending_files"], &status["complete"]),
        (&0.into(), &true.into())
    );
    scratch.write("src/file1.py", "def other():\n    pass\n");
    fs::remove_file(scratch.repository().join("src/file2.py")).expect("removes");
    let status = scratch.json(&["status"]);
    assert_eq!(
        (&status["fresh"], &status["complete"]),
        (&false.into(), &true.into())
    );
    assert!(status["pending_files"].as_u64() >= Some(2), "{status}");
    let said = scratch.run(&["status"]).out;
    assert!(said.contains("fresh        no; "), "{said}");
}

/// What was passed over for its content is looked at again when that changes.
#[test]
fn status_counts_what_is_no_longer_passed_over() {
    let scratch = numbered(1);
    scratch.write("a.py", [0_u8, 1, 2, 3]);
    scratch.json(&["index"]);
    let status = scratch.json(&["status"]);
    assert_eq!(
        (&status["pending_files"], &status["fresh"]),
        (&0.into(), &true.into()),
        "{status}"
    );
    scratch.write("a.py", "def apple():\n    pass\n");
    let status = scratch.json(&["status"]);
    assert_eq!(
        (&status["pending_files"], &status["fresh"]),
        (&1.into(), &false.into()),
        "{status}"
    );
    assert_eq!(scratch.paths(&["apple", "--mode", "symbol"]), ["a.py"]);
}

/// `--full` makes everything anew beside what is there, and other checkouts of
/// the same repository keep theirs.
#[test]
fn a_full_run_replaces_everything() {
    let scratch = numbered(5);
    let first = scratch.json(&["index"]);
    let full = scratch.json(&["index", "--full"]);
    assert_eq!(
        (&full["files_indexed"], &full["files"]),
        (&5.into(), &5.into())
    );
    assert!(full["generation"].as_u64() > first["generation"].as_u64());
    assert_eq!(full["chunks"], first["chunks"]);
    assert_eq!(
        scratch.paths(&["function3", "--mode", "symbol"]),
        ["src/file3.py"]
    );
}

#[test]
fn why_takes_paths_as_the_shell_gives_them() {
    let scratch = Scratch::with(&[
        ("src/y.py", "def apple():\n    pass\n"),
        ("src/.env", "A=b\n"),
        ("other/wherein.toml", "[search]\nresults = = 1\n"),
    ]);
    scratch.json(&["index"]);
    let why = |folder: &str, file: &str| {
        let mut command = scratch.command(&["why", file]);
        command.current_dir(scratch.repository().join(folder));
        crate::program::finished(&command.output().expect("starts"))
    };
    for (folder, file, code, expected) in [
        ("src", "y.py", 0, "is indexed in 1 chunk"),
        ("other", "../src/y.py", 0, "is indexed in 1 chunk"),
        ("src", "./.env", 1, "secret"),
        (".", "src", 0, "1 file of it indexed"),
        (
            "/",
            &scratch.repository().join("src/y.py").to_string_lossy(),
            0,
            "is indexed",
        ),
    ] {
        let run = why(folder, file);
        assert_eq!(run.code, code, "{folder} {file}: {run:?}");
        assert!(run.out.contains(expected), "{folder} {file}: {}", run.out);
    }
}

#[test]
fn an_ignored_folder_that_is_named_is_indexed() {
    let scratch = Scratch::with(&[
        ("a.py", "def apple():\n    pass\n"),
        (".whereinignore", "out/\n"),
        ("out/b.py", "def pear():\n    pass\n"),
    ]);
    scratch.json(&["index"]);
    assert_eq!(scratch.run(&["pear", "--mode", "symbol"]).code, 1);
    assert_eq!(
        scratch.paths(&["pear", "out", "--mode", "symbol"]),
        ["b.py"]
    );
    assert_eq!(scratch.run(&["pear", "--mode", "symbol"]).code, 1);
}

#[test]
fn two_at_once_both_answer() {
    let scratch = numbered(300);
    let children: Vec<_> = (0..3)
        .map(|_| {
            scratch
                .command(&["function7", "--json"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(scratch.json(&["status"])["files"], 300);
}
