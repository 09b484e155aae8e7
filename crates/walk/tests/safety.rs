//! Nothing in a tree makes the walk leave it, block, or fail.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use wherein_core::SkipReason;
use wherein_walk::{Verdict, read, stat, why};

use crate::sandbox::{Sandbox, is_root, options};

fn reason(sandbox: &Sandbox, path: &str) -> SkipReason {
    read(&sandbox.checkout(), path, &options())
        .unwrap_err()
        .skip()
        .unwrap()
        .reason
}

#[test]
fn pipes_and_sockets_are_never_opened() {
    let sandbox = Sandbox::plain();
    let made = Command::new("mkfifo")
        .arg(sandbox.root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let fifo = |name: &str| {
        Command::new("mkfifo")
            .arg(sandbox.root.join(name))
            .status()
            .unwrap()
    };
    for name in [
        ".gitignore",
        ".whereinignore",
        ".gitattributes",
        "CACHEDIR.TAG",
    ] {
        assert!(fifo(name).success());
    }
    let _socket = UnixListener::bind(sandbox.root.join("socket")).unwrap();
    sandbox.fill(&["a.c"]);
    assert_eq!(sandbox.files(), "a.c");
    for (path, detail) in [("pipe", "a pipe"), ("socket", "a socket")] {
        assert_eq!(
            sandbox.skip(path),
            Some((SkipReason::NotRegular, detail.to_owned()))
        );
        assert_eq!(reason(&sandbox, path), SkipReason::NotRegular);
        assert_eq!(stat(&sandbox.checkout(), path), None);
    }
}

#[test]
fn links_are_not_followed_in_any_component() {
    let sandbox = Sandbox::plain();
    sandbox.fill(&["real/a.c"]);
    let outside = sandbox.root.parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("private.c"), "text\n").unwrap();
    symlink(&outside, sandbox.root.join("escape")).unwrap();
    symlink(outside.join("private.c"), sandbox.root.join("file")).unwrap();
    symlink("..", sandbox.root.join("real/loop")).unwrap();
    symlink("nowhere", sandbox.root.join("dangling")).unwrap();
    assert_eq!(sandbox.files(), "real/a.c");
    for path in ["escape", "file", "real/loop", "dangling"] {
        assert_eq!(sandbox.skip(path).unwrap().0, SkipReason::Symlink, "{path}");
    }
    for path in ["escape/private.c", "file", "real/loop/real/a.c", "dangling"] {
        assert_eq!(reason(&sandbox, path), SkipReason::Symlink, "{path}");
        assert_eq!(stat(&sandbox.checkout(), path), None, "{path}");
    }
    let verdict = why(
        &sandbox.checkout(),
        Path::new("escape/private.c"),
        &options(),
    )
    .unwrap();
    assert!(matches!(verdict, Verdict::Skipped(skip) if skip.path == "escape"));
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    let sandbox = Sandbox::plain();
    sandbox.fill(&["a.c"]);
    let absolute = sandbox.root.join("a.c");
    for path in [
        "../repo/a.c",
        absolute.to_str().unwrap(),
        "./a.c",
        "",
        "a.c/",
        "x//a.c",
        "a\0",
    ] {
        assert_eq!(reason(&sandbox, path), SkipReason::Unreadable, "{path:?}");
        assert_eq!(stat(&sandbox.checkout(), path), None, "{path:?}");
    }
    assert_eq!(reason(&sandbox, "none"), SkipReason::Changed);
    assert_eq!(reason(&sandbox, "a.c/none"), SkipReason::Changed);
    fs::create_dir(sandbox.root.join("folder")).unwrap();
    assert_eq!(reason(&sandbox, "folder"), SkipReason::NotRegular);
}

#[test]
fn names_that_are_not_utf8_are_reported() {
    let sandbox = Sandbox::plain();
    fs::write(sandbox.root.join(OsStr::from_bytes(b"a\xff.c")), "x").unwrap();
    fs::create_dir(sandbox.root.join(OsStr::from_bytes(b"d\xff"))).unwrap();
    assert_eq!(sandbox.skip("a\u{fffd}.c").unwrap().0, SkipReason::BadName);
    assert_eq!(sandbox.skip("d\u{fffd}/").unwrap().0, SkipReason::BadName);
}

