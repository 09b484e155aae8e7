//! Finds the repository that a folder lies in by reading its files: git is never
//! run, and no configuration, hook or environment variable is obeyed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::WalkError;
use crate::open::read_small;

/// Longest file of git's own that is read here (`.git`, `commondir`), in bytes.
const MAX_LINK_BYTES: u64 = 64 << 10;

/// What is known of the repository that a checkout lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitInfo {
    /// The top folder of the checkout.
    pub toplevel: PathBuf,
    /// Canonical; the data that all worktrees share.
    pub common_dir: PathBuf,
    /// Canonical; the data of this worktree alone (`HEAD`, `index`).
    pub git_dir: PathBuf,
}

/// The repository of the canonical `folder`, if any. Walks upwards; a `.git`
/// entry that is no repository is passed over.
pub(crate) fn discover(folder: &Path) -> Result<Option<GitInfo>, WalkError> {
    for candidate in folder.ancestors() {
        if let Some(git_dir) = git_dir_of(candidate) {
            let common_dir = common_dir_of(&git_dir);
            return Ok(Some(GitInfo {
                toplevel: candidate.to_path_buf(),
                common_dir,
                git_dir,
            }));
        }
        if is_git_dir(candidate) {
            return Err(WalkError::GitData {
                path: candidate.to_path_buf(),
            });
        }
    }
    Ok(None)
}

/// The canonical git folder that the `.git` entry of `folder` is or names.
fn git_dir_of(folder: &Path) -> Option<PathBuf> {
    let entry = folder.join(".git");
    let kind = fs::metadata(&entry).ok()?;
    let git_dir = if kind.is_dir() {
        entry
    } else {
        // A worktree or submodule: `gitdir: PATH`, relative to the folder.
        let text = read_small(&entry, MAX_LINK_BYTES).ok()?;
        folder.join(path_of(text.strip_prefix(b"gitdir:")?)?)
    };
    let git_dir = fs::canonicalize(git_dir).ok()?;
    is_git_dir(&git_dir).then_some(git_dir)
}

/// The data of the repository that lies at a canonical path: of its folder, or bare.
pub(crate) fn git_data_of(path: &Path) -> Option<PathBuf> {
    let bare = || is_git_dir(path).then(|| path.to_path_buf());
    git_dir_of(path)
        .or_else(bare)
        .map(|git| common_dir_of(&git))
}

/// The folder that the worktrees of `git_dir` share.
fn common_dir_of(git_dir: &Path) -> PathBuf {
    read_small(&git_dir.join("commondir"), MAX_LINK_BYTES)
        .ok()
        .and_then(|text| fs::canonicalize(git_dir.join(path_of(&text)?)).ok())
        .unwrap_or_else(|| git_dir.to_path_buf())
}

/// Whether git would take `folder` for its data: the test git makes itself.
fn is_git_dir(folder: &Path) -> bool {
    if fs::symlink_metadata(folder.join("HEAD")).is_err() {
        return false;
    }
    let common = common_dir_of(folder);
    common.join("objects").is_dir() && common.join("refs").is_dir()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<&Path> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let path = bytes.trim_ascii();
    (!path.is_empty() && !path.contains(&0)).then(|| Path::new(OsStr::from_bytes(path)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<&Path> {
    let path = std::str::from_utf8(bytes.trim_ascii()).ok()?;
    (!path.is_empty()).then(|| Path::new(path))
}
