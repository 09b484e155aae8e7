//! From a query to ranked hits: understanding, candidates, ranking, diversity.
//!
//! ```text
//! Query -> understand -> candidates (words, meaning, symbols) -> features
//!       -> rank (learned weights) -> diversify -> condense -> hits
//! ```
//!
//! What is searched is a [`Corpus`]: the index of one repository, or of several as if
//! they were one. Filters apply before any candidate is taken. Equal scores are ordered by
//! path and line, so the same index and query give the same answer. Nothing
//! here opens a file or knows who asks.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod abbreviations;
mod asked_path;
mod candidates;
mod condense;
mod corpus;
mod describe;
mod diversify;
mod error;
mod evidence;
mod explain;
mod feature;
mod file_facts;
mod file_role;
mod filter;
mod guess;
mod lexicon;
mod occurrences;
mod pattern;
mod phrase;
mod rank;
mod related;
mod rerank;
mod searcher;
mod stages;
mod terms;
mod understand;

pub use asked_path::AskedPath;
pub use corpus::{Corpus, Part, Texts};
pub use describe::Described;
pub use error::SearchError;
pub use feature::{FEATURES, Feature, Features};
pub use file_role::FileRole;
pub use occurrences::{Occurrences, WantedText};
pub use rank::{Ranker, Ranking, signs};
pub use related::{Similar, similar};
pub use rerank::Rerank;
pub use searcher::{CandidateSet, Found, Purpose, RankedSpan, Searcher};
pub use stages::{StageClock, StageTimes};
pub use terms::Compound;
pub use understand::{Name, Understanding};
