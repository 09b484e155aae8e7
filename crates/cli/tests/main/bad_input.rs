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

/// A small file system of its own at a folder, for as long as it lives; only
/// root may have one.
#[cfg(target_os = "linux")]
struct Mounted(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Mounted {
    fn at(folder: &std::path::Path, options: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("creates");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("not run: no right to mount a small file system");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    fn make_read_only(&self) {
        let status = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        // A folder that stays mounted cannot be removed, which the test then says.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A disk that is full at one point or another: whatever the command, what was
/// there answers, and the next run on a disk with space is whole.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    for kilobytes in [640, 780, 900, 1100, 1300] {
        let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
        let home = scratch.home();
        let Some(_mounted) = Mounted::at(&home, &format!("size={kilobytes}k")) else {
            return;
        };
        scratch.json(&["index"]);
        let big: String =
            (0..60_000).fold(String::new(), |all, n| format!("{all}unique{n} = {n}\n"));
        scratch.write("big.py", &big);
        // A search answers from what is there, and says why it is not newer.
        let search = scratch.run(&["apple", "--mode", "symbol"]);
        assert_eq!(search.code, 0, "{kilobytes}: {search:?}");
        assert!(search.out.contains("a.py"), "{kilobytes}: {search:?}");
        assert!(search.err.contains("searched as it is"), "{}", search.err);
        for arguments in [&["index"][..], &["index", "--full"]] {
            let run = scratch.run(arguments);
            refused(&run, &[&home.to_string_lossy(), "space"]);
            assert_eq!(
                scratch.paths(&["apple", "--no-refresh", "--mode", "symbol"]),
                ["a.py"],
                "{kilobytes} {arguments:?}"
            );
        }
        fs::remove_file(scratch.repository().join("big.py")).expect("removes");
        assert_eq!(scratch.paths(&["apple", "--mode", "symbol"]), ["a.py"]);
    }
}

/// An index that can only be read is read.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_data_folder_is_searched_as_it_is() {
    let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
    let Some(mounted) = Mounted::at(&scratch.home(), "size=8m") else {
        return;
    };
    scratch.json(&["index"]);
    // So that nothing is left to be written down of the first run.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    scratch.json(&["index"]);
    fs::remove_file(scratch.index_folder().join("lexical/.tantivy-meta.lock")).unwrap_or_default();
    mounted.make_read_only();
    for arguments in [
        &["apple"][..],
        &["apple", "--no-refresh"],
        &["index"],
        &["status"],
        &["why", "a.py"],
    ] {
        let run = scratch.run(arguments);
        assert_eq!(
            (run.code, run.err.as_str()),
            (0, ""),
            "{arguments:?} {run:?}"
        );
    }
    scratch.write("b.py", "def pear():\n    pass\n");
    let run = scratch.run(&["apple"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("searched as it is"), "{}", run.err);
    refused(&scratch.run(&["index"]), &["WHEREIN_HOME"]);
}

/// Too few file descriptors, or no right to read, are no property of a file:
/// nothing is forgotten for them, and the next run reads it.
#[cfg(unix)]
#[test]
fn trouble_of_the_process_is_not_taken_for_a_fault_of_the_files() {
    let scratch = Scratch::new();
    for number in 0..40 {
        scratch.write(
            &format!("deep/er/file{number}.py"),
            format!("def function{number}():\n    pass\n"),
        );
    }
    scratch.json(&["index"]);
    let program = env!("CARGO_BIN_EXE_wherein");
    for descriptors in 4..20 {
        scratch.write(
            "deep/er/file0.py",
            format!("def changed{descriptors}():\n    pass\n"),
        );
        let limited = format!("ulimit -n {descriptors}; exec '{program}' function7");
        let mut command = Command::new("bash");
        command
            .args(["-c", &limited])
            .current_dir(scratch.repository())
            .env("WHEREIN_HOME", scratch.home())
            .env("WHEREIN_ONNXRUNTIME", "off");
        command.output().expect("starts");
        let left = scratch.json(&["status"]);
        assert_eq!(left["files"], 40, "{descriptors}: {left}");
    }
    assert_eq!(scratch.json(&["index"])["files"], 40);
    assert_eq!(
        scratch.paths(&["function7", "--mode", "symbol"]),
        ["deep/er/file7.py"]
    );
}

/// A file that one user may not read is read for the next who may.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_the_right_to_read_is_tried_again() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let scratch = Scratch::with(&[
        ("a.py", "def apple():\n    pass\n"),
        ("p.py", "def pear():\n    pass\n"),
    ]);
    let top = scratch.repository().parent().expect("parent").to_owned();
    if top.metadata().expect("stat").uid() != 0 {
        eprintln!("not run: only root can become somebody else");
        return;
    }
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("sets");
    };
    fs::create_dir_all(scratch.home()).expect("creates");
    mode(&top, 0o755);
    mode(&scratch.home(), 0o777);
    mode(&scratch.repository().join("p.py"), 0o600);
    // Where nobody may execute it.
    let program = top.join("wherein");
    let built = env!("CARGO_BIN_EXE_wherein");
    if fs::hard_link(built, &program).is_err() {
        fs::copy(built, &program).expect("copies");
    }
    mode(&program, 0o755);
    let mut as_nobody = Command::new(&program);
    as_nobody
        .args(["index", "--json"])
        .current_dir(scratch.repository())
        .env("WHEREIN_HOME", scratch.home())
        .env("WHEREIN_ONNXRUNTIME", "off")
        .env("HOME", &top)
        .env("XDG_CONFIG_HOME", top.join("config"))
        .uid(65534)
        .gid(65534);
    let run = crate::program::finished(&as_nobody.output().expect("starts"));
    assert_eq!(run.code, 0, "{run:?}");
    let status = scratch.json(&["status"]);
    assert_eq!(
        (&status["files"], &status["skipped"]["unreadable"]),
        (&1.into(), &1.into())
    );
    assert_eq!(scratch.paths(&["pear", "--mode", "symbol"]), ["p.py"]);
    assert_eq!(scratch.json(&["status"])["files"], 2);
}

