//! `wherein hook`: real git, real hooks, the index follows behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Scratch;
use crate::serving::Server;

const EVENTS: [&str; 4] = ["post-commit", "post-merge", "post-checkout", "post-rewrite"];

/// A repository with one commit and an index.
fn committed() -> Scratch {
    let scratch = Scratch::with(&[("door.py", "def open_door():\n    return 1\n")]);
    scratch.git(&["init", "--quiet"]);
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "one"]);
    scratch.json(&["index"]);
    scratch
}

fn hook_file(scratch: &Scratch, name: &str) -> PathBuf {
    scratch.repository().join(".git/hooks").join(name)
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Waits until `seen` sees something, for as long as a busy machine may need.
fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the index as it is finds the definition in this file.
fn followed(scratch: &Scratch, path: &str, name: &str) {
    until(&format!("{name} in {path}"), || {
        let run = scratch.run(&["search", "--no-refresh", "--json", name]);
        let answer: Value = serde_json::from_str(&run.out).ok()?;
        let first = answer["hits"].get(0)?.clone();
        (first["path"] == path && first["symbol"] == name).then_some(())
    });
}

/// Waits until a run of this hook has ended.
fn ran(scratch: &Scratch, folder: &Path, hook: &str) {
    until(&format!("a run of {hook}"), || {
        let folder = folder.to_string_lossy();
        let run = scratch.run(&["hook", "status", &folder, "--json"]);
        let status: Value = serde_json::from_str(&run.out).ok()?;
        assert_eq!(status["last_run"].get("error"), None, "{status}");
        (status["last_run"]["hook"] == hook).then_some(())
    });
}

#[test]
fn each_event_brings_the_index_up_to_date() {
    let scratch = committed();
    let root = scratch.repository();
    assert_eq!(scratch.run(&["hook", "status"]).code, 1);
    let installed = scratch.json(&["hook", "install"]);
    for (at, name) in EVENTS.iter().enumerate() {
        assert_eq!(installed["hooks"][at]["name"], *name);
        assert_eq!(installed["hooks"][at]["state"], "installed");
    }
    assert_eq!(installed["is_indexed"], true);
    scratch.write("window.py", "def open_window():\n    return 2\n");
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "two"]);
    followed(&scratch, "window.py", "open_window");
    ran(&scratch, &root, "post-commit");
    scratch.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    ran(&scratch, &root, "post-checkout");
    scratch.write("gate.py", "def open_gate():\n    return 3\n");
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "three"]);
    followed(&scratch, "gate.py", "open_gate");
    scratch.git(&["rebase", "--quiet", "main"]);
    followed(&scratch, "window.py", "open_window");
    // Without a merge commit, which would call post-commit besides.
    scratch.git(&["checkout", "--quiet", "main"]);
    until("no gate on main", || {
        let run = scratch.run(&["search", "--no-refresh", "open_gate", "--mode", "symbol"]);
        (run.code == 1).then_some(())
    });
    scratch.git(&["merge", "--quiet", "--ff-only", "side"]);
    followed(&scratch, "gate.py", "open_gate");
    ran(&scratch, &root, "post-merge");
    // Both hooks of an amended commit run at once: only one of them is left here.
    fs::remove_file(hook_file(&scratch, "post-commit")).expect("removed");
    scratch.git(&["commit", "--quiet", "--amend", "-m", "four"]);
    ran(&scratch, &root, "post-rewrite");
    let run = scratch.run(&["hook", "status"]);
    assert!(run.code == 1 && run.err.contains("post-rewrite"), "{run:?}");
    assert_eq!(scratch.run(&["hook", "uninstall"]).code, 0);
    for name in EVENTS {
        assert!(!hook_file(&scratch, name).exists(), "{name} is left");
    }
}

/// What a hook is: its bytes or where it leads, and its mode.
fn fingerprint(path: &Path) -> (Vec<u8>, u32) {
    let metadata = fs::symlink_metadata(path).expect("there");
    let content = if metadata.is_symlink() {
        let target = fs::read_link(path).expect("a link");
        target.to_string_lossy().into_owned().into_bytes()
    } else {
        fs::read(path).expect("readable")
    };
    (content, metadata.permissions().mode())
}

