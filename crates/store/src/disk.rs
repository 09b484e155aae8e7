//! Files of an index: their names, and writing them so that they are there
//! after a power cut.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Names of everything in one index folder.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn lexical(&self) -> PathBuf {
        self.root.join("lexical")
    }

    pub(crate) fn manifest_name(generation: u64) -> String {
        format!("manifest-{generation:08}.bin")
    }

    pub(crate) fn catalog_name(generation: u64) -> String {
        format!("catalog-{generation:08}.bin")
    }

    pub(crate) fn chunks_name(segment: u64) -> String {
        format!("chunks-{segment:08}.seg")
    }

    pub(crate) fn vectors_name(segment: u64) -> String {
        format!("vectors-{segment:08}.seg")
    }

    pub(crate) fn quality_name(segment: u64, serial: u64) -> String {
        format!("quality-{segment:08}-{serial:08}.seg")
    }

    pub(crate) fn graph(&self) -> PathBuf {
        self.root.join("graph.seg")
    }

    /// A graph under construction.
    pub(crate) fn graph_part(&self) -> PathBuf {
        self.root.join("graph.part")
    }

    /// Held by the one builder of a graph.
    pub(crate) fn graph_lock(&self) -> PathBuf {
        self.root.join("graph.lock")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Has a whole file written and makes it durable.
pub(crate) fn write_durable<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T, StoreError> {
    let mut file = File::create(path).map_err(StoreError::io("create", path))?;
    let written = write(&mut file).map_err(StoreError::io("write", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))?;
    Ok(written)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    // Folders can be opened and synced on Unix only; elsewhere the file
    // system's own journal has to do.
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(StoreError::io("sync", path))?;
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(StoreError::io("read", path))
}
