//! Why a search gives no answer.

use wherein_embed::EmbedError;
use wherein_store::StoreError;

/// A search that failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A path filter is not a glob.
    #[error("path filter \"{glob}\" is not a glob: {detail}")]
    BadGlob {
        /// As it was given.
        glob: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The query of a `regex` search is not a regular expression.
    #[error("the query is not a regular expression: {0}")]
    BadPattern(String),
    /// All that is to be searched at once cannot be numbered.
    #[error("{rows} chunks are too many for one search; name fewer repositories")]
    TooLarge {
        /// Chunks of all repositories.
        rows: u64,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model cannot embed the query.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

impl SearchError {
    /// Whether the one who asked can mend it by asking differently.
    pub fn is_bad_request(&self) -> bool {
        matches!(
            self,
            Self::BadGlob { .. } | Self::BadPattern(_) | Self::TooLarge { .. }
        )
    }
}