#[test]
fn hooks_that_were_there_are_run_and_restored() {
    let scratch = committed();
    let root = scratch.repository();
    let log = scratch.home().with_file_name("log");
    let shown = log.display();
    // A script that would leave early, and has no final line end.
    put(
        &hook_file(&scratch, "post-commit"),
        &format!("#!/usr/bin/env bash\nset -e\necho shell >> '{shown}'\nexit 0\nexit 1"),
        0o755,
    );
    put(
        &hook_file(&scratch, "post-rewrite"),
        &format!(
            "#!/usr/bin/env python3\nimport sys\nopen('{shown}', 'a').write(f'python {{sys.argv[1]}} {{len(sys.stdin.read().split())}}\\n')\n"
        ),
        0o700,
    );
    // Switched off: git says so and goes on, with ours as well.
    put(
        &hook_file(&scratch, "post-merge"),
        &format!("#!/bin/sh\necho off >> '{shown}'\n"),
        0o644,
    );
    let script = root.join("scripts/checkout.sh");
    put(
        &script,
        &format!("#!/bin/sh\necho link $3 >> '{shown}'\n"),
        0o755,
    );
    symlink(
        "../../scripts/checkout.sh",
        hook_file(&scratch, "post-checkout"),
    )
    .expect("linked");
    let before: Vec<_> = EVENTS
        .iter()
        .map(|name| fingerprint(&hook_file(&scratch, name)))
        .collect();
    let installed = scratch.json(&["hook", "install"]);
    let states: Vec<&Value> = (0..4).map(|at| &installed["hooks"][at]["state"]).collect();
    assert_eq!(states, ["installed", "chained", "chained", "chained"]);
    // Once more changes nothing.
    let once: Vec<_> = EVENTS
        .iter()
        .map(|name| fingerprint(&hook_file(&scratch, name)))
        .collect();
    scratch.json(&["hook", "install"]);
    let twice: Vec<_> = EVENTS
        .iter()
        .map(|name| fingerprint(&hook_file(&scratch, name)))
        .collect();
    assert_eq!(once, twice);
    scratch.write("window.py", "def open_window():\n    return 2\n");
    scratch.git(&["add", "window.py"]);
    scratch.git(&["commit", "--quiet", "-m", "two"]);
    followed(&scratch, "window.py", "open_window");
    scratch.git(&["commit", "--quiet", "--amend", "-m", "three"]);
    scratch.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    scratch.git(&["merge", "--quiet", "--ff-only", "main"]);
    ran(&scratch, &root, "post-merge");
    let said = fs::read_to_string(&log).expect("the hooks have written");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["shell", "shell", "python amend 2", "link 1"]
    );
    scratch.json(&["hook", "uninstall"]);
    let after: Vec<_> = EVENTS
        .iter()
        .map(|name| fingerprint(&hook_file(&scratch, name)))
        .collect();
    assert_eq!(before, after);
    let mut left: Vec<_> = fs::read_dir(root.join(".git/hooks"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".sample"))
        .collect();
    left.sort();
    let mut expected = EVENTS.to_vec();
    expected.sort_unstable();
    assert_eq!(left, expected);
}

#[test]
fn a_commit_never_fails_because_of_us() {
    let scratch = committed();
    scratch.json(&["hook", "install"]);
    let path = hook_file(&scratch, "post-commit");
    let text = fs::read_to_string(&path).expect("readable");
    // The program names itself without links on the way.
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_wherein")).expect("there");
    let gone = text.replace(&*program.to_string_lossy(), "/nowhere/wherein");
    assert_ne!(text, gone);
    fs::write(&path, gone).expect("written");
    scratch.write("window.py", "def open_window():\n    return 2\n");
    scratch.git(&["add", "."]);
    let output = scratch
        .git_command(&scratch.repository(), &["commit", "--quiet", "-m", "two"])
        .output()
        .expect("git starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        (output.stdout.len(), output.stderr.len()),
        (0, 0),
        "{output:?}"
    );
    let run = scratch.run(&["hook", "status"]);
    assert!(
        run.code == 1 && run.out.contains("/nowhere/wherein is gone"),
        "{run:?}"
    );
    // Installing again mends it.
    assert_eq!(scratch.run(&["hook", "install"]).code, 0);
    assert_eq!(fs::read_to_string(&path).expect("readable"), text);
}

