//! The types that travel between the stages of wherein, and the limits they obey.
//!
//! Nothing here reads a file, opens a socket or starts a thread: each type is
//! made by one stage and taken by the next.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod answer;
mod caught;
mod chunk;
mod file;
mod hash;
mod language;
pub mod limits;
mod query;
mod skip;
pub mod words;

pub use answer::{
    CallSite, ContextAnswer, Contribution, ExactMatches, ExactPlaces, Explanation, Hit, IndexState,
    PackBlock, RelatedAnswer, SearchAnswer,
};
pub use caught::caught;
pub use chunk::{ByteRange, Chunk, ChunkKind, Span, Symbol};
pub use file::{FileStat, SourceFile};
pub use hash::ContentHash;
pub use language::Language;
pub use query::{Filters, Mode, Query, QueryError};
pub use skip::{Skip, SkipReason};
