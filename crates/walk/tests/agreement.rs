//! Properties over random trees and random rules: the listing agrees with git,
//! and `why` with the listing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use wherein_core::{Skip, SkipReason};
use wherein_walk::{Verdict, list, read, why};

use crate::sandbox::{Sandbox, options};

/// Names few enough to be hit by rules often. None falls under a gate by name.
const NAMES: &[&str] = &[
    "a", "b", "ab", "abc", "a.c", "b.c", "x.log", "foo", "bar", "A", "B.c", "1", "#h", "!n", "s p",
    "t ", "a[b", "{a,b}", "a-b", "ä", "a\\b", "a*b", "a?", "]", "-", "^x",
];

/// Pieces that rules are made of.
const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    "ab",
    "foo",
    "bar",
    "x",
    ".c",
    ".log",
    "1",
    "*",
    "**",
    "***",
    "?",
    "/",
    "/**/",
    "**/",
    "/**",
    "/*",
    "*/",
    "[ab]",
    "[!a]",
    "[^a]",
    "[a-c]",
    "[]a]",
    "[!]a]",
    "[a-]",
    "[[:alpha:]]",
    "[[:digit:]]",
    "[[:upper:]]",
    "[[:nope:]]",
    "[[:",
    "[a",
    "[",
    "]",
    "\\",
    "\\a",
    "\\*",
    "\\?",
    "\\[",
    "\\ ",
    " ",
    "{a,b}",
    "{",
    "ä",
    "-",
    "#",
    "!",
    "^",
    "[\\]]",
    "[--a]",
    "[a\\-c]",
    "\t",
];

#[derive(Clone, Debug)]
struct Tree {
    files: Vec<Vec<usize>>,
    rules: Vec<(usize, Vec<String>)>,
    tracked: Vec<usize>,
    exclude: Vec<String>,
}

fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES);
    let name = prop::sample::select(NAMES);
    let mixed = (
        prop::sample::select(&["", "", "", "!", "/", "!/", "\\!", "\\#", "#"][..]),
        prop::collection::vec(piece, 1..5),
        prop::sample::select(&["", "", "/", "/", " ", "  ", "\\ ", "\r", "/ "][..]),
    )
        .prop_map(|(start, pieces, end)| format!("{start}{}{end}", pieces.concat()));
    let path = (
        prop::sample::select(&["", "", "!", "/", "!/", "**/"][..]),
        prop::collection::vec(name, 1..3),
        prop::sample::select(&["", "", "/", "/*", "/**"][..]),
    )
        .prop_map(|(start, names, end)| format!("{start}{}{end}", names.join("/")));
    prop_oneof![mixed, path]
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(0..NAMES.len(), 1..5);
    (
        prop::collection::vec(path, 1..25),
        prop::collection::vec((any::<usize>(), prop::collection::vec(line(), 0..6)), 0..5),
        prop::collection::vec(any::<usize>(), 0..4),
        prop::collection::vec(line(), 0..2),
    )
        .prop_map(|(files, rules, tracked, exclude)| Tree {
            files,
            rules,
            tracked,
            exclude,
        })
}

/// Builds the tree in a new repository.
fn build(tree: &Tree) -> Sandbox {
    let sandbox = Sandbox::git();
    let mut folders = vec![String::new()];
    let mut files = Vec::new();
    for indexes in &tree.files {
        let parts: Vec<&str> = indexes.iter().map(|index| NAMES[*index]).collect();
        let path = sandbox.root.join(parts.join("/"));
        if fs::create_dir_all(path.parent().unwrap()).is_err() || path.is_dir() {
            continue;
        }
        fs::write(&path, "text\n").unwrap();
        files.push(parts.join("/"));
        for length in 1..parts.len() {
            folders.push(format!("{}/", parts[..length].join("/")));
        }
    }
    for index in &tree.tracked {
        if !files.is_empty() {
            let path = &files[index % files.len()];
            sandbox.run(&["--literal-pathspecs", "add", "--force", "--", path]);
        }
    }
    for (index, lines) in &tree.rules {
        let folder = &folders[index % folders.len()];
        sandbox.write(&format!("{folder}.gitignore"), lines.join("\n"));
    }
    fs::create_dir_all(sandbox.root.join(".git/info")).unwrap();
    fs::write(
        sandbox.root.join(".git/info/exclude"),
        tree.exclude.join("\n"),
    )
    .unwrap();
    sandbox
}

