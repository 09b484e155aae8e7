//! Which rules apply, and which of them decides.

use std::fs;

use wherein_core::SkipReason;
use wherein_walk::{Checkout, GlobalExcludes, Options, Verdict, list, why};

use crate::sandbox::{Sandbox, names, options};

#[test]
fn deeper_files_and_later_lines_win() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "*.c\n!b.c\n")
        .write("sub/.gitignore", "!a.c\nb.c\n")
        .fill(&["a.c", "b.c", "sub/a.c", "sub/b.c"]);
    assert_eq!(sandbox.files(), "b.c sub/a.c");
    assert_eq!(
        sandbox.skip("sub/b.c"),
        Some((SkipReason::GitIgnored, "sub/.gitignore:2: b.c".to_owned()))
    );
}

#[test]
fn an_excluded_folder_is_one_skip_and_cannot_be_opened_from_inside() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "out/\n!out/keep.c\n")
        .write("out/.gitignore", "!*\n")
        .fill(&["out/keep.c", "out/deep/a.c", "a.c"]);
    assert_eq!(sandbox.files(), "a.c");
    let listing = sandbox.listing();
    let skips: Vec<_> = listing
        .skips
        .iter()
        .map(|skip| skip.path.as_str())
        .collect();
    assert_eq!(skips, [".git/", "out/"]);
}

#[test]
fn exclude_and_global_rules_stand_below_gitignore() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".git/info/exclude", "e.c\n!g2.c\n")
        .write(".gitignore", "!g3.c\n")
        .fill(&["e.c", "g.c", "g2.c", "g3.c", "a.c"]);
    let global = sandbox.root.parent().unwrap().join("global");
    fs::write(&global, "g*.c\n").unwrap();
    let options = Options {
        global_excludes: GlobalExcludes::File(global.clone()),
        ..options()
    };
    let listing = list(&sandbox.checkout(), &options).unwrap();
    assert_eq!(names(&listing), "a.c g2.c g3.c");
    let detail = &listing
        .skips
        .iter()
        .find(|skip| skip.path == "g.c")
        .unwrap()
        .detail;
    assert_eq!(*detail, format!("{}:1: g*.c", global.display()));
    let git = sandbox.run(&[
        "-c",
        &format!("core.excludesFile={}", global.display()),
        "ls-files",
        "--others",
        "--exclude-standard",
    ]);
    assert_eq!(git, ".gitignore\na.c\ng2.c\ng3.c\n");
}

#[test]
fn outside_git_only_the_rules_of_the_tree_apply() {
    let sandbox = Sandbox::plain();
    fs::write(sandbox.root.parent().unwrap().join(".gitignore"), "*\n").unwrap();
    sandbox
        .write(".gitignore", "*.log\n")
        .write("sub/.gitignore", "/x\n")
        .fill(&["a.c", "a.log", "sub/x", "sub/y", "x"]);
    let global = sandbox.root.parent().unwrap().join("global");
    fs::write(&global, "a.c\n").unwrap();
    let options = Options {
        global_excludes: GlobalExcludes::File(global),
        ..options()
    };
    let listing = list(&sandbox.checkout(), &options).unwrap();
    assert_eq!(names(&listing), "a.c sub/y x");
}

#[test]
fn tracked_files_are_listed_whatever_git_ignores() {
    let sandbox = Sandbox::git();
    sandbox.write(".gitignore", "*.log\nout/\n").fill(&[
        "kept.log",
        "other.log",
        "out/kept.c",
        "out/other.c",
        "out/deep/kept.c",
        "out/empty/other.c",
        "node_modules/patched/index.js",
        "node_modules/other/index.js",
    ]);
    sandbox.run(&[
        "add",
        "--force",
        "kept.log",
        "out/kept.c",
        "out/deep/kept.c",
        "node_modules/patched/index.js",
    ]);
    assert_eq!(
        sandbox.files(),
        "kept.log node_modules/patched/index.js out/deep/kept.c out/kept.c"
    );
    let ignored = Some((SkipReason::GitIgnored, ".gitignore:2: out/".to_owned()));
    assert_eq!(sandbox.skip("out/other.c"), ignored);
    assert_eq!(sandbox.skip("out/empty/"), ignored);
    let (reason, _) = sandbox.skip("node_modules/other/").unwrap();
    assert_eq!(reason, SkipReason::Generated);
}

