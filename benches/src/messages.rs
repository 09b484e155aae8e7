//! Mines queries from messages: what a program says when something is wrong is
//! what people paste to find where it says so.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use wherein_core::Language;
use wherein_eval::{Dataset, Scope, Selection};

use crate::mine::{fixed_hash, is_asked_of, read, write};

/// Which packages, how many queries, and where the labels go.
#[derive(Args)]
pub(crate) struct MessagesArguments {
    /// Folder with labels, whose packages are mined
    #[arg(long)]
    dataset: std::path::PathBuf,
    /// Folder with a folder of sources for each repository
    #[arg(long)]
    corpus: std::path::PathBuf,
    /// Queries of each repository at most
    #[arg(long, default_value_t = 10)]
    queries: usize,
    /// Folder for the labels
    #[arg(long)]
    to: std::path::PathBuf,
}

/// Words of a message.
const WORDS: std::ops::RangeInclusive<usize> = 4..=24;
/// Messages of one file at most.
const OF_A_FILE: usize = 2;
/// What stands before a message where it is shown; the first is nothing.
const BEFORE: [&str; 3] = ["", "Error: ", "thread 'main' panicked at "];

pub(crate) fn run(arguments: &MessagesArguments) -> Result<()> {
    let selection = Selection {
        corpus: Some(arguments.corpus.clone()),
        scope: Scope::Full,
        ..Selection::default()
    };
    let dataset = Dataset::read(&arguments.dataset, &selection)?;
    let mut repositories = Vec::new();
    for repository in &dataset.repositories {
        let files = read(&repository.root)?;
        let queries: Vec<_> = chosen(&repository.name, &files, arguments.queries)
            .into_iter()
            .map(|(query, path, line)| {
                json!({"query": query, "category": "message", "secondary": [],
                    "relevant": [{"path": path, "start_line": line, "end_line": line}]})
            })
            .collect();
        if queries.is_empty() {
            continue;
        }
        let file = arguments
            .to
            .join("labels")
            .join(format!("{}.json", repository.name));
        write(&file, &serde_json::to_string_pretty(&queries)?)?;
        repositories.push(json!({"name": repository.name, "language": repository.language}));
        eprintln!("{}: {} messages", repository.name, queries.len());
    }
    let all = serde_json::to_string_pretty(&repositories)?;
    write(&arguments.to.join("repos.json"), &all)
}

/// Messages that one line of the code alone has, as they would be pasted, with
/// its place; drawn by a fixed hash.
fn chosen(
    repository: &str,
    files: &BTreeMap<String, (Language, String)>,
    most: usize,
) -> Vec<(String, String, usize)> {
    let mut places: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for (path, (language, text)) in files {
        if !is_asked_of(path, *language) {
            continue;
        }
        for (line, number) in text.lines().zip(1..) {
            for literal in literals(line) {
                places.entry(literal).or_default().push((path, number));
            }
        }
    }
    let mut all: Vec<(&str, &str, usize)> = places
        .into_iter()
        .filter_map(|(literal, places)| match places.as_slice() {
            [(path, line)] => Some((literal, *path, *line)),
            _ => None,
        })
        .collect();
    all.sort_by_key(|one| fixed_hash(&[repository, one.1, one.0]));
    let mut of_file: BTreeMap<&str, usize> = BTreeMap::new();
    all.retain(|one| {
        let count = of_file.entry(one.1).or_default();
        *count += 1;
        *count <= OF_A_FILE
    });
    all.truncate(most);
    all.into_iter()
        .enumerate()
        .map(|(at, (literal, path, line))| {
            let shown = format!("{}{}", BEFORE[at % BEFORE.len()], filled(literal));
            (shown, path.to_owned(), line)
        })
        .collect()
}

/// The texts in double quotes on a line that read like a message.
pub(crate) fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2).filter(|text| {
        let letters = text.chars().filter(char::is_ascii_alphabetic).count();
        WORDS.contains(&text.split_whitespace().count())
            && letters * 10 >= text.len() * 7
            && !text.contains(['\\', '<', '>', '='])
            && !text.contains("http")
    })
}

/// A message with its placeholders filled.
pub(crate) fn filled(literal: &str) -> String {
    let mut shown = String::new();
    let mut rest = literal;
    while let Some(at) = rest.find(['{', '%']) {
        let is_brace = rest.as_bytes()[at] == b'{';
        let end = if is_brace {
            rest[at..].find('}').map(|end| at + end + 1)
        } else {
            let letter = rest[at + 1..].find(|c: char| c.is_ascii_alphabetic());
            letter.map(|end| at + end + 2)
        };
        let Some(end) = end else {
            break;
        };
        shown.push_str(rest[..at].trim_end_matches(['$', '#']));
        shown.push_str("main");
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_texts_in_quotes_with_their_placeholders_filled() {
        let line = r#"return Err(format!("cannot open the file {path:?} for reading"), "x")"#;
        let found: Vec<&str> = literals(line).collect();
        assert_eq!(found, ["cannot open the file {path:?} for reading"]);
        assert_eq!(filled(found[0]), "cannot open the file main for reading");
        assert_eq!(filled("got %d of %5.2s items"), "got main of main items");
        assert_eq!(filled("user ${name} is gone"), "user main is gone");
        assert_eq!(filled("{x} of 100% {"), "main of 100% {");
        assert_eq!(literals("a \"SELECT a FROM b WHERE c=1\"").count(), 0);
    }

    #[test]
    fn what_is_said_in_two_places_is_not_asked() {
        let file = |text: &str| (Language::Rust, text.to_owned());
        let files = BTreeMap::from([
            (
                "a.rs".to_owned(),
                file("x(\"the door is not open\")\ny(\"the key is not here\")\n"),
            ),
            ("b.rs".to_owned(), file("x(\"the door is not open\")\n")),
            (
                "tests/c.rs".to_owned(),
                file("x(\"the lock is not there\")\n"),
            ),
        ]);
        let all = chosen("r", &files, 9);
        assert_eq!(
            all,
            [("the key is not here".to_owned(), "a.rs".to_owned(), 2)]
        );
    }
}
