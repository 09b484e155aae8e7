//! A chunk: the unit that is indexed, ranked and shown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Half-open range of byte offsets into a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl ByteRange {
    /// The text of this range, or the empty string when it is not one of `text`.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }
}

/// Where a chunk or symbol stands in its file: whole lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Bytes, from the start of the first line to the end of the last one.
    pub bytes: ByteRange,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, 1-based, inclusive.
    pub end_line: u32,
}

/// A definition found in the syntax tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as written, unqualified (`login`, not `Session::login`).
    pub name: String,
    /// What it defines.
    pub kind: ChunkKind,
    /// Enclosing names, outermost first, and the own one last, joined by `::`
    /// whatever the language (`auth::Session::login`).
    pub breadcrumb: String,
    /// Lines of the whole definition, its doc comment and attributes included;
    /// may reach past the chunk that lists it, at both ends.
    pub span: Span,
    /// The definition up to its body: what a reader needs to call it.
    pub signature: ByteRange,
    /// Doc comment or docstring, markers included; empty range when none.
    pub doc: ByteRange,
}

/// A run of whole lines of one file that is indexed, ranked and shown as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it stands.
    pub span: Span,
    /// Of its main definition, or the kind of text it is.
    pub kind: ChunkKind,
    /// Name of its main definition.
    pub symbol: Option<String>,
    /// Enclosing names, the own one last, joined by `::`; empty at top level.
    pub breadcrumb: String,
    /// Canonical language name (differs from the file's in embedded code).
    pub language: crate::Language,
    /// All definitions whose signature starts in this chunk, in source order.
    pub symbols: Vec<Symbol>,
}

macro_rules! chunk_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a chunk or symbol is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "lowercase")]
        #[repr(u8)]
        pub enum ChunkKind { $($(#[$doc])* $variant,)* }

        impl ChunkKind {
            /// All kinds, in a fixed order: the index of a kind is its code on disk,
            /// so new ones go to the end.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Whether it is code that runs when called.
            pub fn is_runnable(self) -> bool {
                matches!(self, Self::Function | Self::Method | Self::Macro | Self::Test)
            }

            /// Whether it is a type.
            pub fn is_type(self) -> bool {
                matches!(
                    self,
                    Self::Class | Self::Struct | Self::Enum | Self::Interface | Self::Trait | Self::Type
                )
            }

            /// The name in filters and answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

chunk_kinds! {
    /// A free function.
    Function = "function",
    /// A function of a type.
    Method = "method",
    /// A class.
    Class = "class",
    /// A struct or record.
    Struct = "struct",
    /// An enumeration.
    Enum = "enum",
    /// An interface or protocol.
    Interface = "interface",
    /// A trait, type class or mixin.
    Trait = "trait",
    /// A type alias or another type definition.
    Type = "type",
    /// A module, namespace or package.
    Module = "module",
    /// A constant.
    Constant = "constant",
    /// A variable or binding.
    Variable = "variable",
    /// A field or property.
    Field = "field",
    /// A macro.
    Macro = "macro",
    /// An implementation block or extension.
    Impl = "impl",
    /// A test.
    Test = "test",
    /// A heading with its text.
    Section = "section",
    /// A rule or target (Make, CSS ...).
    Rule = "rule",
    /// A table, view or index of a database schema.
    Table = "table",
    /// A service, resource or stage of a configuration.
    Resource = "resource",
    /// A key of a data file.
    Key = "key",
    /// Code outside any definition.
    Code = "code",
    /// Lines of a text without known structure.
    Text = "text",
}

impl fmt::Display for ChunkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ChunkKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let lower = name.to_ascii_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == lower)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_by_name_and_code() {
        for (code, kind) in ChunkKind::ALL.iter().enumerate() {
            assert_eq!(kind.name().parse(), Ok(*kind));
            assert_eq!(*kind as usize, code);
        }
        assert_eq!("Function".parse(), Ok(ChunkKind::Function));
        assert_eq!("functions".parse::<ChunkKind>(), Err(()));
    }

    #[test]
    fn a_range_outside_the_text_is_empty() {
        let range = ByteRange { start: 2, end: 9 };
        assert_eq!(range.of("abcd"), "");
        assert_eq!(ByteRange { start: 1, end: 3 }.of("abcd"), "bc");
    }
}
