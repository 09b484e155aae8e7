//! Git hooks that keep an index fresh: [`install`] puts a line into the hooks of a
//! checkout, or a hook of ours before one that cannot take a line; [`uninstall`]
//! restores what was there, byte for byte; [`status`] says how things stand.
//!
//! What is installed starts `wherein hook run` in the background and goes on: a
//! commit is neither delayed nor ever failed by it. Git is not run here.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod error;
mod files;
mod script;

use std::path::{Path, PathBuf};

use serde::Serialize;
use wherein_walk::{Checkout, HooksFolder, HooksReach};

pub use error::HookError;

/// The hooks that git runs after it has changed the working tree or its history.
pub const EVENTS: [&str; 4] = ["post-commit", "post-merge", "post-checkout", "post-rewrite"];

/// What is at a hook's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HookState {
    /// Nothing.
    Absent,
    /// A hook that does not call wherein.
    Other,
    /// A hook that calls wherein.
    Installed,
    /// A hook of ours that runs the one that was there before.
    Chained,
}

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// Its name, such as `post-commit`.
    pub name: &'static str,
    /// Its file.
    pub path: PathBuf,
    /// What is there.
    pub state: HookState,
    /// The program that it calls, when that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_program: Option<PathBuf>,
}

/// All hooks of a checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hooks {
    /// Where git looks for them.
    pub folder: PathBuf,
    /// Whether other repositories run them too.
    pub is_shared: bool,
    /// Whether the folder lies in the working tree.
    pub is_in_working_tree: bool,
    /// In the order of [`EVENTS`].
    pub hooks: Vec<Hook>,
}

impl Hooks {
    /// Whether all of them call wherein.
    pub fn are_installed(&self) -> bool {
        self.hooks.iter().all(|hook| {
            matches!(hook.state, HookState::Installed | HookState::Chained)
                && hook.missing_program.is_none()
        })
    }
}

/// How the hooks of a checkout stand.
///
/// # Errors
/// It is in no git repository, or a file cannot be read.
pub fn status(checkout: &Checkout) -> Result<Hooks, HookError> {
    let HooksFolder { path, reach } = checkout.hooks_folder()?;
    let hooks = EVENTS
        .into_iter()
        .map(|name| look(&path, name))
        .collect::<Result<_, _>>()?;
    Ok(Hooks {
        folder: path,
        is_shared: reach == HooksReach::Elsewhere,
        is_in_working_tree: reach == HooksReach::WorkingTree,
        hooks,
    })
}

/// Makes all hooks of a checkout, and of its worktrees, call `program`; those that
/// do already are left, or told of another program.
///
/// # Errors
/// A hook that would have to be changed is tracked by git (nothing is changed
/// then), or a file cannot be read or written.
pub fn install(checkout: &Checkout, program: &Path) -> Result<Hooks, HookError> {
    let before = status(checkout)?;
    let program = script::quoted(program).ok_or_else(|| HookError::Program {
        path: program.to_owned(),
    })?;
    for hook in &before.hooks {
        if hook.state == HookState::Other && checkout.is_tracked(&hook.path) {
            return Err(HookError::Tracked {
                path: hook.path.clone(),
                line: script::line(hook.name, "wherein"),
            });
        }
    }
    files::create_folder(&before.folder)?;
    for hook in &before.hooks {
        files::put(&hook.path, &script::line(hook.name, &program))?;
    }
    status(checkout)
}

/// Takes out of the hooks of a checkout what [`install`] has put there.
///
/// # Errors
/// A file cannot be read or written; others may be done already.
pub fn uninstall(checkout: &Checkout) -> Result<Hooks, HookError> {
    for hook in status(checkout)?.hooks {
        files::take_out(&hook.path)?;
    }
    status(checkout)
}

fn look(folder: &Path, name: &'static str) -> Result<Hook, HookError> {
    let path = folder.join(name);
    let bytes = files::read(&path)?;
    let line = bytes.as_deref().and_then(script::our_line);
    let state = match (&bytes, line) {
        (None, _) => HookState::Absent,
        (Some(_), None) => HookState::Other,
        (Some(bytes), Some(_)) if script::chains(bytes) => HookState::Chained,
        (Some(_), Some(_)) => HookState::Installed,
    };
    let program = line.and_then(script::program);
    Ok(Hook {
        name,
        path,
        state,
        missing_program: program.filter(|program| program.is_absolute() && !program.exists()),
    })
}
