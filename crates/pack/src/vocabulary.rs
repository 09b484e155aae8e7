//! Counts the tokens of a byte-pair vocabulary that lies in the program as `build.rs`
//! laid it out.
//!
//! The crate the vocabularies come from counts by tables that it builds in memory, 67 MB
//! for the larger one, in each process of its own; these pages are mapped, shared by all
//! processes of the program, and nothing is built. A property test compares the two.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

include!("token_hash.rs");

/// A vocabulary, read where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary {
    /// By token, where its bytes end.
    ends: &'static [u8],
    /// Open hash table of tokens.
    table: &'static [u8],
    bytes: &'static [u8],
}

/// The longest text that one token has in these vocabularies.
const MAX_TOKEN_BYTES: usize = 128;

/// No place among the parts of a piece.
const NONE: u32 = u32::MAX;

/// A part of a piece while its parts are merged.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
    before: u32,
    after: u32,
}

impl Vocabulary {
    /// Of what `build.rs` wrote.
    pub(crate) fn of(file: &'static [u8]) -> Self {
        let count = number(file, 0) as usize;
        let slots = number(file, 1) as usize;
        let (ends, rest) = file.get(8..).unwrap_or_default().split_at(count * 4);
        let (table, bytes) = rest.split_at(slots * 4);
        Self { ends, table, bytes }
    }

    fn token_bytes(&self, token: u32) -> &'static [u8] {
        let start = match token.checked_sub(1) {
            Some(before) => number(self.ends, before as usize),
            None => 0,
        };
        let end = number(self.ends, token as usize);
        self.bytes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The token of exactly these bytes; its number is its rank among merges.
    fn token(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let last = self.table.len() / 4 - 1;
        let mut slot = token_hash(bytes) as usize & last;
        loop {
            match number(self.table, slot) {
                u32::MAX => return None,
                token if self.token_bytes(token) == bytes => return Some(token),
                _ => slot = (slot + 1) & last,
            }
        }
    }

    /// How many tokens a piece of the pre-tokenizer has: neighbours are merged, those
    /// first whose union is the lowest token, from left to right among equals.
    pub(crate) fn count(&self, piece: &[u8]) -> usize {
        if piece.len() < 2 || self.token(piece).is_some() {
            return piece.len().min(1);
        }
        let length = piece.len() as u32;
        let mut parts: Vec<Part> = (0..length)
            .map(|at| Part {
                start: at,
                end: at + 1,
                before: at.checked_sub(1).unwrap_or(NONE),
                after: if at + 1 < length { at + 1 } else { NONE },
            })
            .collect();
        let rank = |left: &Part, right: &Part| {
            let bytes = piece.get(left.start as usize..right.end as usize)?;
            self.token(bytes)
        };
        // By rank and place, with the ends that it was found for: parts change meanwhile.
        let mut merges = BinaryHeap::new();
        let offer = |merges: &mut BinaryHeap<_>, parts: &[Part], left: u32| {
            let Some(one) = parts.get(left as usize) else {
                return;
            };
            let Some(other) = parts.get(one.after as usize) else {
                return;
            };
            if let Some(rank) = rank(one, other) {
                merges.push(Reverse((rank, one.start, one.end, other.end)));
            }
        };
        for at in 0..length - 1 {
            offer(&mut merges, &parts, at);
        }
        let mut count = parts.len();
        while let Some(Reverse((_, start, middle, end))) = merges.pop() {
            // A part goes by its first byte.
            let left = parts[start as usize];
            if left.end != middle || left.start == NONE || left.after == NONE {
                continue;
            }
            let right = parts[left.after as usize];
            if right.end != end {
                continue;
            }
            parts[start as usize].end = right.end;
            parts[start as usize].after = right.after;
            // It begins nothing any more.
            parts[left.after as usize].start = NONE;
            parts[left.after as usize].end = NONE;
            if right.after != NONE {
                parts[right.after as usize].before = start;
            }
            count -= 1;
            offer(&mut merges, &parts, start);
            if left.before != NONE {
                offer(&mut merges, &parts, left.before);
            }
        }
        count
    }
}

/// The `at`-th number of a table.
fn number(table: &[u8], at: usize) -> u32 {
    let bytes = table.get(at * 4..at * 4 + 4);
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(u32::MAX, u32::from_le_bytes)
}
