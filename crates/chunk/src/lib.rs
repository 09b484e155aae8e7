//! From a file to chunks and symbols, by syntax tree; by lines where there is none.
//!
//! [`chunk`] is a function of its arguments alone: no file, no clock but the
//! one that ends an endless parse, no panic, and no recursion on the depth of
//! the input. What it gives obeys these invariants:
//!
//! * A chunk is a run of whole lines that begins and ends with a visible one.
//! * Every line that is not blank is in a chunk.
//! * Chunks are in source order. Chunks cut by syntax never overlap; chunks cut
//!   by lines share a few lines with their neighbours.
//! * Each symbol is listed by exactly the chunk that its signature starts in.
//! * No line is ever cut, so a chunk is larger than [`Options::max_chunk_bytes`]
//!   only by one line, or by the closing lines of what surrounds it.
//!
//! Some grammars' scanners recurse by nesting depth: call this on a thread with
//! a stack of [`PARSE_STACK_BYTES`](wherein_core::limits::PARSE_STACK_BYTES).

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod calls;
mod define;
mod emit;
mod grammar;
mod guard;
mod languages;
mod layout;
mod lines;
mod merge;
mod names;
mod outline;
mod parse;
mod scan;
mod signature;
mod spec;
mod split;

pub use calls::{Call, bare_name, calls};
use wherein_core::{Chunk, ChunkKind, Language, SkipReason, caught, limits};

use crate::grammar::Grammar;
use crate::lines::Lines;
use crate::outline::Outline;
use crate::parse::{Deadline, Failure, parse};
use crate::scan::Scan;

/// Bumped whenever the same text may give other chunks.
pub const CHUNKER_VERSION: u32 = 4;

/// Data files above this size are tables, not configuration: cut by lines.
const MAX_DATA_BYTES: usize = 64 << 10;

/// The chunks of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    /// In source order.
    pub chunks: Vec<Chunk>,
    /// Why the file was cut by lines although its language has a grammar, and details.
    pub skip: Option<(SkipReason, String)>,
}

/// How large chunks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Definitions up to this size stay whole, in bytes.
    pub max_chunk_bytes: usize,
    /// Siblings are merged while their sum is at most this, in bytes.
    pub merge_below_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // NDCG@10 is the same from 1000 to 2000 (.90), but of the tokens an
            // agent reads fewer are wasted: recall at 500 tokens .91 to .84.
            max_chunk_bytes: 1200,
            merge_below_bytes: 500,
        }
    }
}

/// Cuts `text` into chunks; see the [crate] for what they obey.
pub fn chunk(text: &str, language: Language, options: &Options) -> Chunked {
    if u32::try_from(text.len()).is_err() {
        let skip = Some((SkipReason::TooLargeToParse, "4 GiB or more".to_owned()));
        return Chunked {
            chunks: Vec::new(),
            skip,
        };
    }
    let lines = Lines::new(text);
    let is_table = language.is_data() && text.len() > MAX_DATA_BYTES;
    let grammar = languages::grammar(language).filter(|_| !is_table);
    let mut skip = is_table.then(|| {
        let detail = format!(
            "{} bytes of data; at most {MAX_DATA_BYTES} are parsed",
            text.len()
        );
        (SkipReason::TooLargeToParse, detail)
    });
    if let Some(grammar) = grammar {
        match outline(&lines, grammar, language) {
            Ok(outline) => {
                let pieces = layout::pieces(&lines, &outline, language, options);
                let pieces = merge::merged(&lines, &outline, &pieces, options);
                let chunks = emit::by_syntax(&lines, outline, &pieces, grammar.spec.outside);
                return Chunked { chunks, skip };
            }
            Err(failure) => skip = Some(failure),
        }
    }
    let parts = split::by_lines(&lines, options.max_chunk_bytes);
    let chunks = emit::by_lines(&lines, &parts, language, line_kind(language));
    Chunked { chunks, skip }
}

fn outline(
    lines: &Lines<'_>,
    grammar: &'static Grammar,
    language: Language,
) -> Result<Outline, Failure> {
    let deadline = Deadline::start();
    let is_parsed = lines.text().len() <= limits::MAX_PARSE_BYTES;
    if is_parsed && let Some(refusal) = guard::refusal(language, lines) {
        return Err((SkipReason::ParseFailed, refusal.to_owned()));
    }
    let tree = parse(grammar, lines.text(), None, deadline)?;
    caught(|| {
        let mut scan = Scan::new(lines, deadline);
        scan.tree(grammar, language, &tree, None);
        scan.finish()
    })
    .map_err(|panic| {
        let detail = format!("the walk over the tree panicked: {panic}");
        (SkipReason::ParseFailed, detail)
    })
}

/// Kind of a file's chunks when it is cut by lines.
fn line_kind(language: Language) -> ChunkKind {
    let is_text = language.is_prose()
        || language.is_data()
        || matches!(language, Language::Diff | Language::Notebook);
    if is_text {
        ChunkKind::Text
    } else {
        ChunkKind::Code
    }
}
