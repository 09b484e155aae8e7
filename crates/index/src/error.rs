//! What can go wrong between a folder and an answer.

use std::io;
use std::path::{Path, PathBuf};

use wherein_embed::EmbedError;
use wherein_search::SearchError;
use wherein_store::StoreError;
use wherein_walk::WalkError;

/// A failure of indexing or of a search on a repository.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The repository cannot be walked.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The index cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model cannot run.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A model that was added is not as it must be.
    #[error(transparent)]
    Model(#[from] wherein_embed::ModelError),
    /// The query cannot be answered.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A settings file is broken.
    #[error("settings file {path}: {detail}")]
    BadSettings {
        /// The file, or the name of an environment variable.
        path: PathBuf,
        /// What is wrong and where.
        detail: String,
    },
    /// No folder for data is known.
    #[error("no data folder: set WHEREIN_HOME to a folder that can be written")]
    NoHome,
    /// The whole file system was named.
    #[error("{path} is the whole file system; name the folder of a repository")]
    TooBroad {
        /// The folder.
        path: PathBuf,
    },
    /// Threads cannot be started.
    #[error("cannot start worker threads: {0}")]
    Threads(String),
    /// A stage failed by a bug of ours.
    #[error("a stage failed, please report it: {0}")]
    Stage(String),
    /// An archive cannot be used.
    #[error("{}: {detail}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why, and what to do.
        detail: String,
    },
    /// There is no index, and none was to be made.
    #[error("{root} is not indexed; run `wherein index {root}`")]
    NotIndexed {
        /// The checkout.
        root: PathBuf,
    },
    /// A place was asked about that the index does not have.
    #[error("{place}: {reason}")]
    NoSuchPlace {
        /// As it was given.
        place: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A budget of nothing, or beyond all bounds.
    #[error("a budget of {0} tokens; give 1 to {max}", max = wherein_core::limits::MAX_BUDGET_TOKENS)]
    BadBudget(usize),
    /// More spans to leave out than are looked at.
    #[error("{0} spans to leave out; at most {max} are taken", max = wherein_core::limits::MAX_EXCLUDED)]
    TooManyExcluded(usize),
    /// A re-ranker was asked for.
    #[error(
        "there is no re-ranker on this machine; `wherein model add {}` adds one",
        wherein_embed::OFFERED.iter().find(|one| one.kind == wherein_embed::ModelKind::Reranker).map_or("FOLDER", |one| one.name)
    )]
    NoReranker,
    /// The system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl IndexError {
    /// What the system refused, while something was done with a path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path: path.clone(),
            source,
        }
    }

    /// Whether another process holds the index.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(StoreError::Locked { .. }))
    }

    /// Whether the index cannot be written where it lies: no space, no right.
    pub fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let Self::Store(StoreError::Io { source, .. }) = self else {
            return matches!(self, Self::Store(StoreError::Lexical { .. }));
        };
        matches!(
            source.kind(),
            PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
        )
    }

    /// Whether the one who asked can mend it by asking differently.
    pub fn is_bad_request(&self) -> bool {
        match self {
            Self::Search(error) => error.is_bad_request(),
            Self::Walk(error) => error.is_bad_request(),
            Self::BadBudget(_)
            | Self::TooManyExcluded(_)
            | Self::NoReranker
            | Self::NoSuchPlace { .. } => true,
            _ => false,
        }
    }

    /// Whether the same query may be answered from another repository: one
    /// may have the revision that another has not.
    pub fn is_of_repository(&self) -> bool {
        matches!(self, Self::Walk(_)) || !self.is_bad_request()
    }

    /// Whether building the index anew mends it.
    pub fn is_mended_by_rebuild(&self) -> bool {
        match self {
            Self::Store(error) | Self::Search(SearchError::Store(error)) => {
                error.is_mended_by_rebuild()
            }
            _ => false,
        }
    }
}
