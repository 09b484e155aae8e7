//! What can go wrong with a model's files.

use std::path::{Path, PathBuf};

use crate::EmbedError;

/// A failure to find, fetch or trust a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// No model of this name is there.
    #[error(
        "there is no model {name}; `wherein model list` shows those that are here and those that can be added"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },

    /// A re-ranker was to be used as an encoder.
    #[error("{name} is a re-ranker, which gives no vectors; ask with --rerank to use it")]
    NotAnEncoder {
        /// The model.
        name: String,
    },

    /// A `model.toml` is not as it must be.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A file is not the one that was meant.
    #[error("{} is damaged or not the file that was meant: its sha256 is {found}, not {expected}; remove the model and add it again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// In hexadecimal.
        expected: String,
        /// In hexadecimal.
        found: String,
    },

    /// A model was tried and does not work.
    #[error(transparent)]
    Tried(#[from] EmbedError),

    /// Something could not be fetched.
    #[error("cannot fetch {what}: {reason}. {instead}")]
    Fetch {
        /// What.
        what: String,
        /// What the program that fetches said.
        reason: String,
        /// What else can be done.
        instead: String,
    },

    /// A file holds no model.
    #[error("{}: {reason}", path.display())]
    NoModel {
        /// The file or folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
}

impl ModelError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn manifest(path: &Path, reason: String) -> Self {
        Self::Manifest {
            path: path.to_owned(),
            reason,
        }
    }

    pub(crate) fn unknown(name: &str) -> Self {
        Self::Unknown {
            name: name.to_owned(),
        }
    }
}
