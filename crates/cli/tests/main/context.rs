//! `wherein context` through the real program: budgets, formats, what was sent.

use std::collections::HashSet;

use serde_json::Value;

use crate::program::{Scratch, fixtures};

fn ledger() -> String {
    let path = fixtures().join("repos/ledger");
    path.to_str().expect("a path in UTF-8").to_owned()
}

const QUERY: &str = "how are journal entries parsed and checked";

#[test]
fn no_budget_is_exceeded_in_any_format_by_either_tokenizer() {
    let scratch = Scratch::new();
    let ledger = ledger();
    for tokenizer in ["o200k_base", "cl100k_base"] {
        for format in ["markdown", "xml", "json"] {
            for budget in [1, 60, 300, 1500, 10_000_000] {
                let run = scratch.run(&[
                    "context",
                    QUERY,
                    &ledger,
                    "--json",
                    "--budget",
                    &budget.to_string(),
                    "--format",
                    format,
                    "--tokenizer",
                    tokenizer,
                ]);
                let answer: Value = serde_json::from_str(&run.out).expect("one JSON object");
                let tokens = answer["tokens"].as_u64().expect("a number");
                let text = answer["text"].as_str().expect("text");
                let counter: wherein_index::Tokenizer = tokenizer.parse().expect("a tokenizer");
                assert_eq!(counter.count(text) as u64, tokens, "{run:?}");
                assert!(tokens <= budget, "{tokens} of {budget}");
                let blocks = answer["blocks"].as_array().expect("blocks");
                assert_eq!(run.code, i32::from(blocks.is_empty()), "{run:?}");
                let is_empty = text.is_empty() || text == "[]";
                assert_eq!(blocks.is_empty(), is_empty, "{text}");
                if budget == 1500 {
                    assert!(tokens > 700, "{tokens}");
                    assert!(
                        blocks.iter().any(|block| block["path"] == "src/parser.rs"),
                        "{blocks:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_printed_is_the_text_alone() {
    let scratch = Scratch::new();
    let answer = scratch.json(&["context", QUERY, &ledger(), "--budget", "800"]);
    let run = scratch.run(&["context", QUERY, &ledger(), "--budget", "800"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, answer["text"].as_str().expect("text"));
    assert!(run.out.starts_with("## src/"), "{}", run.out);
    let xml = scratch.run(&["context", QUERY, &ledger(), "--format", "xml"]);
    assert!(xml.out.starts_with("<span path=\"src/"), "{}", xml.out);
    let json = scratch.run(&["context", QUERY, &ledger(), "--format", "json"]);
    let blocks: Vec<Value> = serde_json::from_str(&json.out).expect("a list");
    assert!(!blocks.is_empty());
}

#[test]
fn asking_again_without_what_was_sent_gives_other_lines() {
    let scratch = Scratch::new();
    let ledger = ledger();
    let mut seen: HashSet<(String, u64)> = HashSet::new();
    let mut exclude: Vec<String> = Vec::new();
    for round in 0..4 {
        let mut arguments = vec!["context", QUERY, &ledger, "--budget", "400"];
        for id in &exclude {
            arguments.extend(["--exclude", id]);
        }
        let answer = scratch.json(&arguments);
        let blocks = answer["blocks"].as_array().expect("blocks").clone();
        assert!(!blocks.is_empty(), "round {round}");
        for block in blocks {
            let path = block["path"].as_str().expect("path").to_owned();
            let line = |name: &str| block[name].as_u64().expect("a line");
            for number in line("start_line")..=line("end_line") {
                assert!(seen.insert((path.clone(), number)), "{path}:{number} twice");
            }
            exclude.push(block["id"].as_str().expect("id").to_owned());
        }
    }
}

#[test]
fn paths_of_what_was_sent_are_taken_however_they_are_written() {
    let scratch = Scratch::with(&[("src/a.py", "def only(one):\n    return one\n")]);
    let absolute = scratch.repository().join("src/a.py");
    for path in ["src/a.py", "./src/a.py", &absolute.to_string_lossy()] {
        let run = scratch.run(&["context", "only one", "-x", &format!("{path}:1-99")]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{path}: {run:?}");
    }
    let run = scratch.run(&["context", "only one", "-x", "src/none.py:1-9"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("src/none.py:1-9"), "{run:?}");
    let json = scratch.json(&["context", "only one", "-x", "src/none.py:1-9"]);
    assert_eq!(json["not_excluded"][0], "src/none.py:1-9");
}

#[test]
fn a_changed_file_is_packed_as_it_is_now() {
    let scratch = Scratch::with(&[(
        "src/rates.py",
        "def monthly_rate(amount):\n    return amount * 3\n",
    )]);
    let first = scratch.json(&["context", "monthly rate"]);
    let id = first["blocks"][0]["id"].as_str().expect("id").to_owned();
    let nothing = scratch.run(&["context", "monthly rate", "--exclude", &id]);
    assert_eq!((nothing.code, nothing.out.as_str()), (1, ""));
    assert!(nothing.err.contains("nothing found"), "{}", nothing.err);
    scratch.write(
        "src/rates.py",
        "def monthly_rate(amount):\n    return amount * 4\n",
    );
    let again = scratch.json(&["context", "monthly rate", "--exclude", &id]);
    assert!(again["text"].as_str().expect("text").contains("amount * 4"));
}

#[test]
fn filters_narrow_what_is_packed() {
    let scratch = Scratch::new();
    let answer = scratch.json(&["context", QUERY, &ledger(), "--path", "src/report/**"]);
    let blocks = answer["blocks"].as_array().expect("blocks").clone();
    assert!(!blocks.is_empty());
    for block in blocks {
        let path = block["path"].as_str().expect("path");
        assert!(path.starts_with("src/report/"), "{path}");
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_indexed() {
    let scratch = Scratch::with(&[("a.py", "def one():\n    return 1\n")]);
    for (arguments, says) in [
        (&["--budget", "0"][..], "a budget of 0 tokens"),
        (&["--budget", "10000001"], "a budget of 10000001 tokens"),
        (&["--budget", "-1"], "-1"),
        (&["--budget", "many"], "--budget"),
        (&["--format", "html"], "markdown, xml, json"),
        (&["--tokenizer", "p50k"], "cl100k_base"),
        (&["--exclude", "nonsense"], "PATH:START-END"),
        (&["--exclude", "a.py:9-3"], "PATH:START-END"),
    ] {
        let run = scratch.run(&[&["context", "one"], arguments].concat());
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(says), "{run:?}");
    }
    let run = scratch.run(&["context", "  "]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(!scratch.home().exists());
    let tight = scratch.run(&["context", "one", "--budget", "3"]);
    assert_eq!((tight.code, tight.out.as_str()), (1, ""));
    assert!(tight.err.contains("fits in 3 tokens"), "{tight:?}");
}
