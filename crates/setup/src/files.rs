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
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(SetupError::InTheWay {
                    path: path.to_owned(),
                    detail: "it is a link to a file that is not there".to_owned(),
                });
            }
            return Ok(None);
        }
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
pub(crate) fn target(path: &Path) -> PathBuf {
    if let Ok(target) = path.canonicalize() {
        return target;
    }
    // Of a file that is not there yet, at least its folder.
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Folders that have to be made for a file, innermost first.
pub(crate) fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let folders = path.ancestors().skip(1);
    folders
        .take_while(|one| !one.as_os_str().is_empty() && !one.exists())
        .map(Path::to_owned)
        .collect()
}

/// Replaces a file, or makes it with the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    let path = target(path);
    let rights = fs::metadata(&path).ok().map(|one| one.permissions());
    if rights.as_ref().is_some_and(Permissions::readonly) {
        return Err(SetupError::InTheWay {
            path,
            detail: "it may not be written".to_owned(),
        });
    }
    replace(&path, text, rights.or_else(usual_rights))
}

/// Replaces a file that nobody else may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), SetupError> {
    replace(path, text, None)
}

/// Makes a folder that nobody else may enter.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), SetupError> {
    let error = SetupError::io("create", folder);
    fs::create_dir_all(folder).map_err(&error)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(&error)?;
    }
    Ok(())
}

/// Readable by all, as an editor makes a new file.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is no such thing")]
fn usual_rights() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn usual_rights() -> Option<Permissions> {
    None
}

fn replace(path: &Path, text: &str, rights: Option<Permissions>) -> Result<(), SetupError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let replaced = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        // Private until it has its rights, and these before its text.
        let mut file = tempfile::Builder::new()
            .prefix(".wherein-")
            .tempfile_in(folder)?;
        if let Some(rights) = rights {
            file.as_file().set_permissions(rights)?;
        }
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    replaced().map_err(SetupError::io("write", path))
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
