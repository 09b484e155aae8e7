//! What a pack is made of: files with their definitions, and the spans that
//! were found in them.

use std::ops::RangeInclusive;

use wherein_core::{ByteRange, ChunkKind};

/// A definition of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Enclosing names and the own one, joined by `::`.
    pub breadcrumb: String,
    /// What it is.
    pub kind: ChunkKind,
    /// All its lines, doc comment included.
    pub lines: RangeInclusive<u32>,
    /// The definition up to its body, in bytes of the text.
    pub signature: ByteRange,
}

impl Definition {
    /// How many lines it has.
    pub(crate) fn len(&self) -> u32 {
        self.lines.end().saturating_sub(*self.lines.start()) + 1
    }

    /// Whether it encloses these lines.
    pub(crate) fn encloses(&self, lines: &RangeInclusive<u32>) -> bool {
        self.lines.start() <= lines.start() && self.lines.end() >= lines.end()
    }

    /// Whether its body is made of definitions of its own.
    pub(crate) fn is_container(&self) -> bool {
        matches!(
            self.kind,
            ChunkKind::Class
                | ChunkKind::Struct
                | ChunkKind::Interface
                | ChunkKind::Trait
                | ChunkKind::Module
                | ChunkKind::Impl
                | ChunkKind::Enum
        )
    }
}

/// A file that something was found in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the repository, where there are several.
    pub repo: Option<String>,
    /// Path relative to the repository.
    pub path: String,
    /// Name of its language.
    pub language: String,
    /// Its text as it was indexed.
    pub text: String,
    /// Its definitions, in any order.
    pub definitions: Vec<Definition>,
}

/// A span that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Number of its source.
    pub source: usize,
    /// Its lines.
    pub lines: RangeInclusive<u32>,
    /// Its score.
    pub score: f32,
}
