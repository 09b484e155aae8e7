//! Reading and replacing files of others: whole, in one step, with the rights they had,
//! and through the links by which people keep them elsewhere.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::SetupError;

/// A larger file is no settings.
const MAX_BYTES: u64 = 32 << 20;

/// The text of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, SetupError> {
    let error = SetupError::io("read", path);
    match fs::metadata(path) {
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(error(other)),
        Ok(metadata) if !metadata.is_file() => {
            return Err(SetupError::InTheWay {
                path: path.to_owned(),
                detail: "it is not a file".to_owned(),
            });
        }
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            return Err(SetupError::InTheWay {
                path: path.to_owned(),
                detail: format!("it has more than {MAX_BYTES} bytes"),
            });
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(error)?;
    let text = String::from_utf8(bytes).map_err(|bad| {
        let at = bad.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(bad.as_bytes());
        SetupError::malformed(path, &text, at, "it is not UTF-8")
    })?;
    Ok(Some(text))
}

/// Where a file really lies: links are kept, what they lead to is replaced.
fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Replaces a file, or makes it with the folders above it; gives the folders it made.
pub(crate) fn write(path: &Path, text: &str) -> Result<Vec<PathBuf>, SetupError> {
    let path = target(path);
    let error = SetupError::io("write", &path);
    let folder = path.parent().unwrap_or(Path::new("."));
    let made: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|one| !one.exists())
        .map(Path::to_owned)
        .collect();
    fs::create_dir_all(folder).map_err(&error)?;
    let rights: Option<Permissions> = fs::metadata(&path).ok().map(|one| one.permissions());
    let replace = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".wherein-");
        // Readable by all, as an editor makes a new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        if let Some(rights) = &rights {
            file.as_file().set_permissions(rights.clone())?;
        }
        file.persist(&path)?;
        Ok(())
    };
    replace().map_err(error)?;
    Ok(made)
}

/// Removes a file that was made here, and the folders that were made for it.
pub(crate) fn remove(path: &Path, folders: &[PathBuf]) -> Result<(), SetupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(SetupError::io("remove", path)(error));
        }
        _ => {}
    }
    for folder in folders {
        // One with something else in it stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
