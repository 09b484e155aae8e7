//! Why a checkout cannot be watched. It can be looked at from time to time instead.

use std::path::PathBuf;

/// Why a checkout cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The operating system gives no events at all.
    #[error("changes of files cannot be watched: {0}")]
    System(#[source] notify::Error),

    /// The folder by which one waits for earlier events cannot be made.
    #[error("cannot make a folder for temporary files: {0}")]
    Temporary(#[source] std::io::Error),

    /// Other machines may write there unheard.
    #[error("{path} lies on a file system ({kind}) whose changes are not told")]
    Remote {
        /// Root of the checkout.
        path: PathBuf,
        /// What file system.
        kind: &'static str,
    },
}
