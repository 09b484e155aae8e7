//! From runs of lines to the chunks and symbols that leave this crate.

use wherein_core::{Chunk, ChunkKind, Language, Symbol, limits};

use crate::layout::{Piece, label};
use crate::lines::Lines;
use crate::outline::{Definition, Outline};

/// Chunks of a file that was parsed.
pub(crate) fn by_syntax(
    lines: &Lines<'_>,
    outline: Outline,
    pieces: &[Piece],
    outside: ChunkKind,
) -> Vec<Chunk> {
    let mut chunks = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let main = piece.main.map(|main| outline.get(main));
        let (kind, symbol, breadcrumb) = label(main, outside);
        chunks.push(Chunk {
            span: lines.span(piece.first, piece.last),
            kind,
            symbol,
            breadcrumb,
            language: piece.language,
            symbols: Vec::new(),
        });
    }
    bound(lines, &mut chunks);
    for definition in outline.definitions {
        if !definition.is_group() {
            list(lines, &mut chunks, definition);
        }
    }
    chunks
}

/// Chunks of a file that was not parsed.
pub(crate) fn by_lines(
    lines: &Lines<'_>,
    parts: &[(u32, u32)],
    language: Language,
    kind: ChunkKind,
) -> Vec<Chunk> {
    let chunk = |(first, last): &(u32, u32)| Chunk {
        span: lines.span(*first, *last),
        kind,
        symbol: None,
        breadcrumb: String::new(),
        language,
        symbols: Vec::new(),
    };
    let mut chunks = parts.iter().map(chunk).collect();
    bound(lines, &mut chunks);
    chunks
}

/// Lists a symbol in the chunk that its signature starts in: a long doc comment
/// may fill a chunk of its own.
fn list(lines: &Lines<'_>, chunks: &mut [Chunk], definition: Definition) {
    let span = lines.span(definition.first, definition.last);
    let start = definition.signature.start.max(span.bytes.start);
    let after = chunks.partition_point(|chunk| chunk.span.bytes.start <= start);
    let Some(chunk) = chunks[..after].last_mut() else {
        return;
    };
    chunk.symbols.push(Symbol {
        name: definition.name,
        kind: definition.kind,
        breadcrumb: definition.breadcrumb,
        span,
        signature: definition.signature,
        doc: definition.doc,
    });
}

/// Makes the last allowed chunk take all that follows.
fn bound(lines: &Lines<'_>, chunks: &mut Vec<Chunk>) {
    let Some(end) = chunks.last().map(|chunk| chunk.span.end_line) else {
        return;
    };
    chunks.truncate(limits::MAX_CHUNKS_PER_FILE);
    if let Some(last) = chunks.last_mut() {
        last.span = lines.span(last.span.start_line - 1, end - 1);
    }
}
