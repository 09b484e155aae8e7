//! Hooks as files: read, replaced atomically with their mode, renamed.

use std::fs::{self, Metadata, Permissions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::HookError;
use crate::script;

/// A larger hook is a program: it is never read for a line.
const MAX_BYTES: u64 = 1 << 20;

/// The file's content, its first part when it is large; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, HookError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(source) => return Err(HookError::io("read", path)(source)),
    };
    // What a link leads to is not ours to change, so what it holds does not matter;
    // a pipe would be waited for.
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Ok(Some(Vec::new()));
    }
    fs::read(path)
        .map(Some)
        .map_err(HookError::io("read", path))
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

pub(crate) fn create_folder(path: &Path) -> Result<(), HookError> {
    fs::create_dir_all(path).map_err(HookError::io("create", path))
}

/// Puts our line into the hook at `path`, or a hook of ours before it.
pub(crate) fn put(path: &Path, line: &str) -> Result<(), HookError> {
    let Some(before) = read(path)? else {
        return write(path, script::alone(line).as_bytes(), None);
    };
    let metadata = fs::symlink_metadata(path).map_err(HookError::io("read", path))?;
    if let Some(old) = script::our_line(&before) {
        if script::program(old).is_none() || old == line {
            // Already there; one that was put there by hand names a program as it likes.
            return Ok(());
        }
        let new = if script::is_all_ours(&before) {
            if script::chains(&before) {
                script::chaining(line).into_bytes()
            } else {
                script::alone(line).into_bytes()
            }
        } else {
            script::with_line(&script::without_line(&before), line)
        };
        return write(path, &new, Some(&metadata));
    }
    if metadata.is_file() && is_executable(&metadata) && script::is_shell(&before) {
        return write(path, &script::with_line(&before, line), Some(&metadata));
    }
    // Not a script, a link, or one that is switched off: it stays as it is, under
    // another name, and is run after ours as git would have run it.
    let chained = chained(path);
    if fs::symlink_metadata(&chained).is_ok() {
        let there = std::io::Error::from(ErrorKind::AlreadyExists);
        return Err(HookError::io("write", &chained)(there));
    }
    fs::rename(path, &chained).map_err(HookError::io("rename", path))?;
    let written = write(path, script::chaining(line).as_bytes(), None);
    if written.is_err() {
        // As it was, since the whole is not to be had.
        let _ = fs::rename(&chained, path);
    }
    written
}

/// Takes out what [`put`] has put there.
pub(crate) fn take_out(path: &Path) -> Result<(), HookError> {
    let Some(bytes) = read(path)? else {
        return Ok(());
    };
    if script::our_line(&bytes).is_none() {
        return Ok(());
    }
    if !script::is_all_ours(&bytes) {
        let metadata = fs::symlink_metadata(path).map_err(HookError::io("read", path))?;
        return write(path, &script::without_line(&bytes), Some(&metadata));
    }
    let chained = chained(path);
    if fs::symlink_metadata(&chained).is_ok() {
        // Takes the place of ours in one step.
        return fs::rename(&chained, path).map_err(HookError::io("rename", &chained));
    }
    fs::remove_file(path).map_err(HookError::io("remove", path))
}

fn chained(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(script::CHAINED);
    PathBuf::from(name)
}

/// Replaces a file in one step; a new one may be executed by all who may read it.
fn write(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<(), HookError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let fail = || HookError::io("write", path);
    let mut file = tempfile::Builder::new()
        .prefix(".wherein-hook")
        .tempfile_in(folder)
        .map_err(HookError::io("write in", folder))?;
    file.write_all(bytes).map_err(fail())?;
    let own = file.as_file().metadata().map_err(fail())?;
    let mut permissions = like.unwrap_or(&own).permissions();
    if like.is_none() {
        make_executable(&mut permissions);
    }
    file.as_file()
        .set_permissions(permissions)
        .map_err(fail())?;
    file.as_file().sync_all().map_err(fail())?;
    file.persist(path)
        .map(drop)
        .map_err(|error| fail()(error.error))
}

/// May be read and executed by all, where the system knows of such.
#[cfg(unix)]
fn make_executable(permissions: &mut Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(0o755);
}

#[cfg(not(unix))]
fn make_executable(_: &mut Permissions) {}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    true
}
