//! Where git looks for a checkout's hooks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::discover::GitInfo;
use crate::tracked::Tracked;
use crate::{Checkout, WalkError, git_files};

/// The folder of hooks that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksFolder {
    /// It need not exist.
    pub path: PathBuf,
    /// Whose hooks it holds.
    pub reach: HooksReach,
}

/// For which repositories the hooks of a folder are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HooksReach {
    /// This one, in all its worktrees: the folder lies in git's data.
    Repository,
    /// This checkout: `core.hooksPath` leads into the working tree, as husky does.
    WorkingTree,
    /// All that are configured so: `core.hooksPath` leads elsewhere.
    Elsewhere,
}

impl Checkout {
    /// The folder that git runs hooks from: that of `core.hooksPath`, as the
    /// configuration of system, user and repository has it, else git's own. Git
    /// is not run.
    ///
    /// # Errors
    /// The folder is in no repository, or git's configuration cannot be read.
    pub fn hooks_folder(&self) -> Result<HooksFolder, WalkError> {
        let Some(git) = &self.git else {
            return Err(WalkError::NoRepository {
                path: self.root.clone(),
            });
        };
        let own = git.common_dir.join("hooks");
        let set = configured(git).map_err(|detail| WalkError::GitObjects {
            path: self.root.clone(),
            detail,
        })?;
        // What is relative is so to where hooks are run.
        let path = set.map_or_else(|| own.clone(), |path| git.toplevel.join(path));
        let path = path.canonicalize().unwrap_or(path);
        let reach = if path.starts_with(&git.common_dir) {
            HooksReach::Repository
        } else if path.starts_with(&git.toplevel) {
            HooksReach::WorkingTree
        } else {
            HooksReach::Elsewhere
        };
        Ok(HooksFolder { path, reach })
    }

    /// Whether git tracks the file at an absolute path.
    pub fn is_tracked(&self, path: &Path) -> bool {
        let Some(git) = &self.git else {
            return false;
        };
        let Ok(inside) = path.strip_prefix(&git.toplevel) else {
            return false;
        };
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        Tracked::of(git).contains(parts.join("/").as_bytes())
    }
}

/// `core.hooksPath`, includes followed; an empty one is none.
fn configured(git: &GitInfo) -> Result<Option<PathBuf>, String> {
    git_files::check_whole(git)?;
    let mut permissions = gix::open::Permissions::all();
    // What one command was started with is not what others will be.
    permissions.config.env = false;
    let options = gix::open::Options::default()
        .permissions(permissions)
        .open_path_as_is(true);
    // The files may be damaged, and the decoder is another's code.
    let found = catch_unwind(AssertUnwindSafe(|| {
        let repository =
            gix::open_opts(&git.git_dir, options).map_err(|error| error.to_string())?;
        let snapshot = repository.config_snapshot();
        let path = snapshot.trusted_path("core.hooksPath");
        path.map_err(|error| error.to_string())
    }))
    .unwrap_or_else(|_| Err("its configuration is damaged".to_owned()))?;
    Ok(found.filter(|path| !path.as_os_str().is_empty()))
}
