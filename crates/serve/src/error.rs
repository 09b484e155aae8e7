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
    /// A line of the token file is no token.
    #[error("token file, line {line}: {detail}")]
    BadToken {
        /// The line, 1-based.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// The token file has none.
    #[error("the token file holds no token; put one of at least 16 characters on a line of it")]
    NoToken,
    /// A setting names no host.
    #[error("serve.hosts: {0:?} is no name of a host; write it without scheme and port")]
    BadHost(String),
    /// A setting names no origin.
    #[error("serve.origins: {0:?} is no origin; write it as https://portal.example.com")]
    BadOrigin(String),
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
