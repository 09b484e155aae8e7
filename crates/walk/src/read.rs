//! Reads one file: opens it safely, bounds it, and passes it through the gates.

use std::fs::File;
use std::io::{self, Read};

use wherein_core::{ContentHash, Skip, SkipReason, SourceFile, limits};

use crate::beneath::{self, Refusal};
use crate::open::stat_of;
use crate::trouble::is_trouble;
use crate::user_config::GlobalExcludes;
use crate::{Checkout, WalkError, content, names};

/// What a walk is bounded by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Larger files are not read.
    pub max_file_bytes: u64,
    /// Which ignore rules of the user's apply beside the repository's.
    pub global_excludes: GlobalExcludes,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_file_bytes: limits::MAX_FILE_BYTES,
            global_excludes: GlobalExcludes::default(),
        }
    }
}

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    /// It is not for the index, or cannot be read.
    Skipped(Skip),
    /// Nothing was learnt of it.
    Failed(WalkError),
}

impl Unread {
    /// Why the file is passed over, when that is known.
    pub fn skip(self) -> Option<Skip> {
        match self {
            Self::Skipped(skip) => Some(skip),
            Self::Failed(_) => None,
        }
    }
}

impl From<Skip> for Unread {
    fn from(skip: Skip) -> Self {
        Self::Skipped(skip)
    }
}

/// Reads the file at `path`, relative to the root. Gates by name and content
/// apply; ignore rules do not, those are [`list`](crate::list)'s.
///
/// Never follows a symbolic link, blocks on a pipe, or reads more than
/// `max_file_bytes` and one byte.
pub fn read(checkout: &Checkout, path: &str, options: &Options) -> Result<SourceFile, Unread> {
    let skip = |reason: SkipReason, detail: String| Skip {
        path: path.to_owned(),
        reason,
        detail,
    };
    let (folder, name) = folder_and_name(checkout, path);
    if beneath::checked(path).is_some()
        && let Some((reason, detail)) = names::gate(&folder, name)
    {
        return Err(skip(reason, detail).into());
    }
    let unreadable = |error: io::Error| {
        if is_trouble(&error) {
            let path = checkout.root.join(path);
            return Unread::Failed(WalkError::Trouble {
                path,
                source: error,
            });
        }
        skip(SkipReason::Unreadable, error.to_string()).into()
    };
    let file = beneath::open(&checkout.root, path).map_err(|refusal| match refusal {
        Refusal::Io(error) => unreadable(error),
        refusal => {
            let (reason, detail) = explain(refusal);
            skip(reason, detail).into()
        }
    })?;

    let before = stat_of(&file.metadata().map_err(unreadable)?);
    if let Some(detail) = too_large(before.size, options) {
        return Err(skip(SkipReason::TooLarge, detail).into());
    }
    let bytes = contents(&file, before.size, options.max_file_bytes).map_err(unreadable)?;
    if let Some(detail) = too_large(bytes.len() as u64, options) {
        return Err(skip(SkipReason::TooLarge, detail).into());
    }
    let after = stat_of(&file.metadata().map_err(unreadable)?);
    if before != after || bytes.len() as u64 != after.size {
        return Err(skip(
            SkipReason::Changed,
            "written to while it was read".to_owned(),
        )
        .into());
    }
    let hash = ContentHash(*blake3::hash(&bytes).as_bytes());
    let (language, text) =
        content::examine(name, bytes).map_err(|(reason, detail)| skip(reason, detail))?;
    Ok(SourceFile {
        path: path.to_owned(),
        language,
        text,
        hash,
        stat: after,
    })
}

/// The name of the folder that a file lies in, and the file's own.
fn folder_and_name<'a>(checkout: &Checkout, path: &'a str) -> (String, &'a str) {
    if let Some((folders, name)) = path.rsplit_once('/') {
        let folder = folders.rsplit('/').next().unwrap_or(folders);
        (folder.to_owned(), name)
    } else {
        let root = checkout.root.file_name().unwrap_or_default();
        (root.to_string_lossy().into_owned(), path)
    }
}

/// What to say of a size above the limit.
pub(crate) fn too_large(size: u64, options: &Options) -> Option<String> {
    let limit = options.max_file_bytes;
    (size > limit).then(|| format!("{size} bytes; the limit is {limit}"))
}

fn contents(file: &File, expected: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).saturating_add(1));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn explain(refusal: Refusal) -> (SkipReason, String) {
    match refusal {
        Refusal::BadPath => (
            SkipReason::Unreadable,
            "the path is not one below the root".to_owned(),
        ),
        Refusal::Vanished => (SkipReason::Changed, "it is no longer there".to_owned()),
        Refusal::Link => (
            SkipReason::Symlink,
            "it, or a folder on its path, is a symbolic link".to_owned(),
        ),
        Refusal::NotRegular(kind) => (SkipReason::NotRegular, kind.to_owned()),
        Refusal::Io(error) => (SkipReason::Unreadable, error.to_string()),
    }
}
