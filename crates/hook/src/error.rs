//! What can go wrong with hooks.

use std::io;
use std::path::{Path, PathBuf};

use wherein_walk::WalkError;

/// A failure to look at, install or remove hooks.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The checkout.
    #[error(transparent)]
    Walk(#[from] WalkError),

    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A hook belongs to the project.
    #[error("{} is tracked by git, so it is not changed; put this line into it, after the first, and install again: {line}", path.display())]
    Tracked {
        /// The hook.
        path: PathBuf,
        /// What would be put there.
        line: String,
    },

    /// A path that a script cannot name.
    #[error("{} cannot be named in a script; install wherein where the path is text of one line", path.display())]
    Program {
        /// The program.
        path: PathBuf,
    },
}

impl HookError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
