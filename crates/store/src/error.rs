//! What can go wrong with an index on disk. Every message names the file.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("index file {path} is damaged ({detail}); run `wherein index --full` to rebuild it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// A file was written by another version of the format.
    #[error(
        "index file {path} has format version {found}, this program reads {expected}; run `wherein index --full` to rebuild it"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version of this program.
        expected: u32,
    },
    /// Another process writes this index.
    #[error("index {path} is being written by process {holder}; wait for it to finish")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Process id as the holder wrote it, or `unknown`.
        holder: String,
    },
    /// The lexical index cannot be written.
    #[error("cannot write the lexical index {path}: {detail}; is there space left?")]
    Lexical {
        /// Its folder.
        path: PathBuf,
        /// What tantivy said.
        detail: String,
    },
    /// The caller broke a rule of this interface.
    #[error("{0}")]
    Misuse(String),
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.into(),
        }
    }

    /// Whether building the index anew from the repository mends it.
    pub fn is_mended_by_rebuild(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Version { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Lexical { .. } | Self::Locked { .. } | Self::Misuse(_) => false,
        }
    }
}
