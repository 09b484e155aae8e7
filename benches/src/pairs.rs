//! Pairs of what one would ask and the code that answers, of one folder of
//! sources: what the embedding model is trained on. Cut by the chunker that
//! indexing uses, so that training sees what indexing sees.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use wherein_core::{ByteRange, ChunkKind, Language, Symbol, words};

use crate::messages::{filled, literals};
use crate::mine::read;

/// Which sources.
#[derive(Args)]
pub(crate) struct PairArguments {
    /// Folder of one package
    folder: PathBuf,
}

/// Bytes of the code of a pair.
const MAX_CODE: usize = 3000;
/// Shorter code says nothing.
const MIN_CODE: usize = 40;
/// Bytes of a doc comment that are looked at.
const MAX_DOC: usize = 2000;
/// Bytes of a signature.
const MAX_SIGNATURE: usize = 500;
/// Parts of a name that says what its definition does.
const NAME_PARTS: usize = 3;
/// Parts of the name of a test.
const TEST_PARTS: usize = 4;

/// One pair; a line of JSON.
#[derive(Debug, PartialEq, Serialize)]
struct Pair<'a> {
    language: &'static str,
    /// `doc`, `test`, `name`, `message` or `section`.
    kind: &'static str,
    /// What is defined (`function`, `class`, ...).
    definition: &'static str,
    path: &'a str,
    /// The question, a doc comment as it is written.
    doc: String,
    /// Name of the definition.
    name: &'a str,
    /// What is known of the definition beside its code, as indexing knows it;
    /// without the question, so without the own name where that is asked for.
    breadcrumb: &'a str,
    signature: &'a str,
    comment: &'a str,
    /// Its code, without the question and the doc comment.
    code: String,
}

/// Prints a line of JSON for each pair.
pub(crate) fn run(arguments: &PairArguments) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (path, (language, text)) in &read(&arguments.folder)? {
        let symbols = symbols(text, *language);
        for pair in pairs(path, *language, text, &symbols) {
            serde_json::to_writer(&mut out, &pair)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}

fn symbols(text: &str, language: Language) -> Vec<Symbol> {
    let chunked = wherein_chunk::chunk(text, language, &wherein_chunk::Options::default());
    let chunks = chunked.chunks.into_iter();
    chunks.flat_map(|chunk| chunk.symbols).collect()
}

fn pairs<'a>(
    path: &'a str,
    language: Language,
    text: &'a str,
    symbols: &'a [Symbol],
) -> Vec<Pair<'a>> {
    let mut all = Vec::new();
    let mut add = |kind, doc: String, symbol: &'a Symbol, code: String| {
        if code.len() >= MIN_CODE && code.contains('\n') && !doc.trim().is_empty() {
            let named = matches!(kind, "doc" | "message");
            all.push(Pair {
                language: language.name(),
                kind,
                definition: symbol.kind.name(),
                path,
                doc,
                name: &symbol.name,
                breadcrumb: if named {
                    &symbol.breadcrumb
                } else {
                    enclosing(symbol)
                },
                signature: if named {
                    cut(symbol.signature.of(text), MAX_SIGNATURE)
                } else {
                    ""
                },
                comment: if kind == "doc" {
                    ""
                } else {
                    cut(symbol.doc.of(text), MAX_DOC)
                },
                code,
            });
        }
    };
    for symbol in symbols {
        let name = symbol.name.as_str();
        let whole = without(text, from(symbol.signature.start, symbol), symbol.doc);
        let body = || without(text, from(symbol.signature.end, symbol), symbol.doc);
        if symbol.kind == ChunkKind::Section {
            add("section", name.to_owned(), symbol, body());
            continue;
        }
        if !symbol.kind.is_runnable() && !symbol.kind.is_type() {
            continue;
        }
        if symbol.doc.start < symbol.doc.end {
            add(
                "doc",
                cut(symbol.doc.of(text), MAX_DOC).to_owned(),
                symbol,
                whole,
            );
        }
        let parts = words::lower_parts(name);
        let is_test =
            symbol.kind == ChunkKind::Test || parts.first().is_some_and(|one| one == "test");
        if is_test && name.contains(' ') {
            add("test", name.to_owned(), symbol, body());
        } else if is_test && parts.len() >= TEST_PARTS {
            let said = if parts[0] == "test" {
                &parts[1..]
            } else {
                &parts
            };
            add("test", said.join(" "), symbol, body());
        } else if !is_test && symbol.kind.is_runnable() && parts.len() >= NAME_PARTS {
            add("name", parts.join(" "), symbol, body());
        }
    }
    for (at, literal) in messages(text) {
        let around = |one: &&Symbol| {
            let bytes = one.span.bytes;
            one.kind.is_runnable()
                && one.kind != ChunkKind::Test
                && bytes.start <= at
                && at < bytes.end
        };
        let smallest = |one: &&Symbol| one.span.bytes.end - one.span.bytes.start;
        if let Some(symbol) = symbols.iter().filter(around).min_by_key(smallest) {
            let range = ByteRange {
                start: at,
                end: at + literal.len() as u32,
            };
            let code = without(text, from(symbol.signature.start, symbol), range);
            add("message", filled(literal), symbol, code);
        }
    }
    all
}

