//! From ranked chunks to the hits of an answer: neighbours become one span, and
//! what is the same text elsewhere is shown once.

use rustc_hash::FxHashSet;
use wherein_store::{Snapshot, StoreError, each_term};

use crate::searcher::RankedSpan;

/// Neighbours become one span up to this many bytes; overlapping ones always.
const MERGED_BYTES: u32 = 2400;
/// Share of the terms that two chunks must have in common to be copies.
const COPY_SHARE: f32 = 0.9;
/// Copies have nearly the same length.
const COPY_LENGTHS: f32 = 0.85;
/// Terms below which a chunk is too small to be called a copy.
const COPY_TERMS: usize = 12;

/// At most `k` spans of `ranked`, best first as given. A span that is merged
/// keeps the better one's place, score and name.
pub(crate) fn condense(
    snapshot: &Snapshot,
    ranked: Vec<RankedSpan>,
    k: usize,
) -> Result<Vec<RankedSpan>, StoreError> {
    let mut kept: Vec<RankedSpan> = Vec::with_capacity(k.min(ranked.len()));
    for span in ranked {
        // A neighbour from further down the list would come before better hits.
        let last = kept.len().saturating_sub(1);
        let joined = kept.iter().enumerate().position(|(at, one)| {
            touch(snapshot, one, &span)
                && (overlap(snapshot, one, &span) || at == last && are_small(snapshot, one, &span))
        });
        if let Some(at) = joined {
            let (first, last) = (
                (*kept[at].rows.start()).min(*span.rows.start()),
                (*kept[at].rows.end()).max(*span.rows.end()),
            );
            kept[at].rows = first..=last;
            continue;
        }
        if kept.len() == k {
            break;
        }
        let mut is_copy = false;
        for one in &kept {
            is_copy = is_copy || are_copies(snapshot, one.row, span.row)?;
        }
        if !is_copy {
            kept.push(span);
        }
    }
    Ok(kept)
}

/// The two in the order of their rows.
fn in_order<'a>(a: &'a RankedSpan, b: &'a RankedSpan) -> (&'a RankedSpan, &'a RankedSpan) {
    if a.rows.start() < b.rows.start() {
        (a, b)
    } else {
        (b, a)
    }
}

/// Whether two spans are of one file with nothing between them.
fn touch(snapshot: &Snapshot, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    *last.rows.start() <= first.rows.end() + 1
        && snapshot.file_of_row(a.row) == snapshot.file_of_row(b.row)
}

/// Whether spans that touch have lines in common.
fn overlap(snapshot: &Snapshot, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    snapshot.chunk(*first.rows.end()).span.end_line
        >= snapshot.chunk(*last.rows.start()).span.start_line
}

/// Whether spans that touch are small enough to be one.
fn are_small(snapshot: &Snapshot, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    let start = snapshot.chunk(*first.rows.start()).span.bytes.start;
    snapshot.chunk(*last.rows.end()).span.bytes.end - start <= MERGED_BYTES
}

/// Whether two chunks are the same text but for little: a vendored copy, a
/// generated twin.
fn are_copies(snapshot: &Snapshot, a: u32, b: u32) -> Result<bool, StoreError> {
    let (one, other) = (snapshot.chunk(a), snapshot.chunk(b));
    let bytes = |span: wherein_core::Span| (span.bytes.end - span.bytes.start) as f32;
    let (least, most) = (
        bytes(one.span).min(bytes(other.span)),
        bytes(one.span).max(bytes(other.span)),
    );
    // What differs at a glance is told apart without reading the texts.
    if one.file == other.file
        || one.kind != other.kind
        || one.symbol != other.symbol
        || least < COPY_LENGTHS * most
    {
        return Ok(false);
    }
    let bag = |row: u32| -> Result<FxHashSet<String>, StoreError> {
        let chunk = snapshot.chunk(row);
        let text = snapshot.file_text(chunk.file)?;
        let mut terms = FxHashSet::default();
        each_term(chunk.span.bytes.of(&text), |term| {
            terms.insert(term.to_owned());
        });
        Ok(terms)
    };
    let (one, other) = (bag(a)?, bag(b)?);
    let common = one.intersection(&other).count();
    let all = one.len() + other.len() - common;
    Ok(all >= COPY_TERMS && common as f32 >= COPY_SHARE * all as f32)
}
