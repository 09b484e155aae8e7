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
        matches!(self, Self::BadGlob { .. } | Self::BadPattern(_))
    }
}
