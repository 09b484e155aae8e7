//! From ranked chunks to the hits of an answer: neighbours become one span, and
//! what is the same text elsewhere is shown once.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};
use wherein_store::{StoreError, each_term};

use crate::corpus::Corpus;
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
    corpus: &Corpus<'_>,
    ranked: impl Iterator<Item = RankedSpan>,
    k: usize,
) -> Result<Vec<RankedSpan>, StoreError> {
    let mut kept: Vec<RankedSpan> = Vec::new();
    let mut bags = Bags::default();
    for span in ranked {
        // A neighbour from further down the list would come before better hits.
        let last = kept.len().saturating_sub(1);
        let joined = kept.iter().enumerate().position(|(at, one)| {
            touch(corpus, one, &span)
                && (overlap(corpus, one, &span) || at == last && are_small(corpus, one, &span))
        });
        if let Some(at) = joined {
            join(&mut kept[at], &span);
            // What is longer now may reach into another one.
            while let Some(other) = (0..kept.len()).find(|other| {
                *other != at
                    && touch(corpus, &kept[*other], &kept[at])
                    && overlap(corpus, &kept[*other], &kept[at])
            }) {
                let (better, worse) = (at.min(other), at.max(other));
                let gone = kept.remove(worse);
                join(&mut kept[better], &gone);
                if better != at {
                    break;
                }
            }
            continue;
        }
        if kept.len() == k {
            break;
        }
        let mut is_copy = false;
        for one in &kept {
            is_copy = is_copy || bags.are_copies(corpus, one.row, span.row)?;
        }
        if !is_copy {
            kept.push(span);
        }
    }
    Ok(kept)
}

fn join(one: &mut RankedSpan, other: &RankedSpan) {
    let first = (*one.rows.start()).min(*other.rows.start());
    let last = (*one.rows.end()).max(*other.rows.end());
    one.rows = first..=last;
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
fn touch(corpus: &Corpus<'_>, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    *last.rows.start() <= first.rows.end() + 1
        && corpus.file_of_row(a.row) == corpus.file_of_row(b.row)
}

/// Whether spans that touch have lines in common.
fn overlap(corpus: &Corpus<'_>, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    corpus.chunk(*first.rows.end()).span.end_line
        >= corpus.chunk(*last.rows.start()).span.start_line
}

/// Whether spans that touch are small enough to be one.
fn are_small(corpus: &Corpus<'_>, a: &RankedSpan, b: &RankedSpan) -> bool {
    let (first, last) = in_order(a, b);
    let start = corpus.chunk(*first.rows.start()).span.bytes.start;
    corpus.chunk(*last.rows.end()).span.bytes.end - start <= MERGED_BYTES
}

/// The terms of chunks as sorted hashes, each computed once.
#[derive(Default)]
struct Bags(FxHashMap<u32, Vec<u64>>);

impl Bags {
    fn fill(&mut self, corpus: &Corpus<'_>, row: u32) -> Result<(), StoreError> {
        if self.0.contains_key(&row) {
            return Ok(());
        }
        let chunk = corpus.chunk(row);
        let text = corpus.file_text(chunk.file)?;
        let mut bag = Vec::new();
        each_term(chunk.span.bytes.of(&text), |term| {
            bag.push(FxBuildHasher.hash_one(term));
        });
        bag.sort_unstable();
        bag.dedup();
        self.0.insert(row, bag);
        Ok(())
    }

    /// Whether two chunks are the same text but for little: a vendored copy, a
    /// generated twin.
    fn are_copies(&mut self, corpus: &Corpus<'_>, a: u32, b: u32) -> Result<bool, StoreError> {
        let (one, other) = (corpus.chunk(a), corpus.chunk(b));
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
        self.fill(corpus, a)?;
        self.fill(corpus, b)?;
        let (one, other) = (&self.0[&a], &self.0[&b]);
        let common = in_both(one, other);
        let all = one.len() + other.len() - common;
        Ok(all >= COPY_TERMS && common as f32 >= COPY_SHARE * all as f32)
    }
}

/// How many values two sorted lists have in common.
fn in_both(one: &[u64], other: &[u64]) -> usize {
    let (mut a, mut b, mut common) = (0, 0, 0);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        match left.cmp(right) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                (a, b, common) = (a + 1, b + 1, common + 1);
            }
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sorted_lists_have_in_common() {
        assert_eq!(in_both(&[1, 3, 5, 7], &[3, 4, 5, 9]), 2);
        assert_eq!(in_both(&[], &[1]), 0);
        assert_eq!(in_both(&[2, 4], &[2, 4]), 2);
    }
}