/// Damage that shows only when the bytes are read: a vector, a text.
#[test]
fn damage_found_late_is_mended_too() {
    let scratch = Scratch::with(&[
        ("a.py", "def apple():\n    pass\n"),
        ("b.py", "def pear():\n    pass\n"),
    ]);
    for prefix in ["vectors-", "chunks-"] {
        scratch.json(&["index"]);
        let folder = scratch.index_folder();
        let path = fs::read_dir(&folder)
            .expect("lists")
            .map(|entry| entry.expect("entry").path())
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
            })
            .expect("a segment");
        let bytes = fs::read(&path).expect("reads");
        let mut found_late = 0;
        for at in (64..bytes.len().min(4096)).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x20;
            fs::write(&path, &damaged).expect("writes");
            if scratch.run(&["status"]).code != 0 {
                continue;
            }
            let strict = scratch.run(&["apple", "--no-refresh", "--json"]);
            if strict.code == 0 {
                continue; // Padding, or of a text that is not shown.
            }
            found_late += 1;
            refused(&strict, &[&path.to_string_lossy()]);
            let run = scratch.run(&["apple", "--json"]);
            assert_eq!(run.code, 0, "{at}: {run:?}");
            assert!(run.err.contains("built anew"), "{}", run.err);
            break;
        }
        assert!(found_late > 0, "{prefix}: no byte was found late");
        assert_eq!(scratch.json(&["status"])["files"], 2);
    }
}

#[test]
fn arguments_that_are_none_are_one_line() {
    let scratch = Scratch::with(&[("a.txt", "word\n")]);
    refused(
        &scratch.run(&["word", "--lang", "klingon"]),
        &["klingon", "rust"],
    );
    refused(
        &scratch.run(&["word", "--kind", "spell"]),
        &["spell", "function"],
    );
    refused(
        &scratch.run(&["word", "--mode", "magic"]),
        &["magic", "hybrid"],
    );
    refused(&scratch.run(&["word", "--frobnicate"]), &["--frobnicate"]);
    refused(&scratch.run(&["mcp", "list"]), &["cannot serve list"]);
    refused(&scratch.run(&["related", "list"]), &["list", "FILE:LINE"]);
    refused(&scratch.run(&["setup", "list"]), &["list", "claude-code"]);
    assert!(!scratch.home().join("index").exists());
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
