//! Which files of the postings have been found to be right: they never change, so
//! a process need not read them again for each generation.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustc_hash::FxHashMap;
use tantivy::{Index, IndexMeta};

use crate::error::StoreError;
use crate::lexical_files;

/// What the system says of a file that was right: another one in its place, or one
/// that was written to, differs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl State {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            inode,
        })
    }
}

/// The files of a commit, all of them right.
#[derive(Debug)]
pub(crate) struct Verified(FxHashMap<PathBuf, State>);

impl Verified {
    /// Verifies the files of a commit in the folder `path`, but for those that
    /// `previous` knows and that were not touched since.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first whose checksum is wrong.
    pub(crate) fn all(
        path: &Path,
        index: &Index,
        commit: &IndexMeta,
        previous: Option<&Self>,
    ) -> Result<Self, StoreError> {
        let managed = index.directory().list_managed_files();
        let mut files: Vec<PathBuf> = commit.list_segment_files().into_iter().collect();
        // Not every kind of file is there for each segment.
        files.retain(|file| managed.contains(file));
        files.sort();
        let mut right = FxHashMap::default();
        for file in files {
            let state = State::of(&path.join(&file));
            let before = previous.and_then(|previous| previous.0.get(&file));
            if state.is_none() || before != state.as_ref() {
                let is_right = index.directory().validate_checksum(&file);
                let is_right =
                    is_right.map_err(|error| lexical_files::meaning(path, error.into()))?;
                if !is_right {
                    let file = path.join(file);
                    return Err(StoreError::damaged(&file, "its checksum is wrong"));
                }
            }
            if let Some(state) = state {
                right.insert(file, state);
            }
        }
        Ok(Self(right))
    }
}