#[test]
fn a_damaged_or_missing_index_tracks_nothing() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "*.log\n")
        .fill(&["a.log", "a.c"]);
    sandbox.run(&["add", "--force", "a.log"]);
    let index = sandbox.root.join(".git/index");
    let good = fs::read(&index).unwrap();
    assert_eq!(sandbox.files(), "a.c a.log");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        fs::write(&index, &bad).unwrap();
        assert_eq!(sandbox.files(), "a.c", "byte {at}");
        fs::write(&index, &good[..at]).unwrap();
        assert_eq!(sandbox.files(), "a.c", "cut at {at}");
        // Without a checksum the decoder sees the damage: anything but a panic.
        let end = bad.len() - 20;
        bad[end..].fill(0);
        fs::write(&index, &bad).unwrap();
        sandbox.files();
    }
    fs::remove_file(&index).unwrap();
    assert_eq!(sandbox.files(), "a.c");
}

#[test]
fn a_split_or_newer_index_is_read() {
    for arguments in [
        ["update-index", "--split-index"],
        ["update-index", "--index-version=4"],
    ] {
        let sandbox = Sandbox::git();
        sandbox
            .write(".gitignore", "*.log\n")
            .fill(&["a.log", "b.log", "c.log"]);
        sandbox.run(&["add", "--force", "a.log"]);
        sandbox.run(&arguments);
        sandbox.run(&["add", "--force", "b.log"]);
        assert_eq!(sandbox.files(), "a.log b.log", "{arguments:?}");
    }
}

#[test]
fn whereinignore_stands_above_git() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "generated/\n*.log\nvendor/\n")
        .write("pkg/.gitignore", "made.c\n!*.json\n")
        .write(
            ".whereinignore",
            "!generated/\n!made.c\n*.json\nlegacy/\ntracked.c\n!node_modules/\n",
        )
        .fill(&[
            "generated/a.c",
            "generated/a.log",
            "pkg/made.c",
            "pkg/a.json",
            "legacy/a.c",
            "tracked.c",
            "vendor/a.c",
            "node_modules/a.js",
        ]);
    sandbox.run(&["add", "--force", "tracked.c", "legacy/a.c"]);
    assert_eq!(
        sandbox.files(),
        "generated/a.c node_modules/a.js pkg/made.c"
    );
    let wherein = |line: &str| Some((SkipReason::WhereinIgnored, format!(".whereinignore:{line}")));
    assert_eq!(sandbox.skip("pkg/a.json"), wherein("3: *.json"));
    assert_eq!(sandbox.skip("legacy/"), wherein("4: legacy/"));
    assert_eq!(sandbox.skip("tracked.c"), wherein("5: tracked.c"));
    assert_eq!(sandbox.skip("vendor/").unwrap().0, SkipReason::GitIgnored);
    assert_eq!(
        sandbox.skip("generated/a.log").unwrap().0,
        SkipReason::GitIgnored
    );
}

