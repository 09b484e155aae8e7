//! Joining small neighbours, so that a chunk has enough to be found by.

use wherein_core::ByteRange;

use crate::Options;
use crate::layout::Piece;
use crate::lines::Lines;
use crate::outline::Outline;

/// A documented definition of this many bytes stands alone.
const DOCUMENTED_BYTES: usize = 300;

/// Lines outside definitions with fewer visible bytes are no chunk of their own.
const TINY_BYTES: usize = 80;

/// Merges siblings while they stay small, then hands tiny rests to a neighbour.
pub(crate) fn merged(
    lines: &Lines<'_>,
    outline: &Outline,
    pieces: &[Piece],
    options: &Options,
) -> Vec<Piece> {
    let siblings = merge_siblings(lines, outline, pieces, options);
    attach_tiny(lines, siblings, options)
}

/// Siblings that are being merged.
struct Group {
    piece: Piece,
    /// Sizes of what stands between definitions, and of the largest definition.
    own_bytes: usize,
    largest: Option<(u32, usize)>,
    /// Whether the container's own first line is in it.
    header: bool,
    closed: bool,
}

impl Group {
    fn new(lines: &Lines<'_>, outline: &Outline, piece: Piece) -> Self {
        let bytes = lines.bytes(piece.first, piece.last);
        let solid = piece.whole
            && bytes >= DOCUMENTED_BYTES
            && piece
                .main
                .is_some_and(|main| outline.get(main).doc != ByteRange::default());
        let header = !piece.whole
            && piece
                .main
                .map(|main| outline.get(main))
                .is_some_and(|main| !main.is_group() && main.first == piece.first);
        Self {
            piece,
            own_bytes: if piece.whole { 0 } else { bytes },
            largest: piece.main.filter(|_| piece.whole).map(|main| (main, bytes)),
            header,
            closed: solid,
        }
    }

    fn takes(&self, next: &Self, lines: &Lines<'_>, most: usize) -> bool {
        !self.closed
            && !next.closed
            && self.piece.parent == next.piece.parent
            && self.piece.language == next.piece.language
            && lines.bytes(self.piece.first, next.piece.last) <= most
    }

    fn take(&mut self, next: &Self) {
        self.piece.last = next.piece.last;
        self.own_bytes += next.own_bytes;
        if next.largest.map(|(_, bytes)| bytes) > self.largest.map(|(_, bytes)| bytes) {
            self.largest = next.largest;
        }
        self.piece.whole |= next.piece.whole;
    }

    /// The merged piece, named after the container if its head is in it, else
    /// after the largest definition unless most lines are outside of any.
    fn finish(self) -> Piece {
        let Self { mut piece, .. } = self;
        let named = self
            .largest
            .filter(|(_, bytes)| !self.header && bytes * 2 >= self.own_bytes);
        piece.main = named.map_or(
            if self.largest.is_some() {
                piece.parent
            } else {
                piece.main
            },
            |(main, _)| Some(main),
        );
        piece
    }
}

fn merge_siblings(
    lines: &Lines<'_>,
    outline: &Outline,
    pieces: &[Piece],
    options: &Options,
) -> Vec<Piece> {
    let mut merged = Vec::with_capacity(pieces.len());
    let mut group: Option<Group> = None;
    for piece in pieces {
        let next = Group::new(lines, outline, *piece);
        match &mut group {
            Some(open) if open.takes(&next, lines, options.merge_below_bytes) => open.take(&next),
            _ => merged.extend(group.replace(next).map(Group::finish)),
        }
    }
    merged.extend(group.map(Group::finish));
    merged
}

/// Gives rests without a definition (`impl X {`, a lone import, a banner) to the
/// chunk below, else to the one above.
fn attach_tiny(lines: &Lines<'_>, pieces: Vec<Piece>, options: &Options) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    // First line of tiny pieces that wait for the chunk below.
    let mut waiting: Option<Piece> = None;
    for mut piece in pieces {
        if let Some(tiny) = waiting.take() {
            let fits = lines.bytes(tiny.first, piece.last) <= options.max_chunk_bytes;
            if tiny.language == piece.language && fits {
                piece.first = tiny.first;
            } else {
                keep_or_append(lines, &mut kept, tiny, options);
            }
        }
        if !piece.whole && is_tiny(lines, piece) {
            waiting = Some(piece);
        } else {
            kept.push(piece);
        }
    }
    if let Some(tiny) = waiting {
        keep_or_append(lines, &mut kept, tiny, options);
    }
    kept
}

fn keep_or_append(lines: &Lines<'_>, kept: &mut Vec<Piece>, tiny: Piece, options: &Options) {
    match kept.last_mut() {
        Some(before)
            if before.language == tiny.language
                && (lines.bytes(before.first, tiny.last) <= options.max_chunk_bytes
                    || is_punctuation(lines, tiny)) =>
        {
            before.last = tiny.last;
        }
        _ => kept.push(tiny),
    }
}

fn is_tiny(lines: &Lines<'_>, piece: Piece) -> bool {
    let text = lines.slice(piece.first, piece.last);
    text.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .take(TINY_BYTES)
        .count()
        < TINY_BYTES
}

fn is_punctuation(lines: &Lines<'_>, piece: Piece) -> bool {
    !lines
        .slice(piece.first, piece.last)
        .contains(char::is_alphanumeric)
}
