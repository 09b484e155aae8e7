//! The folder of tantivy's files: opening it for reading without writing to it,
//! and what its errors mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::TantivyError;
use tantivy::directory::error::{
    DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError,
};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

use crate::error::StoreError;
use crate::named_files;

/// tantivy's directory, with three differences.
///
/// Files that are written once know their name (see `named_files`).
///
/// For reading it takes no locks: tantivy's reader would write a lock file,
/// which a folder without the right to write refuses. What the lock guards
/// against, a commit that removes files while they are opened, is noticed by
/// the reader and tried again.
///
/// For writing, the files that are replaced whole get the rights of all others
/// of the index: tantivy leaves them readable by their owner alone.
#[derive(Clone, Debug)]
pub(crate) struct LexicalFiles {
    files: MmapDirectory,
    root: PathBuf,
    is_read_only: bool,
}

impl LexicalFiles {
    pub(crate) fn for_reading(files: MmapDirectory, root: &Path) -> Self {
        Self {
            files,
            root: root.to_owned(),
            is_read_only: true,
        }
    }

    pub(crate) fn for_writing(files: MmapDirectory, root: &Path) -> Self {
        Self {
            is_read_only: false,
            ..Self::for_reading(files, root)
        }
    }
}

impl Directory for LexicalFiles {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        named_files::read(path, self.files.get_file_handle(path)?)
    }
    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.files.delete(path)
    }
    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }
    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Ok(named_files::write(path, self.files.open_write(path)?))
    }
    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.files.atomic_read(path)
    }
    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.files.atomic_write(path, data)?;
        // The lock was made as files usually are. What cannot be set is less
        // to read for others, not less for us.
        if let Ok(usual) = fs::metadata(self.root.with_file_name("lock")) {
            let _ = fs::set_permissions(self.root.join(path), usual.permissions());
        }
        Ok(())
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }
    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.files.watch(callback)
    }
    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if self.is_read_only {
            return Ok(DirectoryLock::from(Box::new(())));
        }
        self.files.acquire_lock(lock)
    }
}

/// What an error of tantivy means for the index at `path`: trouble with the
/// disk, damage that a rebuild mends, or a failure of the writer.
pub(crate) fn meaning(path: &Path, error: TantivyError) -> StoreError {
    let damaged = |path: &Path, detail: String| StoreError::damaged(path, detail);
    match error {
        TantivyError::IoError(error)
        | TantivyError::LockFailure(LockError::IoError(error), _)
        | TantivyError::OpenDirectoryError(
            OpenDirectoryError::FailedToCreateTempDir(error)
            | OpenDirectoryError::IoError {
                io_error: error, ..
            },
        ) => io_error(path, &error),
        TantivyError::OpenReadError(OpenReadError::IoError {
            io_error: error,
            filepath,
        })
        | TantivyError::OpenWriteError(OpenWriteError::IoError {
            io_error: error,
            filepath,
        }) => io_error(&path.join(filepath), &error),
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(file)) => {
            damaged(&path.join(file), "it is missing".to_owned())
        }
        // Some of tantivy's parts tell the system's refusal in words alone.
        error if error.to_string().contains("(os error ") => StoreError::Io {
            action: "read or write",
            path: path.to_owned(),
            source: io::Error::other(error.to_string()),
        },
        error @ (TantivyError::DataCorruption(_)
        | TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(_))
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::FieldNotFound(_)
        | TantivyError::InternalError(_)) => damaged(path, error.to_string()),
        error => StoreError::Lexical {
            path: path.to_owned(),
            detail: error.to_string(),
        },
    }
}

/// The system's refusals stay what they are; what only the content of a file
/// can cause is damage.
fn io_error(path: &Path, error: &io::Error) -> StoreError {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    let is_of_system = error.raw_os_error().is_some();
    if !is_of_system
        && matches!(
            error.kind(),
            InvalidData | InvalidInput | Other | UnexpectedEof
        )
    {
        return StoreError::damaged(path, error.to_string());
    }
    let source = error.raw_os_error().map_or_else(
        || io::Error::new(error.kind(), error.to_string()),
        io::Error::from_raw_os_error,
    );
    StoreError::Io {
        action: "read or write",
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_or_a_refusal_is_no_damage() {
        let path = Path::new("/index/lexical");
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ] {
            let error = || Arc::new(io::Error::from(kind));
            for error in [
                TantivyError::IoError(error()),
                TantivyError::LockFailure(LockError::IoError(error()), None),
                TantivyError::OpenWriteError(OpenWriteError::IoError {
                    io_error: error(),
                    filepath: "a".into(),
                }),
            ] {
                let error = meaning(path, error);
                assert!(!error.is_mended_by_rebuild(), "{error}");
                assert!(error.to_string().contains("/index/lexical"), "{error}");
            }
        }
        let killed = TantivyError::ErrorInThread("a worker died".to_owned());
        assert!(!meaning(path, killed).is_mended_by_rebuild());
        let in_words = "No space left on device (os error 28)".to_owned();
        let in_words = meaning(path, TantivyError::InternalError(in_words));
        assert!(!in_words.is_mended_by_rebuild(), "{in_words}");
        let torn = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(meaning(path, TantivyError::from(torn)).is_mended_by_rebuild());
        let missing = OpenReadError::FileDoesNotExist("x.pos".into());
        let error = meaning(path, TantivyError::OpenReadError(missing));
        assert!(error.is_mended_by_rebuild() && error.to_string().contains("x.pos"));
    }
}
