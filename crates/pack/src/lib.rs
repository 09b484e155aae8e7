//! From ranked spans to a prompt-ready text that fits a token budget.
//!
//! Whole definitions first, a span under its signature when the whole does not
//! fit, the signature alone when that does not; with the header of what
//! encloses it and the imports it uses; nothing twice, nothing that was sent
//! before, and never a token more than the budget by the named tokenizer.
//! Nothing here opens a file.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod blocks;
mod cut;
mod forms;
mod imports;
mod lines;
mod packing;
mod render;
mod source;
mod span_id;
mod tokens;
mod vocabulary;

pub use cut::is_known;
pub use packing::{Options, Pack, pack};
pub use render::Format;
pub use source::{Definition, Found, Source};
pub use span_id::{BadSpanId, SpanId};
pub use tokens::Tokenizer;
