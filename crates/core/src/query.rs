//! A query as it comes in, checked against the limits before anything runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ChunkKind, Language, limits};

/// Which arms of the search answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As `Hybrid`.
    #[default]
    Auto,
    /// Words, meaning and symbols together; names weigh more when the query is
    /// one name.
    Hybrid,
    /// Meaning alone.
    Semantic,
    /// Words alone.
    Lexical,
    /// Names of definitions alone.
    Symbol,
    /// A regular expression over the text.
    Regex,
}

impl Mode {
    /// All modes, in the order of the help text.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::Hybrid,
        Self::Semantic,
        Self::Lexical,
        Self::Symbol,
        Self::Regex,
    ];

    /// The name in arguments and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hybrid => "hybrid",
            Self::Semantic => "semantic",
            Self::Lexical => "lexical",
            Self::Symbol => "symbol",
            Self::Regex => "regex",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|mode| mode.name() == name)
            .ok_or(())
    }
}

/// What a hit must satisfy; empty lists let everything through. Within a list
/// one match is enough, across lists all must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Languages of the chunk.
    pub languages: Vec<Language>,
    /// Globs over the relative path (`src/**`, `*.rs`; a leading `!` excludes).
    pub paths: Vec<String>,
    /// Kinds of the chunk.
    pub kinds: Vec<ChunkKind>,
    /// Only files that differ from this revision of git.
    pub changed_since: Option<String>,
    /// Only these relative paths, when given.
    pub only_files: Option<Vec<String>>,
    /// Only files in this folder, given by its relative path.
    pub below: Option<String>,
}

impl Filters {
    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.languages.is_empty()
            && self.paths.is_empty()
            && self.kinds.is_empty()
            && self.changed_since.is_none()
            && self.only_files.is_none()
            && self.below.is_none()
    }
}

/// A checked query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What was asked, trimmed.
    pub text: String,
    /// How many hits at most.
    pub k: usize,
    /// Which arms answer.
    pub mode: Mode,
    /// What a hit must satisfy.
    pub filters: Filters,
    /// Whether hits carry their explanation.
    pub explain: bool,
    /// How long a re-ranker may read the first candidates; `None` asks none.
    pub rerank: Option<std::time::Duration>,
}

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// Nothing but white space.
    Empty,
    /// Above [`limits::MAX_QUERY_BYTES`]; holds the length in bytes.
    TooLong(usize),
    /// `k` is 0 or above [`limits::MAX_RESULTS`].
    BadK(usize),
    /// More than [`limits::MAX_FILTERS`] filters of one sort.
    TooManyFilters(usize),
    /// A revision that is empty, above [`limits::MAX_REVISION_BYTES`] or has a
    /// control character.
    BadRevision,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the query is empty; ask in words or name a symbol"),
            Self::TooLong(bytes) => write!(
                f,
                "the query has {bytes} bytes; at most {} are taken, so shorten it",
                limits::MAX_QUERY_BYTES
            ),
            Self::BadK(k) => write!(f, "k is {k}; ask for 1 to {} results", limits::MAX_RESULTS),
            Self::TooManyFilters(count) => write!(
                f,
                "{count} filters of one sort; at most {} are taken",
                limits::MAX_FILTERS
            ),
            Self::BadRevision => write!(
                f,
                "a revision has 1 to {} bytes and no control characters, such as HEAD~3 or main",
                limits::MAX_REVISION_BYTES
            ),
        }
    }
}

impl std::error::Error for QueryError {}

impl Query {
    /// A query for `k` hits in automatic mode.
    pub fn new(text: &str, k: usize) -> Result<Self, QueryError> {
        Self {
            text: text.to_owned(),
            k,
            mode: Mode::Auto,
            filters: Filters::default(),
            explain: false,
            rerank: None,
        }
        .checked()
    }

    /// Checks the limits and trims the text.
    pub fn checked(mut self) -> Result<Self, QueryError> {
        if self.text.len() > limits::MAX_QUERY_BYTES {
            return Err(QueryError::TooLong(self.text.len()));
        }
        let trimmed = self.text.trim();
        if trimmed.is_empty() {
            return Err(QueryError::Empty);
        }
        if trimmed.len() != self.text.len() {
            self.text = trimmed.to_owned();
        }
        if self.k == 0 || self.k > limits::MAX_RESULTS {
            return Err(QueryError::BadK(self.k));
        }
        let Filters {
            languages,
            paths,
            kinds,
            changed_since,
            only_files: _,
            below: _,
        } = &self.filters;
        let most = languages.len().max(paths.len()).max(kinds.len());
        if most > limits::MAX_FILTERS {
            return Err(QueryError::TooManyFilters(most));
        }
        if let Some(revision) = changed_since
            && (revision.is_empty()
                || revision.len() > limits::MAX_REVISION_BYTES
                || revision.contains(char::is_control))
        {
            return Err(QueryError::BadRevision);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_enforced_at_the_edge() {
        assert_eq!(Query::new(" \n", 10), Err(QueryError::Empty));
        assert_eq!(Query::new(" a ", 10).map(|q| q.text), Ok("a".to_owned()));
        let long = "x".repeat(limits::MAX_QUERY_BYTES + 1);
        assert_eq!(Query::new(&long, 10), Err(QueryError::TooLong(long.len())));
        assert!(Query::new(&long[1..], 10).is_ok());
        assert_eq!(Query::new("a", 0), Err(QueryError::BadK(0)));
        assert!(Query::new("a", limits::MAX_RESULTS).is_ok());
        assert_eq!(Query::new("a", 1001), Err(QueryError::BadK(1001)));
    }

    #[test]
    fn revisions_are_bounded() {
        let since = |revision: &str| {
            let mut query = Query::new("a", 1).expect("a query");
            query.filters.changed_since = Some(revision.to_owned());
            query.checked().map(|_| ())
        };
        assert_eq!(since("HEAD~3"), Ok(()));
        let long = "x".repeat(limits::MAX_REVISION_BYTES + 1);
        for bad in ["", "a\nb", "a\0", &long] {
            assert_eq!(since(bad), Err(QueryError::BadRevision), "{bad:?}");
        }
        assert_eq!(since(&long[1..]), Ok(()));
    }
}