#[test]
fn hooks_that_lie_elsewhere_are_found() {
    let scratch = committed();
    let root = scratch.repository();
    // As husky has it: scripts that git ignores, which find others by their own name.
    scratch.git(&["config", "core.hooksPath", ".husky/_"]);
    let run = "#!/usr/bin/env sh\nn=$(basename \"$0\")\ns=$(dirname \"$(dirname \"$0\")\")/$n\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\n";
    put(&root.join(".husky/_/post-commit"), run, 0o755);
    put(&root.join(".husky/_/.gitignore"), "*\n", 0o644);
    put(
        &root.join(".husky/post-commit"),
        "echo ran > ran.txt\n",
        0o644,
    );
    let installed = scratch.json(&["hook", "install"]);
    assert_eq!(installed["is_in_working_tree"], true);
    scratch.write("window.py", "def open_window():\n    return 2\n");
    scratch.git(&["add", "window.py", ".husky"]);
    scratch.git(&["commit", "--quiet", "-m", "two"]);
    followed(&scratch, "window.py", "open_window");
    assert!(root.join("ran.txt").exists(), "husky's hook was not run");
    scratch.json(&["hook", "uninstall"]);
    assert_eq!(
        fs::read_to_string(root.join(".husky/_/post-commit")).expect("there"),
        run
    );
    // One that the project keeps is not changed, and what to write is told.
    scratch.git(&["config", "core.hooksPath", "hooks"]);
    put(&root.join("hooks/post-merge"), "#!/bin/sh\nexit 0\n", 0o755);
    scratch.git(&["add", "hooks"]);
    let run = scratch.run(&["hook", "install"]);
    assert!(
        run.code == 2 && run.err.contains("tracked by git"),
        "{run:?}"
    );
    let line = run.err.split(": ").last().expect("a line").trim();
    assert!(!root.join("hooks/post-commit").exists(), "all or nothing");
    let text = format!("#!/bin/sh\n{line}\nexit 0\n");
    put(&root.join("hooks/post-merge"), &text, 0o755);
    let installed = scratch.json(&["hook", "install"]);
    assert_eq!(installed["hooks"][1]["state"], "installed");
    assert_eq!(
        fs::read_to_string(root.join("hooks/post-merge")).expect("there"),
        text,
        "it is left as it is"
    );
    // For all repositories of a user.
    let everywhere = scratch.home().with_file_name("everywhere");
    scratch.git(&["config", "--unset", "core.hooksPath"]);
    scratch.git(&[
        "config",
        "--global",
        "core.hooksPath",
        &everywhere.to_string_lossy(),
    ]);
    let installed = scratch.json(&["hook", "install"]);
    assert_eq!(installed["is_shared"], true);
    assert!(everywhere.join("post-commit").exists());
    // A repository without an index is left alone.
    let other = scratch.home().with_file_name("other");
    fs::create_dir_all(&other).expect("created");
    scratch.git_in(&other, &["init", "--quiet"]);
    scratch.git_in(&other, &["commit", "--quiet", "--allow-empty", "-m", "one"]);
    std::thread::sleep(Duration::from_millis(300));
    let indexes = fs::read_dir(scratch.home().join("index")).expect("a folder");
    assert_eq!(indexes.count(), 1);
    let run = scratch.run(&["hook", "install", "/"]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn worktrees_and_submodules_have_hooks() {
    let scratch = committed();
    scratch.json(&["hook", "install"]);
    let second = scratch.home().with_file_name("second");
    let shown = second.to_string_lossy().into_owned();
    scratch.git(&["worktree", "add", "--quiet", "-b", "two", &shown]);
    // Checking it out has called its hook, so that it is ready.
    ran(&scratch, &second, "post-checkout");
    let run = scratch.run(&["search", "--no-refresh", "open_door", &shown]);
    assert_eq!(run.code, 0, "{run:?}");
    let indexes = fs::read_dir(scratch.home().join("index")).expect("a folder");
    assert_eq!(indexes.count(), 1, "worktrees share an index");
    let status = scratch.json(&["hook", "status", &shown]);
    assert_eq!(status["hooks"][0]["state"], "installed");
    // A submodule's hooks are its own.
    let library = scratch.home().with_file_name("library");
    fs::create_dir_all(&library).expect("created");
    fs::write(library.join("lib.py"), "def of_library():\n    return 1\n").expect("written");
    scratch.git_in(&library, &["init", "--quiet"]);
    scratch.git_in(&library, &["add", "."]);
    scratch.git_in(&library, &["commit", "--quiet", "-m", "one"]);
    let allowed = "protocol.file.allow=always";
    let from = library.to_string_lossy();
    scratch.git(&["-c", allowed, "submodule", "--quiet", "add", &from, "sub"]);
    let sub = scratch.repository().join("sub");
    let shown = sub.to_string_lossy().into_owned();
    scratch.json(&["index", &shown]);
    scratch.json(&["hook", "install", &shown]);
    assert!(
        scratch
            .repository()
            .join(".git/modules/sub/hooks/post-commit")
            .exists()
    );
    fs::write(sub.join("more.py"), "def more_of_it():\n    return 2\n").expect("written");
    scratch.git_in(&sub, &["add", "."]);
    scratch.git_in(&sub, &["commit", "--quiet", "-m", "two"]);
    ran(&scratch, &sub, "post-commit");
    let run = scratch.run(&["search", "--no-refresh", "more_of_it", &shown]);
    assert!(run.code == 0 && run.out.contains("more.py"), "{run:?}");
}

#[test]
fn a_running_service_does_it() {
    let scratch = committed();
    scratch.json(&["hook", "install"]);
    let root = scratch.repository();
    let server = Server::start(&scratch, &[&root.to_string_lossy()]);
    let generation = |server: &Server| {
        let (status, state) = server.request("GET", "/v1/repos/repository", &Value::Null);
        assert_eq!(status, 200, "{state}");
        state["index"]["generation"].as_u64()
    };
    let before = until("an index", || generation(&server));
    scratch.write("window.py", "def open_window():\n    return 2\n");
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "-m", "two"]);
    until("a newer generation", || {
        generation(&server).filter(|now| *now > before)
    });
    let (_, found) = server.request("POST", "/v1/search", &json!({"query": "open_window"}));
    assert_eq!(found["hits"][0]["path"], "window.py", "{found}");
    let status = scratch.json(&["hook", "status"]);
    assert_eq!(status["last_run"], Value::Null, "no process of its own");
}
