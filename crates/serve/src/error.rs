//! Why the service does not start, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use wherein_index::IndexError;

/// A failure of the service as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error(
        "address {address} is in use; stop the other server or pass --listen {}:0",
        address.ip()
    )]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {address}: {source}; pass another address with --listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Others than this machine's users could ask, and nothing would stop them.
    #[error(
        "address {address} can be reached from other machines; pass --token-file with a secret, or listen on 127.0.0.1"
    )]
    TokenRequired {
        /// The address.
        address: SocketAddr,
    },
    /// The token cannot be sent in a header, or is easily guessed.
    #[error("the token is {0}; put one line of up to 512 printable characters into the token file")]
    BadToken(&'static str),
    /// The registry cannot be read or written, or is damaged.
    #[error(
        "registry {path}: {detail}; mend it or move it away and register the repositories anew"
    )]
    Registry {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A repository that was to be served cannot be.
    #[error("repository \"{name}\": {detail}")]
    Repository {
        /// Its name.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// The model cannot be loaded.
    #[error(transparent)]
    Index(#[from] IndexError),
}
