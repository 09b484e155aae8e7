//! What changes of a checkout: the folders that are followed, and the part of a
//! checkout that is to be listed again.

use std::collections::BTreeSet;

use crate::marks::Mark;

/// Knows which folders of a checkout are walked, so that it hears of changes in
/// them. Folders are relative to the root: empty for the root itself, else with a
/// final `/`.
pub trait Follower {
    /// A folder is about to be read: whatever changes in it from now on counts.
    fn enter(&self, folder: &str);

    /// A folder that was entered is not walked after all, for what lies in it: that
    /// may go, so changes in it count.
    fn refuse(&self, folder: &str);

    /// A folder is no longer walked; what changes in it does not count.
    fn leave(&self, folder: &str);

    /// Whether a folder is walked: entered, and neither refused nor left.
    fn follows(&self, folder: &str) -> bool;

    /// The folders directly in one that were entered, refused ones included.
    fn directly_in(&self, folder: &str) -> Vec<String>;

    /// The folder and all below it that were entered, refused ones included.
    fn below(&self, folder: &str) -> Vec<String>;
}

/// A part of a checkout, by folders; named as those of a [`Follower`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Folders of which only what lies directly in them belongs to the part.
    pub direct: BTreeSet<String>,
    /// Folders with all below them.
    pub whole: BTreeSet<String>,
}

impl Part {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.direct.is_empty() && self.whole.is_empty()
    }

    /// Whether a path belongs to it; that of a folder ends in `/`.
    pub fn covers(&self, path: &str) -> bool {
        self.direct.contains(parent(path)) || self.has_whole(path)
    }

    /// Whether a path lies in a folder that belongs to it with all below, or is one.
    pub(crate) fn has_whole(&self, path: &str) -> bool {
        // From the path itself up to the root.
        let mut at = path;
        loop {
            if self.whole.contains(at) {
                return true;
            }
            if at.is_empty() {
                return false;
            }
            at = parent(at);
        }
    }

    pub(crate) fn is_inside_another(&self, folder: &str) -> bool {
        !folder.is_empty() && self.has_whole(parent(folder))
    }
}

/// The folder that a path lies in; of a folder's path, the one above it.
fn parent(path: &str) -> &str {
    let bare = path.strip_suffix('/').unwrap_or(path);
    &bare[..bare.rfind('/').map_or(0, |at| at + 1)]
}

/// Whether a file of this name decides on others: when it changes, all of its
/// folder is to be listed again.
pub fn is_rule_file(name: &str) -> bool {
    Mark::ALL.iter().any(|mark| mark.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_covers_what_lies_in_its_folders() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let part = Part {
            direct: set(&["", "a/b/"]),
            whole: set(&["a/c/"]),
        };
        for path in [
            "x", "x/", "a/", "a/b/y", "a/b/z/", "a/c/", "a/c/x", "a/c/d/e",
        ] {
            assert!(part.covers(path), "{path}");
        }
        for path in ["a/b/", "a/b/z/y", "a/x", "a/cx", "x/y"] {
            assert!(!part.covers(path), "{path}");
        }
        assert!(part.is_inside_another("a/c/d/") && !part.is_inside_another("a/c/"));
        let all = Part {
            whole: set(&[""]),
            ..Part::default()
        };
        assert!(all.covers("x") && all.covers("a/b/c") && !all.is_inside_another(""));
    }
}
