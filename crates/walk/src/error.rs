//! What stops a walk as a whole; a single bad file is a `Skip`, never an error.

use std::io;
use std::path::PathBuf;

/// Why a checkout cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// Nothing lies at the path.
    #[error("{} does not exist; check the path", .path.display())]
    Missing {
        /// As it was given.
        path: PathBuf,
    },
    /// The path is no folder.
    #[error("{} is not a folder; give the folder that holds it", .path.display())]
    NotAFolder {
        /// As it was given.
        path: PathBuf,
    },
    /// The operating system refuses the folder.
    #[error("cannot read {}: {source}; check its permissions", .path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process or the machine is in trouble: nothing is known of the file.
    #[error("cannot read {}: {source}; this is no fault of the file, try again", .path.display())]
    Trouble {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The path lies in git's own data, which holds no files to index.
    #[error(
        "{} is a bare git repository or lies in a .git folder; give a checkout of it (git worktree add PATH)",
        .path.display()
    )]
    GitData {
        /// The folder that holds git's data.
        path: PathBuf,
    },
    /// What changed since a revision is asked of a folder outside git.
    #[error("{} does not lie in a git repository, so nothing is known of changes since {revision:?}", .path.display())]
    NoGit {
        /// The folder.
        path: PathBuf,
        /// As it was given.
        revision: String,
    },
    /// Git's hooks are asked for outside git.
    #[error("{} does not lie in a git repository, so no hook can be run for it", .path.display())]
    NoRepository {
        /// The folder.
        path: PathBuf,
    },
    /// A revision that git would not know either.
    #[error("there is no revision {revision:?} in {}: {detail}", .path.display())]
    NoRevision {
        /// The checkout.
        path: PathBuf,
        /// As it was given.
        revision: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Git's objects cannot be read.
    #[error("cannot read the git repository of {}: {detail}", .path.display())]
    GitObjects {
        /// The checkout.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl WalkError {
    /// Whether the one who asked can mend it by asking differently.
    pub fn is_bad_request(&self) -> bool {
        matches!(self, Self::NoGit { .. } | Self::NoRevision { .. })
    }

    /// The variant that fits an error met at `path`.
    pub(crate) fn from_io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            _ => Self::Unreadable { path, source },
        }
    }
}
