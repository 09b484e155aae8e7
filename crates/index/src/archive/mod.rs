//! An index as one file, to be carried to another machine: a build makes it, a team
//! loads it, and only what differs is made there.
//!
//! It is a ZIP file. Its first entry, `about.json`, says what made the index and
//! names every other entry with its length and BLAKE3 hash. It holds one checkout,
//! under no path; nothing of other checkouts, and no settings.

mod export;
mod import;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::IndexError;

pub use export::Exported;
pub use import::import;

/// Name of the first entry.
const ABOUT: &str = "about.json";
/// Version of this file format.
const VERSION: u32 = 1;
/// The root that an exported view has.
const NOWHERE: &str = "";
/// Below the data folder: where archives are put together and taken apart.
pub(crate) const TRANSFER: &str = "transfer";

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    version: u32,
    /// Format of the index.
    format: u32,
    /// The program that made it.
    program: String,
    /// The embedding model.
    model: String,
    /// Chunker, options and model, as a key.
    recipe: u64,
    /// Name of the folder that it was made of.
    name: String,
    head: Option<String>,
    entries: Vec<Entry>,
}

/// A file of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    bytes: u64,
    /// BLAKE3, in hexadecimal.
    hash: String,
}

/// Whether an entry may be a file of an index: a plain name, at most one folder deep.
fn is_plain(name: &str) -> bool {
    let inside = name.strip_prefix("lexical/").unwrap_or(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !inside.is_empty() && inside.len() <= 128 && inside.chars().all(plain) && !inside.contains("..")
}

/// An archive that cannot be used, and why.
fn refused(path: &Path, detail: impl Into<String>) -> IndexError {
    IndexError::Archive {
        path: path.to_owned(),
        detail: detail.into(),
    }
}

/// A folder beside the indexes that goes when it is dropped.
fn scratch(home: &Path) -> Result<tempfile::TempDir, IndexError> {
    let folder = home.join(TRANSFER);
    std::fs::create_dir_all(&folder).map_err(IndexError::io("create", &folder))?;
    tempfile::tempdir_in(&folder).map_err(IndexError::io("write in", &folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in [
            "chunks-00000001.seg",
            "lexical/.managed.json",
            "lexical/a.term",
        ] {
            assert!(is_plain(good), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "lexical/../../x",
            "lexical/a/b",
            "a\\b",
            "lexical/",
            "a b",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
