//! The files that say something of the folder they lie in: seen among its names,
//! so that no folder costs a look for files it does not have.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// A file or folder whose presence changes how its folder is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Our own rules.
    WhereinIgnore,
    /// Git's rules.
    GitIgnore,
    /// Git's attributes.
    GitAttributes,
    /// A repository of its own.
    Git,
    /// A cache by the Cache Directory Tagging Specification.
    CacheTag,
    /// A Python virtual environment.
    VirtualEnvironment,
}

impl Mark {
    pub(crate) const ALL: [Self; 6] = [
        Self::WhereinIgnore,
        Self::GitIgnore,
        Self::GitAttributes,
        Self::Git,
        Self::CacheTag,
        Self::VirtualEnvironment,
    ];

    /// The file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WhereinIgnore => ".whereinignore",
            Self::GitIgnore => ".gitignore",
            Self::GitAttributes => ".gitattributes",
            Self::Git => ".git",
            Self::CacheTag => "CACHEDIR.TAG",
            Self::VirtualEnvironment => "pyvenv.cfg",
        }
    }
}

/// The marks that one folder holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    /// Among the names of a folder that has been read.
    pub(crate) fn among<'a>(names: impl Iterator<Item = &'a OsStr>) -> Self {
        let mut marks = Self::default();
        for name in names {
            for mark in Mark::ALL {
                if name == mark.name() {
                    marks.add(mark);
                }
            }
        }
        marks
    }

    /// By looking for each, in a folder that is not read.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut marks = Self::default();
        for mark in Mark::ALL {
            if fs::symlink_metadata(folder.join(mark.name())).is_ok() {
                marks.add(mark);
            }
        }
        marks
    }

    fn add(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u8;
    }

    /// Whether the folder holds it.
    pub(crate) fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u8) != 0
    }
}