/// The names around a definition.
fn enclosing(symbol: &Symbol) -> &str {
    symbol
        .breadcrumb
        .strip_suffix(symbol.name.as_str())
        .map_or("", |rest| rest.trim_end_matches("::"))
}

/// Texts in quotes that read like a message, with their place.
fn messages(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let start = text.as_ptr() as usize;
    text.lines()
        .flat_map(literals)
        .map(move |literal| ((literal.as_ptr() as usize - start) as u32, literal))
}

/// From a byte to the end of a definition.
fn from(start: u32, symbol: &Symbol) -> ByteRange {
    ByteRange {
        start,
        end: symbol.span.bytes.end.max(start),
    }
}

/// A range of a text without another range, cut to [`MAX_CODE`].
fn without(text: &str, range: ByteRange, gone: ByteRange) -> String {
    let (start, end) = (range.start as usize, range.end as usize);
    let first = (gone.start as usize).clamp(start, end);
    let second = (gone.end as usize).clamp(first, end);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or("");
    let kept = format!("{}{}", part(start, first), part(second, end));
    cut(kept.trim_matches('\n'), MAX_CODE).to_owned()
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most.min(text.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, language: Language, text: &str) -> Vec<(&'static str, String, String)> {
        let symbols = symbols(text, language);
        pairs(path, language, text, &symbols)
            .into_iter()
            .map(|pair| (pair.kind, pair.doc, pair.code))
            .collect()
    }

    #[test]
    fn a_function_gives_its_comment_its_name_and_its_messages() {
        let text = "/// Opens the door when the badge is known.\npub fn open_front_door(badge: &Badge) -> Result<Door> {\n    if !badge.is_known() {\n        return Err(\"the badge {id} is not known here\".into());\n    }\n    Ok(Door)\n}\n";
        let all = of("a.rs", Language::Rust, text);
        let kinds: Vec<&str> = all.iter().map(|one| one.0).collect();
        assert_eq!(kinds, ["doc", "name", "message"]);
        assert!(all[0].1.contains("Opens the door") && !all[0].2.contains("Opens the door"));
        assert!(all[0].2.starts_with("pub fn open_front_door"));
        let symbols = symbols(text, Language::Rust);
        let all_pairs = pairs("a.rs", Language::Rust, text, &symbols);
        let heads: Vec<_> = all_pairs
            .iter()
            .map(|one| {
                (
                    one.breadcrumb,
                    one.signature.is_empty(),
                    one.comment.is_empty(),
                )
            })
            .collect();
        // Neither what is asked for nor the doc comment that asks.
        assert_eq!(
            heads,
            [
                ("open_front_door", false, true),
                ("", true, false),
                ("open_front_door", false, false)
            ]
        );
        // The name is not in what it asks for.
        assert_eq!(all[1].1, "open front door");
        assert!(!all[1].2.contains("open_front_door"), "{}", all[1].2);
        assert_eq!(all[2].1, "the badge main is not known here");
        assert!(!all[2].2.contains("is not known here") && all[2].2.contains("is_known"));
    }

    #[test]
    fn docstrings_tests_and_sections() {
        let python = "def settle(account):\n    \"\"\"Pays what is owed on an account.\"\"\"\n    account.pay(account.owed)\n    return account\n\n\ndef test_settling_pays_all_debts():\n    account = Account()\n    settle(account)\n    assert account.owed == 0\n";
        let all = of("test_a.py", Language::Python, python);
        assert_eq!(all[0].0, "doc");
        assert!(all[0].2.starts_with("def settle") && !all[0].2.contains("owed on"));
        let tests: Vec<_> = all.iter().filter(|one| one.0 == "test").collect();
        assert_eq!(tests.len(), 1);
        assert_eq!(tests[0].1, "settling pays all debts");
        assert!(!tests[0].2.contains("test_settling"), "{}", tests[0].2);
        let markdown = "# How doors are opened\n\nA badge is held before the reader, and the door opens.\nIt closes again by itself.\n";
        let all = of("a.md", Language::Markdown, markdown);
        assert_eq!(
            (all[0].0, all[0].1.as_str()),
            ("section", "How doors are opened")
        );
        assert!(all[0].2.starts_with("A badge"), "{}", all[0].2);
    }

    #[test]
    fn code_is_cut_between_characters() {
        let text = "é".repeat(4000);
        let range = ByteRange {
            start: 0,
            end: text.len() as u32,
        };
        assert!(without(&text, range, ByteRange { start: 0, end: 1 }).len() <= MAX_CODE);
        assert_eq!(cut("é", 1), "");
    }
}
