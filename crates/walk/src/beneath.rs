//! Reaches files below a root without following a symbolic link in any component
//! of the path, so that nothing outside the root is ever read.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use wherein_core::FileStat;

use crate::Checkout;
use crate::open::stat_of;

/// Why a path below the root was not opened.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Absolute, or with an empty, `.` or `..` component.
    BadPath,
    /// Nothing lies there any more.
    Vanished,
    /// A component is a symbolic link.
    Link,
    /// A folder, pipe, socket or device: what it is.
    NotRegular(&'static str),
    /// The operating system said no.
    Io(io::Error),
}

/// What `stat` says of a regular file; `None` when there is none at `path`, or
/// when it can only be reached through a symbolic link.
pub fn stat(checkout: &Checkout, path: &str) -> Option<FileStat> {
    let mut reached = checkout.root.clone();
    let mut components = checked(path)?.peekable();
    while let Some(component) = components.next() {
        reached.push(component);
        let metadata = fs::symlink_metadata(&reached).ok()?;
        if components.peek().is_none() {
            return metadata.is_file().then(|| stat_of(&metadata));
        }
        if !metadata.is_dir() {
            return None;
        }
    }
    None
}

/// The components of a path that stays below the root; `None` for any other.
pub(crate) fn checked(path: &str) -> Option<impl Iterator<Item = &str>> {
    let is_safe = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains('\0')
            && (cfg!(unix) || !part.contains(['\\', ':']))
    };
    path.split('/').all(is_safe).then(|| path.split('/'))
}

/// Opens the regular file at `path` below `root`. Each folder on the way is
/// opened from the one before, so that no exchange of a folder for a link in the
/// meantime leads elsewhere.
#[cfg(unix)]
pub(crate) fn open(root: &Path, path: &str) -> Result<File, Refusal> {
    use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
    use rustix::io::Errno;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    let way = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let way = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;

    let mut components = checked(path).ok_or(Refusal::BadPath)?.peekable();
    let mut folder = rustix::fs::open(root, way, Mode::empty()).map_err(refusal)?;
    while let Some(name) = components.next() {
        let kind = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map(|stat| FileType::from_raw_mode(stat.st_mode))
            .map_err(refusal)?;
        let is_last = components.peek().is_none();
        match kind {
            FileType::Symlink => return Err(Refusal::Link),
            FileType::Directory if !is_last => {
                folder = openat(&folder, name, way | OFlags::NOFOLLOW, Mode::empty())
                    .map_err(refusal)?;
            }
            FileType::RegularFile if is_last => {
                let flags = OFlags::RDONLY
                    | OFlags::NOFOLLOW
                    | OFlags::NONBLOCK
                    | OFlags::NOCTTY
                    | OFlags::CLOEXEC;
                let file = File::from(openat(&folder, name, flags, Mode::empty()).map_err(
                    |error| match error {
                        Errno::LOOP => Refusal::Link,
                        other => refusal(other),
                    },
                )?);
                // It may have been exchanged since it was looked at.
                return match file.metadata() {
                    Ok(metadata) if metadata.is_file() => Ok(file),
                    Ok(_) => Err(Refusal::NotRegular("something else by now")),
                    Err(error) => Err(Refusal::Io(error)),
                };
            }
            FileType::RegularFile => return Err(Refusal::Vanished),
            other => return Err(Refusal::NotRegular(name_of(other))),
        }
    }
    Err(Refusal::BadPath)
}

#[cfg(unix)]
fn refusal(error: rustix::io::Errno) -> Refusal {
    use rustix::io::Errno;
    match error {
        Errno::NOENT | Errno::NOTDIR => Refusal::Vanished,
        Errno::LOOP => Refusal::Link,
        Errno::NXIO => Refusal::NotRegular("a socket"),
        other => Refusal::Io(other.into()),
    }
}

#[cfg(unix)]
fn name_of(kind: rustix::fs::FileType) -> &'static str {
    use rustix::fs::FileType;
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no regular file",
    }
}

/// Opens the regular file at `path` below `root`, looking at each folder first.
#[cfg(not(unix))]
pub(crate) fn open(root: &Path, path: &str) -> Result<File, Refusal> {
    let mut reached = root.to_path_buf();
    for component in checked(path).ok_or(Refusal::BadPath)? {
        reached.push(component);
        let metadata = fs::symlink_metadata(&reached).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refusal::Vanished,
            _ => Refusal::Io(error),
        })?;
        if metadata.is_symlink() {
            return Err(Refusal::Link);
        }
    }
    let file = File::open(&reached).map_err(Refusal::Io)?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(Refusal::NotRegular("no regular file")),
        Err(error) => Err(Refusal::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_the_root_are_refused() {
        for path in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a\0b",
        ] {
            assert!(checked(path).is_none(), "{path:?}");
        }
        for path in ["a", "a/b c/..d", ".env", "a..b/..."] {
            assert!(checked(path).is_some(), "{path:?}");
        }
    }
}
