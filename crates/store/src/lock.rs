//! One writer: an advisory lock on a file, freed by the system when its
//! holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Held while an index is written.
pub(crate) struct WriteLock {
    // Dropping the file frees the lock.
    _file: File,
}

impl WriteLock {
    /// Takes the lock, or says who holds it.
    pub(crate) fn acquire(path: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
        // For the message of whoever finds it locked; the lock itself does not
        // depend on what the file holds.
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(file, "{}", std::process::id()))
            .map_err(StoreError::io("write", path))?;
        Ok(Self { _file: file })
    }
}

fn locked(path: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    let read = file.read_to_string(&mut holder);
    let digits = !holder.is_empty() && holder.bytes().all(|byte| byte.is_ascii_digit());
    StoreError::Locked {
        path: PathBuf::from(path),
        holder: if read.is_ok() && digits {
            holder
        } else {
            "unknown".to_owned()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("lock");
        let first = WriteLock::acquire(&path).expect("free");
        match WriteLock::acquire(&path) {
            Err(StoreError::Locked { holder, .. }) => {
                assert_eq!(holder, std::process::id().to_string());
            }
            other => panic!("{:?}", other.err()),
        }
        drop(first);
        assert!(WriteLock::acquire(&path).is_ok());
    }
}
