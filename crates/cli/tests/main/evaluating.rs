//! `wherein eval` through the real program: figures, baselines, bad datasets.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Scratch, fixtures};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn the_fixtures_are_answered_well_and_the_same_each_time() {
    let program = Scratch::new();
    let report = program.repository().join("report.json");
    let fixtures = fixtures();
    let run = program.run(&[
        "eval",
        text(&fixtures),
        "--runs",
        "1",
        "--json",
        "--out",
        text(&report),
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let figures: Value = serde_json::from_str(&run.out).expect("json");
    assert_eq!(figures["overall"]["queries"], 150);
    let ndcg = figures["ndcg10_repository_mean"]
        .as_f64()
        .expect("a figure");
    assert!(ndcg > 0.78, "{ndcg}");
    assert!(figures["by_category"]["symbol"]["ndcg10"].as_f64() > Some(0.9));
    assert_eq!(figures["rows"].as_array().map(Vec::len), Some(150));

    let again = program.run(&[
        "eval",
        text(&fixtures),
        "--runs",
        "1",
        "--baseline",
        text(&report),
        "--margin",
        "0",
    ]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("against the baseline"), "{}", again.out);
    assert!(
        again.out.contains("+0.0000 (standard error 0.0000)"),
        "{}",
        again.out
    );
}

#[test]
fn a_regression_ends_with_1() {
    let program = Scratch::new();
    let report = program.repository().join("report.json");
    let fixtures = fixtures();
    let only = ["eval", text(&fixtures), "--repo", "ledger", "--runs", "1"];
    let run = program.run(&[&only[..], &["--out", text(&report)]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let mut better: Value =
        serde_json::from_str(&fs::read_to_string(&report).expect("reads")).expect("json");
    for row in better["rows"].as_array_mut().expect("rows") {
        row["ndcg10"] = json!(2.0);
    }
    fs::write(&report, better.to_string()).expect("writes");
    let run = program.run(&[&only[..], &["--baseline", text(&report)]].concat());
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("worse"), "{}", run.out);
    assert!(run.err.contains("worse than the baseline"));
}

#[test]
fn misses_are_listed_with_what_was_wanted() {
    let program = Scratch::new();
    let labels = program.repository().join("labels.json");
    let wrong = json!([{"query": "post an entry to the journal", "relevant": ["src/nowhere.rs"]}]);
    fs::write(&labels, wrong.to_string()).expect("writes");
    let ledger = fixtures().join("repos/ledger");
    let run = program.run(&["eval", text(&labels), "--corpus", text(&ledger), "--misses"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("wanted src/nowhere.rs"), "{}", run.out);
    assert!(run.err.contains("points at src/nowhere.rs"), "{}", run.err);
}

#[test]
fn a_bad_dataset_is_an_error_that_says_where() {
    let program = Scratch::new();
    let scratch = program.repository();
    let corpus = fixtures().join("repos/ledger");
    let bad = |labels: &str| {
        let path = scratch.join("bad.json");
        fs::write(&path, labels).expect("writes");
        let run = program.run(&["eval", text(&path), "--corpus", text(&corpus)]);
        assert_eq!(run.code, 2, "{labels}: {}", run.out);
        assert!(run.err.contains("bad.json"), "{}", run.err);
        run.err
    };
    bad("");
    bad("{}");
    bad(r#"[{"query": "x"}"#);
    assert!(bad(r#"[{"query": "  ", "relevant": ["a"]}]"#).contains("query 1"));
    assert!(bad(r#"[{"query": "x", "relevant": []}]"#).contains("no relevant place"));
    bad(r#"[{"query": "x", "relevant": [7]}]"#);
    bad(r#"[{"query": "x", "relevant": [""]}]"#);
    bad(r#"[{"query": "x", "relevant": [{"path": "a", "start_line": 9, "end_line": 3}]}]"#);
    bad(r#"[{"query": "x", "relevant": [{"path": "a", "start_line": 0, "end_line": 3}]}]"#);

    let nowhere = scratch.join("none");
    for (arguments, says) in [
        (vec!["eval", text(&nowhere)], "no labelled queries"),
        (vec!["eval", text(&scratch)], "no labelled queries"),
        (
            vec!["eval", text(&fixtures()), "--corpus", text(&nowhere)],
            "--corpus",
        ),
        (
            vec!["eval", text(&fixtures()), "--split", "dev"],
            "split.json",
        ),
        (
            vec!["eval", text(&fixtures()), "--baseline", text(&nowhere)],
            "none",
        ),
        (
            vec!["eval", text(&fixtures()), "--margin", "NaN"],
            "--margin",
        ),
        (vec!["eval", text(&fixtures()), "--runs", "0"], "--runs"),
    ] {
        let run = program.run(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.out);
        assert!(run.err.contains(says), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_query_that_the_engine_refuses_is_named() {
    let program = Scratch::new();
    let labels = program.repository().join("labels.json");
    let long = json!([{"query": "x".repeat(100_000), "relevant": ["src/lib.rs"]}]);
    fs::write(&labels, long.to_string()).expect("writes");
    let ledger = fixtures().join("repos/ledger");
    let run = program.run(&["eval", text(&labels), "--corpus", text(&ledger)]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("query 1: "), "{}", run.err);
    assert!(run.err.contains("16384"), "{}", run.err);
}

#[test]
fn a_part_is_compared_with_that_part_of_the_baseline() {
    let program = Scratch::new();
    let report = program.repository().join("report.json");
    let fixtures = fixtures();
    let two = [
        "eval",
        text(&fixtures),
        "--runs",
        "1",
        "--repo",
        "ledger",
        "--repo",
        "doorman",
    ];
    let run = program.run(&[&two[..], &["--out", text(&report)]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let one = [
        "eval",
        text(&fixtures),
        "--runs",
        "1",
        "--baseline",
        text(&report),
    ];
    let run = program.run(&[&one[..], &["--repo", "ledger", "--margin", "0"]].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("not compared: doorman"), "{}", run.out);
    for other in [
        &["--repo", "lantern"][..],
        &["--repo", "ledger", "--mode", "lexical"],
    ] {
        let run = program.run(&[&one[..], other].concat());
        assert_eq!(run.code, 2, "{other:?}: {}", run.out);
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_the_work() {
    let program = Scratch::new();
    let fixtures = fixtures();
    for out in ["/nowhere/at/all.json", "."] {
        let run = program.run(&["eval", text(&fixtures), "--out", out]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
        assert!(run.err.contains("cannot write"), "{}", run.err);
    }
    assert!(!program.home().join("eval").exists());
}

#[test]
fn contexts_are_measured_when_asked() {
    let program = Scratch::new();
    let fixtures = fixtures();
    let one = [
        "eval",
        text(&fixtures),
        "--runs",
        "1",
        "--repo",
        "ledger",
        "--context",
    ];
    let run = program.run(&one);
    assert!(
        run.out.contains("wanted lines that a context shows: 0."),
        "{}",
        run.out
    );
    let json = program.json(&one);
    let shown = &json["overall"]["shown_in_context"];
    let at = |budget: &str| shown[budget].as_f64().expect("a share");
    assert!(at("8000") >= at("500") && at("8000") > 0.8, "{shown}");
}
