//! What is embedded of a chunk: more than what is shown, and told apart, because
//! a word of a name says more than the same word in a body.

use std::borrow::Cow;

use wherein_core::{ByteRange, Chunk};

/// The parts of a chunk that carry its meaning, each once; each may be empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentParts<'a> {
    /// Path in the repository, `/`-separated.
    pub path: &'a str,
    /// Enclosing names, the own one last (`auth::Session::login`).
    pub breadcrumb: &'a str,
    /// The definition up to its body.
    pub signature: &'a str,
    /// Doc comment or docstring.
    pub doc: &'a str,
    /// The rest of the text.
    pub body: &'a str,
}

/// Path segments kept, counted from the file name: folders far up say little
/// (`src`, `lib`, the owner's name) and are the same for every chunk.
const PATH_SEGMENTS: usize = 3;

/// What a token is of, as the shipped model counts fields (`token_type_ids`);
/// `FIELDS` of `training/model.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Body = 0,
    Query = 1,
    Path = 2,
    Signature = 3,
    Comment = 4,
}

impl Field {
    /// Tokens that are read of a field at most.
    pub(crate) const fn tokens(self) -> usize {
        match self {
            Self::Body => 256,
            Self::Query | Self::Signature => 64,
            // Of the path and of the names around, each.
            Self::Path => 24,
            Self::Comment => 128,
        }
    }
}

/// The text of a chunk without the signature and the doc comment of its main
/// definition, which are parts of their own.
pub fn body<'a>(chunk: &Chunk, text: &'a str) -> Cow<'a, str> {
    let whole = chunk.span.bytes;
    let Some(main) = chunk.symbols.first() else {
        return Cow::Borrowed(whole.of(text));
    };
    let (first, second) = if main.doc.start < main.signature.start {
        (main.doc, main.signature)
    } else {
        (main.signature, main.doc)
    };
    let range = |start, end| ByteRange { start, end };
    let mut kept = String::with_capacity((whole.end - whole.start) as usize);
    let mut at = whole.start;
    for gone in [first, second] {
        let from = gone.start.clamp(at, whole.end);
        kept.push_str(range(at, from).of(text));
        at = gone.end.clamp(from, whole.end);
    }
    kept.push_str(range(at, whole.end).of(text));
    Cow::Owned(kept)
}

impl<'a> DocumentParts<'a> {
    /// The parts of a chunk of the file at `path`; `body` is what [`body`] gives.
    pub fn of(path: &'a str, chunk: &'a Chunk, text: &'a str, body: &'a str) -> Self {
        let main = chunk.symbols.first();
        Self {
            path,
            breadcrumb: &chunk.breadcrumb,
            signature: main.map_or("", |symbol| symbol.signature.of(text)),
            doc: main.map_or("", |symbol| symbol.doc.of(text)),
            body,
        }
    }

    /// All parts as one text, what matters most first: for models that read so
    /// many tokens and know no fields.
    pub(crate) fn as_text(&self) -> String {
        let fields = self.fields().map(|(_, text)| text.trim());
        let kept = fields.into_iter().filter(|text| !text.is_empty());
        kept.collect::<Vec<_>>().join("\n")
    }

    /// The fields that a model reads, one text each.
    pub(crate) fn fields(&self) -> [(Field, &'a str); 5] {
        [
            (Field::Path, path_words(self.path)),
            (Field::Path, self.breadcrumb),
            (Field::Signature, self.signature),
            (Field::Comment, self.doc),
            (Field::Body, self.body),
        ]
    }
}

/// The last segments of a path, without the file name's extension. The
/// separators stay: the tokenizer skips them.
fn path_words(path: &str) -> &str {
    let start = path
        .rmatch_indices('/')
        .nth(PATH_SEGMENTS - 1)
        .map_or(0, |(at, _)| at + 1);
    let name = path.rfind('/').map_or(0, |at| at + 1);
    let end = match path[name..].rfind('.') {
        Some(dot) if dot > 0 => name + dot,
        _ => path.len(),
    };
    &path[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_its_last_segments_without_the_extension() {
        for (path, expected) in [
            ("", ""),
            ("main.rs", "main"),
            ("src/auth/login.py", "src/auth/login"),
            ("a/b/c/d/e.test.ts", "c/d/e.test"),
            (".bashrc", ".bashrc"),
            ("docs/Makefile", "docs/Makefile"),
            ("größe/ü.rs", "größe/ü"),
            ("trailing/", "trailing/"),
        ] {
            assert_eq!(path_words(path), expected, "{path}");
        }
    }

    #[test]
    fn the_body_is_what_the_other_parts_leave() {
        let text = "/// Opens.\nfn open(door: &Door) {\n    door.turn();\n}\n";
        let at = |part: &str| {
            let start = text.find(part).map_or(0, |at| at as u32);
            ByteRange {
                start,
                end: start + part.len() as u32,
            }
        };
        let whole = wherein_core::Span {
            bytes: at(text),
            start_line: 1,
            end_line: 4,
        };
        let symbol = wherein_core::Symbol {
            name: "open".to_owned(),
            kind: wherein_core::ChunkKind::Function,
            breadcrumb: "open".to_owned(),
            span: whole,
            signature: at("fn open(door: &Door)"),
            doc: at("/// Opens."),
        };
        let mut chunk = Chunk {
            span: whole,
            kind: symbol.kind,
            symbol: Some(symbol.name.clone()),
            breadcrumb: symbol.breadcrumb.clone(),
            language: wherein_core::Language::Rust,
            symbols: vec![symbol],
        };
        assert_eq!(body(&chunk, text), "\n {\n    door.turn();\n}\n");
        let parts = DocumentParts::of("door.rs", &chunk, text, "");
        assert_eq!(parts.signature, "fn open(door: &Door)");
        // The end of a long function: its head stands in another chunk.
        chunk.span.bytes.start = at("    door.turn").start;
        assert_eq!(body(&chunk, text), "    door.turn();\n}\n");
        chunk.symbols.clear();
        assert_eq!(body(&chunk, text), "    door.turn();\n}\n");
    }

    #[test]
    fn as_one_text_the_parts_stand_in_order_and_empty_ones_leave_no_trace() {
        let parts = DocumentParts {
            path: "src/auth.rs",
            breadcrumb: "auth::login",
            signature: "fn login(user: &str)",
            doc: "",
            body: "{ check(user) }\n",
        };
        assert_eq!(
            parts.as_text(),
            "src/auth\nauth::login\nfn login(user: &str)\n{ check(user) }"
        );
        assert_eq!(DocumentParts::default().as_text(), "");
    }

    #[test]
    fn the_numbers_of_the_fields_are_those_of_training() {
        let python = include_str!("../training/model.py");
        let line = |start| {
            let mut lines = python.lines().filter(|line: &&str| line.starts_with(start));
            lines.next().map(str::to_lowercase).unwrap_or_default()
        };
        let fields = [
            Field::Body,
            Field::Query,
            Field::Path,
            Field::Signature,
            Field::Comment,
        ];
        let names = fields.map(|field| format!("{field:?}").to_lowercase());
        assert_eq!(fields.map(|field| field as usize), [0, 1, 2, 3, 4]);
        assert_eq!(line("BODY"), format!("{} = range(5)", names.join(", ")));
    }
}