#[test]
fn what_may_not_be_read_is_a_skip() {
    let sandbox = Sandbox::plain();
    sandbox.fill(&["closed/a.c", "closed.c", "open.c"]);
    let set = |path: &str, mode: u32| {
        fs::set_permissions(sandbox.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("closed", 0);
    set("closed.c", 0);
    let (files, folder) = (sandbox.files(), sandbox.skip("closed/"));
    let file = read(&sandbox.checkout(), "closed.c", &options());
    let verdict = why(&sandbox.checkout(), Path::new("closed/a.c"), &options()).unwrap();
    set("closed", 0o755);
    if is_root() {
        return; // Root may read everything.
    }
    assert_eq!(files, "closed.c open.c");
    assert_eq!(folder.unwrap().0, SkipReason::Unreadable);
    assert_eq!(
        file.unwrap_err().skip().unwrap().reason,
        SkipReason::Unreadable
    );
    assert!(matches!(verdict, Verdict::Skipped(skip) if skip.reason == SkipReason::Unreadable));
}

#[test]
fn deep_nesting_is_walked() {
    let sandbox = Sandbox::plain();
    let mut path = String::new();
    for _ in 0..500 {
        path.push_str("d/");
    }
    path.push_str("a.c");
    sandbox.fill(&[&path]);
    for depth in [10, 200, 400] {
        sandbox.write(&format!("{}.gitignore", "d/".repeat(depth)), "*.log\n");
    }
    assert_eq!(sandbox.files(), path);
    assert!(read(&sandbox.checkout(), &path, &options()).is_ok());
    assert_eq!(
        why(&sandbox.checkout(), Path::new(&path), &options()).unwrap(),
        Verdict::Candidate
    );
}

#[test]
fn a_path_too_long_for_the_system_is_a_skip() {
    let sandbox = Sandbox::plain();
    // Two halves, each of which the system still takes, moved into one another.
    let half = vec!["n".repeat(250); 14].join("/");
    sandbox.fill(&[&format!("{half}/a.c"), "b.c"]);
    let other = sandbox.root.join("other").join(&half);
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("c.c"), "text\n").unwrap();
    fs::rename(
        sandbox.root.join("other"),
        sandbox.root.join(&half).join("o"),
    )
    .unwrap();
    let listing = sandbox.listing();
    assert_eq!(listing.files.len(), 2);
    assert_eq!(listing.skips.len(), 1, "{:?}", listing.skips);
    assert_eq!(listing.skips[0].reason, SkipReason::Unreadable);
}

#[test]
fn a_wide_folder_and_one_that_vanishes_are_walked() {
    let sandbox = Sandbox::plain();
    for number in 0..3000 {
        sandbox.write(&format!("wide/{number}.c"), "x");
        sandbox.write(&format!("gone/{number}/a.c"), "x");
    }
    let gone = sandbox.root.join("gone");
    let remover = std::thread::spawn(move || fs::remove_dir_all(gone).unwrap());
    for _ in 0..5 {
        let listing = sandbox.listing();
        let wide = listing
            .files
            .iter()
            .filter(|entry| entry.path.starts_with("wide/"));
        assert_eq!(wide.count(), 3000);
        assert!(listing.skips.is_empty(), "{:?}", listing.skips);
    }
    remover.join().unwrap();
}

#[test]
fn a_file_that_is_written_to_is_never_torn() {
    let sandbox = Sandbox::plain();
    sandbox.write("a.txt", "1".repeat(1 << 20));
    let path = sandbox.root.join("a.txt");
    let writer = std::thread::spawn(move || {
        for digit in ["2", "3"].iter().cycle().take(60) {
            fs::write(&path, digit.repeat(1 << 20)).unwrap();
        }
    });
    while !writer.is_finished() {
        match read(&sandbox.checkout(), "a.txt", &options()) {
            Ok(file) => {
                let first = file.text.as_bytes()[0];
                assert!(file.text.bytes().all(|byte| byte == first), "a torn read");
            }
            Err(unread) => assert!(matches!(
                unread.skip().unwrap().reason,
                SkipReason::Changed | SkipReason::Empty
            )),
        }
    }
    writer.join().unwrap();
}
