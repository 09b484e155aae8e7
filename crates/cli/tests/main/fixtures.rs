//! The fixture repositories: labelled questions get their answers.

use std::fs;

use serde_json::Value;

use crate::program::{Scratch, fixtures};

/// Whether some hit among the first `k` lies in a target's file and lines.
fn is_answered(answer: &Value, targets: &[Value], k: usize) -> bool {
    answer["hits"].as_array().is_some_and(|hits| {
        hits.iter().take(k).any(|hit| {
            targets.iter().any(|target| {
                let number = |value: &Value| value.as_u64().unwrap_or(0);
                let overlap = match (target.get("start_line"), target.get("end_line")) {
                    (Some(start), Some(end)) => {
                        number(&hit["start_line"]) <= number(end)
                            && number(&hit["end_line"]) >= number(start)
                    }
                    _ => true,
                };
                // A target without lines is a path alone.
                let path = target.get("path").unwrap_or(target);
                hit["path"] == *path && overlap
            })
        })
    })
}

/// Share of the questions of all fixtures with a right hit among the first
/// ten, and among the first three.
#[test]
fn labelled_questions_are_answered() {
    let scratch = Scratch::new();
    let (mut asked, mut in_ten, mut in_three) = (0, 0, 0);
    let mut missed = Vec::new();
    let mut files: Vec<_> = fs::read_dir(fixtures().join("queries"))
        .expect("lists")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    for file in files {
        let name = file
            .file_stem()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        let repository = fixtures().join("repos").join(&name);
        let repository = repository.to_string_lossy();
        scratch.json(&["index", &repository]);
        let queries: Value =
            serde_json::from_slice(&fs::read(&file).expect("reads")).expect("JSON");
        for query in queries.as_array().expect("a list") {
            let text = query["query"].as_str().expect("query");
            let answer = scratch.json(&["search", text, &repository, "--no-refresh"]);
            let mut targets = query["relevant"].as_array().expect("targets").clone();
            targets.extend(query["secondary"].as_array().cloned().unwrap_or_default());
            asked += 1;
            in_three += u32::from(is_answered(&answer, &targets, 3));
            if is_answered(&answer, &targets, 10) {
                in_ten += 1;
            } else {
                missed.push(format!("{name}: {text}"));
            }
        }
    }
    eprintln!("{asked} questions: {in_three} answered in the first 3, {in_ten} in the first 10");
    assert!(asked >= 150);
    assert!(
        in_ten * 100 >= asked * 90,
        "{in_ten} of {asked}; missed {missed:#?}"
    );
    assert!(in_three * 100 >= asked * 77, "{in_three} of {asked}");
}

/// The sign-in flow never uses the word of the question.
#[test]
fn meaning_is_found_where_the_word_is_not() {
    let scratch = Scratch::new();
    let repository = fixtures().join("repos/doorman");
    let repository = repository.to_string_lossy();
    let lexical = scratch.run(&["auth", &repository, "--mode", "lexical"]);
    assert_eq!(
        lexical.code, 1,
        "the fixture must not hold the word: {}",
        lexical.out
    );
    let answer = scratch.json(&["where is auth handled", &repository, "-k", "5"]);
    let text = answer["hits"].to_string();
    assert!(
        ["badge.py", "desk.py", "passphrase.py", "tickets.py"]
            .iter()
            .any(|file| text.contains(file)),
        "{text}"
    );
    let expected: Value =
        serde_json::from_slice(&fs::read(fixtures().join("queries/doorman.json")).expect("reads"))
            .expect("JSON");
    let question = expected
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| {
            one["query"]
                .as_str()
                .is_some_and(|text| text.contains("auth"))
        })
        .expect("the question is labelled");
    let targets = question["relevant"].as_array().expect("targets");
    assert!(is_answered(&answer, targets, 5), "{targets:?} in {text}");
}
