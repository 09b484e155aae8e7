//! A file as it travels from the walk to the chunker, and what `stat` said of it.

use serde::{Deserialize, Serialize};

use crate::{ContentHash, Language};

/// What `stat` says of a file: enough to see, without reading it, that it
/// cannot have changed. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Last modification of the content.
    pub mtime_ns: i64,
    /// Last change of the inode (also moved by rename, chmod and `touch -d`).
    pub ctime_ns: i64,
    /// Inode number; 0 where the platform has none.
    pub inode: u64,
}

/// A readable text file of a repository.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Relative to the repository root, components joined by `/`.
    pub path: String,
    /// By name, else by the first line (`#!`).
    pub language: Language,
    /// UTF-8 text; bodies of private keys are masked, byte for byte.
    pub text: String,
    /// Of the bytes on disk.
    pub hash: ContentHash,
    /// Taken from the open file that `text` was read from.
    pub stat: FileStat,
}
