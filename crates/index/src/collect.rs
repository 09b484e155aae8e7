//! `wherein gc`: gives back what no checkout needs any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use wherein_store::{Snapshot, Writer, WriterOptions};

use crate::archive::TRANSFER;
use crate::error::IndexError;
use crate::locate::Location;
use crate::status::folder_bytes;

/// What became of one index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// Folder of the index.
    pub index: String,
    /// Checkouts that are gone from the disk.
    pub gone: Vec<String>,
    /// Versions of files that no checkout holds.
    pub versions: u64,
    /// Whether the whole index was, or would be, removed: no checkout is left.
    pub removed: bool,
    /// Its size before, in bytes.
    pub bytes_before: u64,
    /// And after; of a dry run the same.
    pub bytes_after: u64,
    /// Why nothing could be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Collects in one index, or in all of a data folder. With `dry` it is only said
/// what would be.
///
/// # Errors
/// The data folder cannot be listed. An index that is damaged or in use is left as
/// it is, and says why.
pub fn collect(home: &Path, only: Option<&Path>, dry: bool) -> Result<Vec<Collection>, IndexError> {
    if only.is_none() && !dry {
        sweep_transfers(&home.join(TRANSFER));
    }
    let folders = match only {
        Some(folder) => vec![folder.to_owned()],
        None => indexes(&home.join("index"))?,
    };
    Ok(folders
        .iter()
        .map(|folder| one(home, folder, dry))
        .collect())
}

/// How old what lies between an archive and an index is that nobody works on.
const LEFT_OVER: Duration = Duration::from_hours(24);

/// Removes what an export or import that was killed has left.
fn sweep_transfers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified());
        if age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_OVER)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn indexes(folder: &Path) -> Result<Vec<PathBuf>, IndexError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(IndexError::io("read", folder)(error)),
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("lexical").is_dir())
        .collect();
    found.sort();
    Ok(found)
}

fn one(home: &Path, folder: &Path, dry: bool) -> Collection {
    let bytes = folder_bytes(folder);
    let mut collection = Collection {
        index: folder.display().to_string(),
        bytes_before: bytes,
        bytes_after: bytes,
        ..Collection::default()
    };
    match in_index(home, folder, dry, &mut collection) {
        Ok(()) => collection.bytes_after = folder_bytes(folder),
        Err(error) => collection.error = Some(error.to_string()),
    }
    collection
}

/// Whether an index is no longer that of a checkout: it is gone from the disk, or has
/// become part of another repository.
fn is_gone(home: &Path, folder: &Path, root: &str) -> bool {
    let root = Path::new(root);
    if !root.is_dir() {
        return true;
    }
    // What cannot be found out is no reason to remove anything.
    let now = Location::exactly(home, root).map(|location| location.index);
    now.is_ok_and(|now| now.file_name() != folder.file_name())
}

fn in_index(
    home: &Path,
    folder: &Path,
    dry: bool,
    found: &mut Collection,
) -> Result<(), IndexError> {
    let Some(snapshot) = Snapshot::open(folder, None)? else {
        return Ok(());
    };
    let catalog = snapshot.catalog();
    let is_gone = |root: &str| is_gone(home, folder, root);
    let roots = catalog.views.iter().map(|view| view.root.clone());
    found.gone = roots.filter(|root| is_gone(root)).collect();
    found.removed = found.gone.len() == catalog.views.len();
    let left = catalog.views.iter().filter(|view| !is_gone(&view.root));
    let held: std::collections::HashSet<u32> = left
        .flat_map(|view| view.files.iter().map(|file| file.id))
        .collect();
    found.versions = (catalog.files.len() - held.len()) as u64;
    if dry || (found.versions == 0 && found.gone.is_empty()) {
        return Ok(());
    }
    drop(snapshot);
    // The lock is held until all is done: nobody writes to what is removed.
    let mut writer = Writer::open(folder, &WriterOptions::default())?;
    let collected = writer.collect(is_gone)?;
    if collected.views_left == 0 {
        fs::remove_dir_all(folder).map_err(IndexError::io("remove", folder))?;
    }
    Ok(())
}
