//! Errors that say nothing of the file they were met at. A rule file that cannot
//! be read for such is not a repository without rules: the walk fails.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use crate::WalkError;

thread_local! {
    /// The first trouble since [`watched`] began. Rule files are read deep
    /// within decisions that have no error of their own.
    static MET: RefCell<Option<(PathBuf, io::Error)>> = const { RefCell::new(None) };
}

/// Whether an error says nothing of the file it was met at: too few file
/// descriptors, no memory, a disk that fails.
pub(crate) fn is_trouble(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let codes = [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::NOBUFS,
            Errno::IO,
        ];
        let code = error.raw_os_error();
        code.is_some_and(|code| codes.iter().any(|one| one.raw_os_error() == code))
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::OutOfMemory
    }
}

/// Notes the error of a file when it is trouble.
pub(crate) fn note(path: &Path, error: &io::Error) {
    if is_trouble(error) {
        let again = error
            .raw_os_error()
            .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        MET.with_borrow_mut(|met| {
            met.get_or_insert_with(|| (path.to_owned(), again));
        });
    }
}

/// Runs `work`, and fails when it met trouble on the way.
pub(crate) fn watched<T>(work: impl FnOnce() -> Result<T, WalkError>) -> Result<T, WalkError> {
    MET.take();
    let result = work();
    match MET.take() {
        Some((path, source)) => Err(WalkError::Trouble { path, source }),
        None => result,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn trouble_fails_what_is_watched_and_nothing_after_it() {
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        let starved = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert!(!is_trouble(&refused) && is_trouble(&starved));
        let path = Path::new("a/.gitignore");
        let fine = watched(|| {
            note(path, &refused);
            Ok(1)
        });
        assert!(matches!(fine, Ok(1)));
        let failed = watched(|| {
            note(path, &starved);
            Ok(1)
        });
        assert!(matches!(failed, Err(WalkError::Trouble { path: at, .. }) if at == path));
        assert!(matches!(watched(|| Ok(2)), Ok(2)));
    }
}
