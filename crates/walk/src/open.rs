//! Opens files so that nothing in a repository can make us block, follow a link
//! out of it, or read without end.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use wherein_core::FileStat;

use crate::trouble;

/// What `stat` says of open or closed metadata.
#[cfg(unix)]
pub(crate) fn stat_of(metadata: &Metadata) -> FileStat {
    use std::os::unix::fs::MetadataExt;
    let nanoseconds =
        |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    FileStat {
        size: metadata.size(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    }
}

/// What `stat` says of open or closed metadata.
#[cfg(not(unix))]
pub(crate) fn stat_of(metadata: &Metadata) -> FileStat {
    let mtime_ns = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |duration| {
            i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
        });
    FileStat {
        size: metadata.len(),
        mtime_ns,
        ctime_ns: mtime_ns,
        inode: 0,
    }
}

/// Opens a regular file of git's or the user's own (links are followed, as git
/// follows them); a pipe or device is refused without waiting for it.
pub(crate) fn open_for_reading(path: &Path) -> io::Result<File> {
    noted(path, open(path, false).and_then(regular))
}

/// Reads a whole regular file, following links; above `limit` bytes it is an error.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    noted(path, whole(open_for_reading(path)?, limit))
}

/// Like [`read_small`], but a symbolic link is refused: for files that stand in
/// the repository, as git does with `.gitignore`.
pub(crate) fn read_small_here(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, true).and_then(regular);
    noted(path, file.and_then(|file| whole(file, limit)))
}

/// The first bytes of a regular file that is no symbolic link.
pub(crate) fn read_start_here(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(path, true).and_then(regular);
    let read = file.and_then(|file| file.take(length).read_to_end(&mut bytes));
    noted(path, read)?;
    Ok(bytes)
}

/// Passes a result on; trouble in it is told to whoever watches.
fn noted<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.inspect_err(|error| trouble::note(path, error))
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ))
    }
}

fn whole(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(unix)]
fn open(path: &Path, refuse_link: bool) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if refuse_link {
        flags |= OFlags::NOFOLLOW;
    }
    File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path, refuse_link: bool) -> io::Result<File> {
    if refuse_link && path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a symbolic link",
        ));
    }
    File::open(path)
}
