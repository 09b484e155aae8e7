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
    /// The path lies in git's own data, which holds no files to index.
    #[error(
        "{} is a bare git repository or lies in a .git folder; give a checkout of it (git worktree add PATH)",
        .path.display()
    )]
    GitData {
        /// The folder that holds git's data.
        path: PathBuf,
    },
}

impl WalkError {
    /// The variant that fits an error met at `path`.
    pub(crate) fn from_io(path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            _ => Self::Unreadable { path, source },
        }
    }
}