fn all_paths(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let inside = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if entry.file_type().unwrap().is_dir() {
            found.push(format!("{inside}/"));
            all_paths(root, &path, found);
        } else {
            found.push(inside);
        }
    }
}

/// Holds each path below the root against the listing and the reader.
fn check_why(sandbox: &Sandbox) {
    let checkout = sandbox.checkout();
    let options = options();
    let listing = list(&checkout, &options).unwrap();
    let mut paths = Vec::new();
    all_paths(&sandbox.root, &sandbox.root, &mut paths);
    for path in paths {
        let verdict = why(&checkout, Path::new(&path), &options).unwrap();
        let covering: Vec<&Skip> = listing
            .skips
            .iter()
            .filter(|skip| {
                skip.path == path || skip.path.ends_with('/') && path.starts_with(&skip.path)
            })
            .collect();
        let is_listed = listing.files.iter().any(|entry| entry.path == path);
        assert!(covering.len() <= 1, "{path} is skipped twice: {covering:?}");
        let expected = match covering.first() {
            Some(skip) => {
                assert!(!is_listed, "{path} is listed and skipped");
                Verdict::Skipped((*skip).clone())
            }
            None if is_listed => match read(&checkout, &path, &options) {
                Ok(_) => Verdict::Candidate,
                Err(unread) => Verdict::Skipped(unread.skip().unwrap()),
            },
            None => {
                assert!(path.ends_with('/'), "{path} is neither listed nor skipped");
                Verdict::Candidate
            }
        };
        assert_eq!(verdict, expected, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_listing_is_what_git_lists(tree in tree()) {
        let sandbox = build(&tree);
        let git: BTreeSet<String> = sandbox
            .run(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .split_terminator('\0')
            .map(str::to_owned)
            .collect();
        let ours: BTreeSet<String> = sandbox
            .listing()
            .files
            .into_iter()
            .map(|entry| entry.path)
            // Git lists its rule files even when they are empty; we skip those.
            .chain(sandbox.listing().skips.into_iter()
                .filter(|skip| skip.reason == SkipReason::Empty)
                .map(|skip| skip.path))
            .collect();
        prop_assert_eq!(ours, git);
        check_why(&sandbox);
    }
}

#[test]
fn why_agrees_with_the_listing_on_a_tree_of_everything() {
    let sandbox = Sandbox::git();
    sandbox
        .write(".gitignore", "*.log\nout/\nkept/\n/sub/x*\n")
        .write(".whereinignore", "docs/private/\n!kept/\n")
        .write(".gitattributes", "gen/* linguist-generated\n")
        .write("data.bin2", b"a\0b")
        .write("blank.txt", " \n")
        .write("empty.txt", "")
        .write("made.go", "// Code generated by x. DO NOT EDIT.\n")
        .write("big.txt", vec![b'a'; 5 << 20])
        .write("min.js", "a();".repeat(4000))
        .write(
            "cache/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        )
        .write("env/pyvenv.cfg", "home = /usr\n")
        .fill(&[
            "src/main.rs",
            "src/deep/er/lib.rs",
            "a.log",
            "out/x.c",
            "kept/x.c",
            "sub/x1",
            "sub/y",
            "docs/private/a.md",
            "docs/a.md",
            "gen/a.rs",
            "gen/sub/b.rs",
            ".env",
            "server.pem",
            "logo.png",
            "cache/a.c",
            "env/lib/a.py",
            "node_modules/a/index.js",
            "nested/.git/HEAD",
            "nested/a.c",
            ".hg/store",
            "yarn.lock",
            "forced/out/t.c",
            "forced/out/u.c",
        ]);
    sandbox.run(&["add", "--force", "forced/out/t.c"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("src", sandbox.root.join("link")).unwrap();
        std::os::unix::fs::symlink("src/main.rs", sandbox.root.join("file-link")).unwrap();
        std::os::unix::net::UnixListener::bind(sandbox.root.join("socket")).unwrap();
    }
    check_why(&sandbox);
    assert_eq!(
        sandbox.files(),
        "blank.txt data.bin2 docs/a.md forced/out/t.c gen/sub/b.rs kept/x.c made.go min.js \
         src/deep/er/lib.rs src/main.rs sub/y"
    );
}
