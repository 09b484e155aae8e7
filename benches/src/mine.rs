//! Mines queries from doc comments: the first sentence of a comment asks for
//! the definition below it. The sources are copied without the comments that
//! are asked with, so that the answer does not contain the question.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use wherein_core::{ChunkKind, Language, Symbol};
use wherein_eval::{Dataset, Scope, Selection};
use wherein_walk::Checkout;

/// Which packages, how many queries, and where they go.
#[derive(Args)]
pub(crate) struct MineArguments {
    /// Folder with labels, whose packages are mined
    #[arg(long)]
    dataset: PathBuf,
    /// Folder with a folder of sources for each repository
    #[arg(long)]
    corpus: PathBuf,
    /// Queries of each repository at most
    #[arg(long, default_value_t = 20)]
    queries: usize,
    /// Folder for the mined dataset
    #[arg(long)]
    to: PathBuf,
}

/// Queries of one file at most.
const OF_A_FILE: usize = 2;
/// Words of a query.
const WORDS: std::ops::RangeInclusive<usize> = 5..=24;

/// A doc comment that asks for its definition.
struct Mined {
    path: String,
    symbol: Symbol,
    query: String,
    lines: (u32, u32),
}

pub(crate) fn run(arguments: &MineArguments) -> Result<()> {
    let selection = Selection {
        corpus: Some(arguments.corpus.clone()),
        scope: Scope::Root,
        ..Selection::default()
    };
    let dataset = Dataset::read(&arguments.dataset, &selection)?;
    let labels = arguments.to.join("labels");
    std::fs::create_dir_all(&labels)?;
    let mut repositories = Vec::new();
    for repository in &dataset.repositories {
        let mut files = read(&repository.root)?;
        let mined = chosen(&repository.name, mine(&files), arguments.queries);
        for one in &mined {
            if let Some((language, text)) = files.get_mut(&one.path) {
                *text = without_doc(text, &one.symbol, *language);
            }
        }
        let queries: Vec<_> = mined
            .iter()
            .map(|one| {
                json!({"query": one.query, "category": "semantic", "secondary": [],
                    "relevant": [{"path": one.path, "start_line": one.lines.0, "end_line": one.lines.1}]})
            })
            .collect();
        if queries.is_empty() {
            continue;
        }
        let folder = arguments.to.join("repos").join(&repository.name);
        for (path, (_, text)) in &files {
            write(&folder.join(path), text)?;
        }
        let file = labels.join(format!("{}.json", repository.name));
        write(&file, &serde_json::to_string_pretty(&queries)?)?;
        repositories.push(json!({"name": repository.name, "language": repository.language}));
        eprintln!("{}: {} queries", repository.name, queries.len());
    }
    let all = serde_json::to_string_pretty(&repositories)?;
    write(&arguments.to.join("repos.json"), &all)
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The texts of a repository, as they would be indexed.
pub(crate) fn read(root: &Path) -> Result<BTreeMap<String, (Language, String)>> {
    let checkout = Checkout::at(root)?;
    let options = wherein_walk::Options::default();
    let mut files = BTreeMap::new();
    for entry in wherein_walk::list(&checkout, &options)?.files {
        if let Ok(file) = wherein_walk::read(&checkout, &entry.path, &options) {
            files.insert(entry.path, (file.language, file.text));
        }
    }
    Ok(files)
}

/// Whether queries are mined from a file: it is code, and not of tests.
pub(crate) fn is_asked_of(path: &str, language: Language) -> bool {
    let lower = path.to_lowercase();
    !(lower.contains("test")
        || lower.contains("example")
        || language.is_prose()
        || language.is_data())
}

/// FNV-1a of some texts: the same on every machine and for every compiler.
pub(crate) fn fixed_hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn mine(files: &BTreeMap<String, (Language, String)>) -> Vec<Mined> {
    let options = wherein_chunk::Options::default();
    let mut all = Vec::new();
    for (path, (language, text)) in files {
        if !is_asked_of(path, *language) {
            continue;
        }
        let chunked = wherein_chunk::chunk(text, *language, &options);
        for symbol in chunked.chunks.into_iter().flat_map(|chunk| chunk.symbols) {
            let is_asked_for = !matches!(
                symbol.kind,
                ChunkKind::Field | ChunkKind::Constant | ChunkKind::Variable
            );
            if !is_asked_for || symbol.signature.start >= symbol.signature.end {
                continue;
            }
            if let Some(query) = question(symbol.doc.of(text), &symbol.name) {
                let line = |byte: u32| text[..byte as usize].matches('\n').count() as u32 + 1;
                all.push(Mined {
                    path: path.clone(),
                    lines: (line(symbol.signature.start), symbol.span.end_line),
                    query,
                    symbol,
                });
            }
        }
    }
    all
}

/// The first sentence of a doc comment, when it says something.
fn question(doc: &str, name: &str) -> Option<String> {
    let mut sentence = String::new();
    for line in doc.lines() {
        let bare = line
            .trim()
            .trim_start_matches(['/', '*', '#', '!', '"', '\'', '-', ';', '%', '|', '{', '['])
            .trim_end_matches(['*', '/', '"', '\''])
            .trim();
        if bare.is_empty() {
            if sentence.is_empty() {
                continue;
            }
            break;
        }
        // Tags and sections come after what a definition is for.
        if bare.starts_with(['@', ':', '<', '\\']) || bare.ends_with("::") {
            break;
        }
        sentence.push_str(bare);
        sentence.push(' ');
        if bare.ends_with('.') || bare.contains(". ") {
            break;
        }
    }
    let end = sentence.find(". ").unwrap_or(sentence.len());
    let sentence = sentence[..end].trim().trim_end_matches(['.', ':']);
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let letters = sentence.chars().filter(char::is_ascii_alphabetic).count();
    let lower = sentence.to_lowercase();
    let says_little = [
        "todo",
        "fixme",
        "copyright",
        "license",
        "deprecated",
        "see ",
        "http",
    ]
    .iter()
    .any(|one| lower.contains(one));
    let names_itself = words
        .iter()
        .any(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_') == name);
    (WORDS.contains(&words.len())
        && letters * 10 >= sentence.len() * 7
        && !says_little
        && !names_itself)
        .then(|| sentence.to_owned())
}

/// Some of what was mined, drawn by a fixed hash, spread over the files.
fn chosen(repository: &str, mut mined: Vec<Mined>, most: usize) -> Vec<Mined> {
    mined.sort_by_key(|one| fixed_hash(&[repository, &one.path, &one.query]));
    let mut of_file: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen: Vec<String> = Vec::new();
    mined.retain(|one| {
        let count = of_file.entry(one.path.clone()).or_default();
        let keep = *count < OF_A_FILE && !seen.contains(&one.query) && seen.len() < most;
        if keep {
            *count += 1;
            seen.push(one.query.clone());
        }
        keep
    });
    // From the end, so that removing one comment moves no other.
    mined.sort_by_key(|one| (one.path.clone(), std::cmp::Reverse(one.symbol.doc.start)));
    mined
}

/// The text with a doc comment blanked: every other byte stays where it was but
/// for shorter lines, every line keeps its number.
fn without_doc(text: &str, symbol: &Symbol, language: Language) -> String {
    let (start, end) = (symbol.doc.start as usize, symbol.doc.end as usize);
    let doc = text.get(start..end).unwrap_or("");
    let is_body = language == Language::Python && symbol.doc.start > symbol.signature.start;
    let lines = "\n".repeat(doc.matches('\n').count());
    let instead = if is_body { "pass" } else { "" };
    format!("{}{instead}{lines}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_first_sentences_that_say_something() {
        for (doc, asked) in [
            (
                "/// Waits until the queue has room again. Never blocks.",
                Some("Waits until the queue has room again"),
            ),
            (
                "/**\n * Turns a header into\n * its parts and keeps order.\n * @param x\n */",
                Some("Turns a header into its parts and keeps order"),
            ),
            (
                "\"\"\"Return the user that a session belongs to\n\n    :param s: x\n\"\"\"",
                Some("Return the user that a session belongs to"),
            ),
            ("# frob the thing", None),
            ("// TODO make this faster when there is time", None),
            ("/// `work` does much of the heavy lifting here", None),
            ("", None),
        ] {
            assert_eq!(question(doc, "work").as_deref(), asked, "{doc}");
        }
    }
}
