//! From the outline to runs of lines: whole definitions where they fit, their
//! members and what stands between where they do not.

use wherein_core::{ChunkKind, Language};

use crate::Options;
use crate::lines::Lines;
use crate::outline::{Definition, Outline};
use crate::split;

/// A run of lines that becomes a chunk, alone or with its neighbours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The container whose line of members it stands in.
    pub(crate) parent: Option<u32>,
    /// The definition that it is, or is a part of.
    pub(crate) main: Option<u32>,
    /// The whole of `main`, not a part.
    pub(crate) whole: bool,
    pub(crate) language: Language,
}

/// A container that is being laid out.
struct Frame {
    owner: Option<u32>,
    next_child: u32,
    children_end: u32,
    /// First line that is not laid out yet.
    line: u32,
    last: u32,
    /// Count of pieces before it.
    pieces_before: usize,
}

/// Cuts a file along its outline. Pieces are in order, do not overlap, begin
/// and end with a visible line and together have all visible lines.
pub(crate) fn pieces(
    lines: &Lines<'_>,
    outline: &Outline,
    language: Language,
    options: &Options,
) -> Vec<Piece> {
    let Some(last) = lines.count().checked_sub(1) else {
        return Vec::new();
    };
    let mut layout = Layout {
        lines,
        outline,
        language,
        options,
        pieces: Vec::new(),
    };
    let mut stack = vec![Frame {
        owner: None,
        next_child: 0,
        children_end: outline.definitions.len() as u32,
        line: 0,
        last,
        pieces_before: 0,
    }];
    while let Some(frame) = stack.last_mut() {
        if frame.next_child == frame.children_end {
            layout.tail(frame);
            stack.pop();
        } else if let Some(inner) = layout.member(frame) {
            stack.push(inner);
        }
    }
    layout.pieces
}

struct Layout<'a> {
    lines: &'a Lines<'a>,
    outline: &'a Outline,
    language: Language,
    options: &'a Options,
    pieces: Vec<Piece>,
}

impl Layout<'_> {
    /// Lays out the frame's next member; gives its frame when it does not fit whole.
    fn member(&mut self, frame: &mut Frame) -> Option<Frame> {
        let index = frame.next_child;
        let definition = self.outline.get(index);
        frame.next_child = definition.subtree_end;
        let first = definition.first.max(frame.line);
        let last = definition.last.min(frame.last);
        if definition.minor || first > last {
            return None;
        }
        let (first, last) = self.lines.trimmed(first, last)?;
        if first > frame.line {
            self.own(frame, frame.line, first - 1);
        }
        frame.line = last + 1;
        let fits = self.lines.bytes(first, last) <= self.options.max_chunk_bytes;
        if fits && !definition.always_split {
            self.pieces.push(Piece {
                first,
                last,
                parent: frame.owner,
                main: Some(index),
                whole: true,
                language: definition.language,
            });
            return None;
        }
        Some(Frame {
            owner: Some(index),
            next_child: index + 1,
            children_end: definition.subtree_end,
            line: first,
            last,
            pieces_before: self.pieces.len(),
        })
    }

    /// Lays out what follows the last member.
    fn tail(&mut self, frame: &Frame) {
        if frame.line <= frame.last {
            self.own(frame, frame.line, frame.last);
        }
    }

    /// Lays out lines between the members of a container.
    fn own(&mut self, frame: &Frame, first: u32, last: u32) {
        let Some((first, last)) = self.lines.trimmed(first, last) else {
            return;
        };
        if self.pieces.len() > frame.pieces_before
            && self.only_closes(first, last)
            && let Some(before) = self.pieces.last_mut()
        {
            before.last = last;
            return;
        }
        let owner = frame.owner.map(|owner| self.outline.get(owner));
        let parts = split::by_depth(
            self.lines,
            &self.outline.marks,
            first,
            last,
            self.options.max_chunk_bytes,
        );
        self.pieces
            .extend(parts.into_iter().map(|(first, last)| Piece {
                first,
                last,
                parent: frame.owner,
                main: frame.owner,
                whole: false,
                language: owner.map_or(self.language, |owner| owner.language),
            }));
    }

    /// Whether lines hold nothing but the end of what was opened above.
    fn only_closes(&self, first: u32, last: u32) -> bool {
        (first..=last).all(|line| closes(self.lines.slice(line, line).trim()))
    }
}

/// Words that end a block, where braces do not.
const CLOSING_WORDS: &[&str] = &[
    "end",
    "fi",
    "done",
    "esac",
    "endif",
    "endef",
    "endfunction()",
    "endmacro()",
    "endif()",
    "endforeach()",
];

fn closes(line: &str) -> bool {
    let code = line.trim_end_matches([';', ',', '.', ')', '}']);
    line.starts_with("</")
        || CLOSING_WORDS.contains(&line)
        || CLOSING_WORDS.contains(&code)
        || !line.contains(|c: char| c.is_alphanumeric() || matches!(c, '"' | '\'' | '#' | '_'))
}

/// Kind, symbol and breadcrumb of a chunk with this main definition.
pub(crate) fn label(
    main: Option<&Definition>,
    outside: ChunkKind,
) -> (ChunkKind, Option<String>, String) {
    main.map_or_else(
        || (outside, None, String::new()),
        |definition| {
            let name = (!definition.is_group()).then(|| definition.name.clone());
            (definition.kind, name, definition.breadcrumb.clone())
        },
    )
}
