//! Folders that are never source, whether or not an ignore file says so.

use std::path::Path;

use crate::marks::{Mark, Marks};
use crate::open::read_start_here;

/// Folders of version control systems. `.git` is also a file, in worktrees.
pub(crate) fn is_version_control(name: &str, is_folder: bool) -> bool {
    name == ".git"
        || is_folder && matches!(name, ".hg" | ".svn" | ".jj" | ".bzr" | "CVS" | ".pijul")
}

/// Names that tools give to folders of downloads, caches and machine state.
/// Sorted. Names that people also give to source (`build`, `dist`, `target`,
/// `vendor`) are left to ignore files and to cache tags.
const NEVER_SOURCE: &[&str] = &[
    ".angular",
    ".bundle",
    ".ccls-cache",
    ".dart_tool",
    ".direnv",
    ".eggs",
    ".gradle",
    ".hypothesis",
    ".idea",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".next",
    ".nox",
    ".nuxt",
    ".nyc_output",
    ".parcel-cache",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".sass-cache",
    ".stack-work",
    ".svelte-kit",
    ".terraform",
    ".tox",
    ".turbo",
    ".vs",
    ".zig-cache",
    "__pycache__",
    "bower_components",
    "dist-newstyle",
    "elm-stuff",
    "jspm_packages",
    "node_modules",
];

/// What every cache tag starts with (<https://bford.info/cachedir/>).
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The built-in rule that a folder's name falls under.
pub(crate) fn by_name(name: &str) -> Option<String> {
    NEVER_SOURCE
        .binary_search(&name)
        .is_ok()
        .then(|| format!("built-in rule: folders named {name}"))
}

/// The built-in rule that a folder falls under by what lies in it.
pub(crate) fn by_marks(folder: &Path, marks: Marks) -> Option<String> {
    if marks.has(Mark::VirtualEnvironment) {
        return Some("built-in rule: a Python environment (pyvenv.cfg)".to_owned());
    }
    if marks.has(Mark::CacheTag) {
        let start = read_start_here(
            &folder.join(Mark::CacheTag.name()),
            CACHE_SIGNATURE.len() as u64,
        );
        if start.is_ok_and(|start| start == CACHE_SIGNATURE) {
            return Some("built-in rule: a cache folder (CACHEDIR.TAG)".to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_the_search_finds_them() {
        assert!(NEVER_SOURCE.is_sorted());
        assert!(by_name("node_modules").is_some());
        assert!(by_name("src").is_none());
    }
}
