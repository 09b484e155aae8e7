//! A checkout: the folder that is indexed, and the repository it lies in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::WalkError;
use crate::discover::{GitInfo, discover};
use crate::head;
use crate::origin::Origin;
use crate::trouble::watched;

/// One checkout: what is indexed, and what git knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The folder that is indexed; canonical.
    pub root: PathBuf,
    /// The repository that it lies in, if any.
    pub git: Option<GitInfo>,
}

impl Checkout {
    /// The folder `path` itself, which must exist, within the repository it lies
    /// in. Git is never run and none of its configuration is obeyed.
    pub fn at(path: &Path) -> Result<Self, WalkError> {
        let root = fs::canonicalize(path)
            .map_err(|source| WalkError::from_io(path.to_path_buf(), source))?;
        if !root.is_dir() {
            return Err(WalkError::NotAFolder {
                path: path.to_path_buf(),
            });
        }
        let git = watched(|| discover(&root))?;
        Ok(Self { root, git })
    }

    /// The whole checkout that `path` (a file or folder) lies in; outside git the
    /// folder itself.
    pub fn enclosing(path: &Path) -> Result<Self, WalkError> {
        let canonical = fs::canonicalize(path)
            .map_err(|source| WalkError::from_io(path.to_path_buf(), source))?;
        let folder = match canonical.parent() {
            Some(parent) if !canonical.is_dir() => parent.to_path_buf(),
            _ => canonical,
        };
        let mut checkout = Self::at(&folder)?;
        if let Some(git) = &checkout.git {
            checkout.root.clone_from(&git.toplevel);
        }
        Ok(checkout)
    }

    /// The object id of `HEAD` in hexadecimal; `None` before the first commit,
    /// outside git, and for repositories that keep their refs in a reftable.
    pub fn head(&self) -> Option<String> {
        self.git.as_ref().and_then(head::read)
    }

    /// A readable key that is the same for all worktrees and clones of one repository,
    /// and differs for different folders within it; and what people call it.
    pub fn identity(&self) -> (String, String) {
        let named = |path: &Path| {
            let is_inside = path.ends_with(".git");
            let folder = if is_inside { path.parent() } else { Some(path) };
            let name = folder.and_then(Path::file_name).unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let Some(git) = &self.git else {
            return (format!("folder:{}", exact(&self.root)), named(&self.root));
        };
        let inside = self.root.strip_prefix(&git.toplevel).unwrap_or(&self.root);
        let (from, name) = match Origin::of(git) {
            Origin::Here(data) => (exact(&data), named(&data)),
            Origin::Elsewhere(address) => {
                let name = address.rsplit('/').next().unwrap_or_default().to_owned();
                (format!("//{address}"), name)
            }
        };
        (format!("git:{from}:{}", exact(inside)), name)
    }

    /// The root relative to the top of the checkout, empty or ending in `/`.
    pub(crate) fn prefix(&self) -> String {
        let inside = self
            .git
            .as_ref()
            .and_then(|git| self.root.strip_prefix(&git.toplevel).ok());
        let mut prefix = String::new();
        for component in inside.into_iter().flat_map(Path::components) {
            prefix.push_str(&component.as_os_str().to_string_lossy());
            prefix.push('/');
        }
        prefix
    }
}

/// The path as it is when it is UTF-8, else quoted with its bytes escaped, so
/// that different paths never look the same.
fn exact(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}
