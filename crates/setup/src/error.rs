//! Why nothing was changed.

use std::io;
use std::path::{Path, PathBuf};

/// A setup that was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No such agent.
    #[error("there is no agent {name:?} here; there are {known}")]
    UnknownAgent {
        /// As it was given.
        name: String,
        /// Names that are known.
        known: String,
    },
    /// The agent keeps no settings in a project, or none of the user.
    #[error("{agent} has no settings of {scope}; pass {instead}")]
    NoSuchScope {
        /// The agent.
        agent: &'static str,
        /// What was asked for.
        scope: &'static str,
        /// What there is.
        instead: &'static str,
    },
    /// A file is not what it should be.
    #[error("{path}:{line}:{column}: {detail}; it is left as it is: mend it and run this again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
        /// What is wrong.
        detail: String,
    },
    /// A file holds something else where the entry belongs.
    #[error("{path}: {detail}; it is left as it is: change that by hand and run this again")]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What stands there.
        detail: String,
    },
    /// Nothing was set up, or it was undone before.
    #[error("nothing to undo for {agent} here; `wherein setup --list` shows what is set up")]
    NothingToUndo {
        /// The agent.
        agent: &'static str,
    },
    /// The system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SetupError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path: path.clone(),
            source,
        }
    }

    /// At a byte of a text.
    pub(crate) fn malformed(path: &Path, text: &str, at: usize, detail: &str) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::Malformed {
            path: path.to_owned(),
            line,
            column: before[start..].chars().count() + 1,
            detail: detail.lines().next().unwrap_or_default().to_owned(),
        }
    }
}