#[test]
fn rules_of_parent_folders_apply_to_a_part_of_a_checkout() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "*.log\n/pkg/sub/x\n")
        .write("pkg/.gitignore", "y\n")
        .write(".whereinignore", "z\n")
        .write("pkg/sub/.gitignore", "w\n")
        .fill(&[
            "pkg/sub/a.log",
            "pkg/sub/x",
            "pkg/sub/y",
            "pkg/sub/z",
            "pkg/sub/w",
            "pkg/sub/a",
        ]);
    let checkout = Checkout::at(&sandbox.root.join("pkg/sub")).unwrap();
    let listing = list(&checkout, &options()).unwrap();
    assert_eq!(names(&listing), "a");
    let detail = |path: &str| {
        let skip = listing.skips.iter().find(|skip| skip.path == path).unwrap();
        skip.detail.clone()
    };
    assert_eq!(detail("w"), ".gitignore:1: w");
    let top = sandbox.root.display();
    assert_eq!(detail("x"), format!("{top}/.gitignore:2: /pkg/sub/x"));
    assert_eq!(detail("y"), format!("{top}/pkg/.gitignore:1: y"));
    assert_eq!(
        why(&checkout, &sandbox.root.join("pkg/sub/z"), &options()).unwrap(),
        Verdict::Skipped(
            listing
                .skips
                .iter()
                .find(|skip| skip.path == "z")
                .unwrap()
                .clone()
        )
    );
}

#[test]
fn an_ignored_folder_is_indexed_when_asked_for() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "out\nout/**\n*.log\n")
        .write("out/pkg/.gitignore", "x\n")
        .fill(&["out/pkg/a", "out/pkg/x", "out/pkg/deep/b"]);
    for folder in ["out", "out/pkg"] {
        let checkout = Checkout::at(&sandbox.root.join(folder)).unwrap();
        let listing = list(&checkout, &options()).unwrap();
        let expected = if folder == "out" {
            "pkg/a pkg/deep/b"
        } else {
            "a deep/b"
        };
        assert_eq!(names(&listing), expected);
    }
}

#[test]
fn hidden_files_are_listed_and_folders_of_tools_are_not() {
    let sandbox = Sandbox::plain();
    sandbox
        .write(
            "cache/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n# x\n",
        )
        .write("not-cache/CACHEDIR.TAG", "something else\n")
        .write("venv/pyvenv.cfg", "home = /usr\n")
        .fill(&[
            ".github/workflows/ci.yml",
            ".hidden",
            "__pycache__/a.py",
            "pkg/node_modules/a.js",
            ".idea/x.xml",
            "venv/lib/a.py",
            ".venv/source.py",
            "cache/a.c",
            "not-cache/a.c",
            ".hg/x",
            ".svn/x",
            "CVS/Root",
            "CVS.txt",
        ]);
    assert_eq!(
        sandbox.files(),
        ".github/workflows/ci.yml .hidden .venv/source.py CVS.txt not-cache/CACHEDIR.TAG not-cache/a.c"
    );
    for path in [
        "__pycache__/",
        "pkg/node_modules/",
        ".idea/",
        "venv/",
        "cache/",
    ] {
        let (reason, detail) = sandbox.skip(path).unwrap();
        assert_eq!(reason, SkipReason::Generated, "{path}");
        assert!(detail.starts_with("built-in rule: "), "{detail}");
    }
    for path in [".hg/", ".svn/", "CVS/"] {
        assert_eq!(
            sandbox.skip(path).unwrap().0,
            SkipReason::VersionControl,
            "{path}"
        );
    }
}

#[test]
fn built_in_rules_give_way_to_a_rule_that_names_the_folder() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "!__pycache__/\n")
        .write(".whereinignore", "!cache/\n")
        .write(
            "cache/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        )
        .fill(&["__pycache__/a.py", "cache/a.c", ".tox/a.py"]);
    assert_eq!(
        sandbox.files(),
        "__pycache__/a.py cache/CACHEDIR.TAG cache/a.c"
    );
}

#[cfg(unix)]
#[test]
fn a_rule_file_that_is_a_link_is_not_followed() {
    let sandbox = Sandbox::git();
    sandbox.fill(&["a.c"]);
    let outside = sandbox.root.parent().unwrap().join("rules");
    fs::write(&outside, "*.c\n").unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.root.join(".gitignore")).unwrap();
    assert_eq!(sandbox.files(), "a.c");
}
