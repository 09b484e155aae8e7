//! The definitions of a file and what the tree says of each line.

use wherein_core::{ByteRange, ChunkKind, Language};

use crate::lines::Lines;

/// A definition, or a container without a name that only groups.
pub(crate) struct Definition {
    /// Unqualified; empty for a group.
    pub(crate) name: String,
    pub(crate) kind: ChunkKind,
    pub(crate) breadcrumb: String,
    /// Index of the definition that encloses it.
    pub(crate) parent: Option<u32>,
    /// One past the index of the last definition inside it.
    pub(crate) subtree_end: u32,
    /// First line, doc and attributes included.
    pub(crate) first: u32,
    /// Last line.
    pub(crate) last: u32,
    pub(crate) signature: ByteRange,
    pub(crate) doc: ByteRange,
    /// Of its lines: differs from the file's in embedded code.
    pub(crate) language: Language,
    /// Listed as a symbol, but no boundary for chunks (fields, constants of a class).
    pub(crate) minor: bool,
    /// Never one chunk with what it holds (hosts of embedded code).
    pub(crate) always_split: bool,
}

impl Definition {
    pub(crate) fn is_group(&self) -> bool {
        self.name.is_empty()
    }
}

/// All that chunking needs to know of a tree.
pub(crate) struct Outline {
    /// In source order, containers before what they hold.
    pub(crate) definitions: Vec<Definition>,
    pub(crate) marks: Vec<LineMarks>,
}

/// What the tree says of one line.
#[derive(Clone, Copy)]
pub(crate) struct LineMarks {
    /// Smallest depth of a named node that starts at the line's first visible
    /// byte; `u16::MAX` when none does.
    pub(crate) depth: u16,
    /// Wholly a comment.
    pub(crate) comment: bool,
    /// Wholly attributes (or decorators, or annotations).
    pub(crate) attribute: bool,
}

impl LineMarks {
    const NONE: Self = Self {
        depth: u16::MAX,
        comment: false,
        attribute: false,
    };

    /// Whether the line belongs to the definition below it.
    pub(crate) fn leads(self) -> bool {
        self.comment || self.attribute
    }
}

impl Outline {
    pub(crate) fn new(lines: &Lines<'_>) -> Self {
        Self {
            definitions: Vec::new(),
            marks: vec![LineMarks::NONE; lines.count() as usize],
        }
    }

    /// The definition with this index.
    pub(crate) fn get(&self, index: u32) -> &Definition {
        &self.definitions[index as usize]
    }
}
