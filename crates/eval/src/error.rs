//! Why a dataset cannot be evaluated.

use std::path::{Path, PathBuf};

use wherein_index::IndexError;

/// What is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file of labels or figures is not what it should be.
    #[error("{path} is not {expected}: {detail}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// Where it goes wrong.
        detail: String,
    },
    /// There are no labels.
    #[error(
        "no labelled queries at {path}: give a file of labels, or a folder with `annotations/`, `queries/` or `labels/`",
        path = path.display()
    )]
    NoLabels {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// None of the repositories is there.
    #[error(
        "none of {count} repositories is at hand (looked for {looked}); say with --corpus where their sources lie",
        looked = looked.display()
    )]
    NoSources {
        /// How many are labelled.
        count: usize,
        /// One place that was looked at.
        looked: PathBuf,
    },
    /// A repository was asked for that has no labels.
    #[error("no labels of a repository {name:?}; there are {known}")]
    UnknownRepository {
        /// Its name.
        name: String,
        /// Those that have labels.
        known: String,
    },
    /// A split of one file.
    #[error("{path} is one file of labels and has no splits; leave --split out", path = path.display())]
    NoSplits {
        /// The file.
        path: PathBuf,
    },
    /// Two reports that say nothing about each other.
    #[error("{0}")]
    NotComparable(String),
    /// A query that the engine refuses.
    #[error("{repository}: the query {query:?} is refused: {detail}")]
    BadQuery {
        /// Name of the repository.
        repository: String,
        /// The query, its beginning.
        query: String,
        /// Why.
        detail: String,
    },
    /// The index of a repository fails.
    #[error("{repository}: {source}")]
    Index {
        /// Name of the repository.
        repository: String,
        /// What failed.
        source: Box<IndexError>,
    },
}

impl EvalError {
    pub(crate) fn malformed(path: &Path, expected: &'static str, detail: String) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            expected,
            detail,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn index(repository: &str) -> impl Fn(IndexError) -> Self {
        let repository = repository.to_owned();
        move |source| Self::Index {
            repository: repository.clone(),
            source: Box::new(source),
        }
    }
}
