//! Indexes that earlier versions wrote: built anew, never misread.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Scratch, fixtures};

const FILES: &[(&str, &str)] = &[
    (
        "login.py",
        "def verify_password(user, password):\n    \"\"\"Checks the password of a user.\"\"\"\n    return check(user, password)\n",
    ),
    ("cache.py", "def evict_oldest(cache):\n    cache.pop(0)\n"),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("copies");
        }
    }
}

#[test]
fn an_index_of_each_earlier_format_is_answered_from_or_built_anew() {
    let mut formats = 0;
    for entry in fs::read_dir(fixtures().join("indexes")).expect("lists") {
        let old = entry.expect("entry").path();
        if !old.is_dir() {
            continue;
        }
        formats += 1;
        let scratch = Scratch::with(FILES);
        let index = scratch.run(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&index.out).expect("JSON");
        let folder = PathBuf::from(status["index"].as_str().expect("a folder"));
        copy(&old, &folder);
        let strict = scratch.run(&["verify_password", "--no-refresh"]);
        if strict.code != 0 {
            assert_eq!(strict.code, 2, "{strict:?}");
            assert!(strict.err.contains("format version"), "{}", strict.err);
        }
        let run = scratch.run(&["verify_password", "--mode", "symbol"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.out.contains("login.py"), "{run:?}");
        assert_eq!(scratch.json(&["status"])["files"], 2);
    }
    assert!(formats > 0, "no earlier format is kept");
}
