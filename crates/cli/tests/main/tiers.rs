//! A model in use beside the built-in one: its vectors stream in behind, and a
//! re-ranker reads the first hits when it is asked to.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::models::folder_of;
use crate::program::{Scratch, finished};

// The small models know few words: open, session, check, password.
const DOOR: &str = "def open_the_door(badge):\n    return open the session of badge\n";
const WINDOW: &str = "def open_the_window(hand):\n    return check the password of hand\n";

/// Two files, and the small encoder in use.
fn scratch() -> Scratch {
    let scratch = Scratch::with(&[("door.py", DOOR), ("window.py", WINDOW)]);
    scratch.json(&[
        "model",
        "add",
        &folder_of(&scratch, "encoder.onnx", "small"),
    ]);
    scratch.json(&["model", "use", "small"]);
    scratch
}

fn coverage(answer: &Value) -> f64 {
    answer["index"]["vector_coverage"]
        .as_f64()
        .expect("a number")
}

fn model(answer: &Value) -> &str {
    answer["index"]["model"].as_str().expect("a name")
}

#[test]
fn vectors_come_with_index_and_answers_say_how_far_they_are() {
    let scratch = scratch();
    let answer = scratch.json(&["open the door"]);
    assert_eq!(
        (coverage(&answer), answer["hits"][0]["path"].as_str()),
        (0.0, Some("door.py"))
    );
    assert!(model(&answer).starts_with("small-"), "{answer}");
    let run = scratch.run(&["open the door"]);
    assert!(
        run.err.contains("0 % of the chunks") && run.err.contains("`wherein index`"),
        "{run:?}"
    );
    let report = scratch.json(&["index"]);
    assert_eq!(report["vectors"]["chunks"], 2);
    let answer = scratch.json(&["open the door", "--explain"]);
    assert_eq!(coverage(&answer).to_bits(), 1.0_f64.to_bits());
    let hits = answer["hits"].to_string();
    assert!(hits.contains("\"quality\""), "{hits}");
    assert_eq!(
        scratch.json(&["open the door", "--explain"])["hits"],
        answer["hits"]
    );
    let status = scratch.json(&["status"]);
    assert_eq!(status["vectors"]["coverage"], 1.0);
    assert_eq!(
        scratch.json(&["index"])["vectors"]["chunks"],
        0,
        "nothing is made twice"
    );
    // A file that changes lacks its vectors until the next run, and is found all the same.
    scratch.write(
        "window.py",
        "def shut_the_window(hand):\n    return hand.free\n",
    );
    let answer = scratch.json(&["shut the window"]);
    assert_eq!(
        (coverage(&answer), answer["hits"][0]["path"].as_str()),
        (0.5, Some("window.py"))
    );
    assert_eq!(scratch.json(&["index"])["vectors"]["chunks"], 1);
}

#[test]
fn another_model_takes_over_and_the_built_in_one_alone_is_a_choice() {
    let scratch = scratch();
    scratch.json(&["index"]);
    scratch.json(&[
        "model",
        "add",
        &folder_of(&scratch, "sentence.onnx", "other"),
    ]);
    scratch.json(&["model", "use", "other"]);
    let answer = scratch.json(&["open the door"]);
    assert_eq!(
        (coverage(&answer), answer["hits"][0]["path"].as_str()),
        (0.0, Some("door.py"))
    );
    assert_eq!(scratch.json(&["index"])["vectors"]["chunks"], 2);
    let answer = scratch.json(&["open the door"]);
    assert!(model(&answer).starts_with("other-"), "{answer}");
    assert_eq!(coverage(&answer).to_bits(), 1.0_f64.to_bits());
    scratch.json(&["model", "use", "built-in"]);
    let answer = scratch.json(&["open the door"]);
    assert!(model(&answer).starts_with("wherein-static"), "{answer}");
    assert_eq!(coverage(&answer).to_bits(), 1.0_f64.to_bits());
    assert!(scratch.json(&["index"])["vectors"].is_null());
}

#[test]
fn what_was_read_once_is_not_read_again_in_another_repository() {
    let scratch = scratch();
    scratch.json(&["index"]);
    // No model can read anything from here on.
    fs::write(scratch.home().join("models/small/model.onnx"), "rot").expect("written");
    let other = scratch.repository().with_file_name("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("door.py"), DOOR).expect("written");
    let path = other.to_string_lossy().into_owned();
    let report = scratch.json(&["index", &path]);
    assert_eq!(
        (
            &report["vectors"]["chunks"],
            &report["vectors"]["vector_coverage"]
        ),
        (&1.into(), &1.0.into())
    );
    fs::write(
        other.join("gate.py"),
        "def open_the_gate(key):\n    return key.fits\n",
    )
    .expect("written");
    let run = scratch.run(&["index", &path]);
    assert!(run.code == 2 && run.err.contains("small"), "{run:?}");
    // It still answers, and says what is wrong.
    let run = scratch.run(&["open the gate", &path]);
    assert!(
        run.code == 0 && run.out.contains("gate.py") && run.err.contains("small"),
        "{run:?}"
    );
}

#[test]
fn a_search_starts_what_lacks_and_does_not_wait_for_it() {
    let scratch = scratch();
    let run = finished(
        &scratch
            .command(&["open the door"])
            .env("WHEREIN_INDEX_BACKGROUND", "true")
            .output()
            .expect("starts"),
    );
    assert!(
        run.code == 0 && run.err.contains("in the background"),
        "{run:?}"
    );
    let started = Instant::now();
    while scratch.json(&["status"])["vectors"]["coverage"] != 1.0 {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "no vectors came"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_model_that_is_gone_or_rotten_leaves_the_built_in_one() {
    let scratch = scratch();
    scratch.json(&["index"]);
    fs::write(scratch.home().join("models/small/model.onnx"), "rot").expect("written");
    let run = scratch.run(&["open the door"]);
    assert!(run.code == 0 && run.out.contains("door.py"), "{run:?}");
    assert!(run.err.contains("built-in model alone"), "{run:?}");
    fs::remove_dir_all(scratch.home().join("models/small")).expect("removed");
    let run = scratch.run(&["open the door"]);
    assert!(
        run.code == 0 && run.err.contains("no model small"),
        "{run:?}"
    );
}

#[test]
fn a_reranker_reads_the_first_hits_when_it_is_asked_to() {
    let scratch = Scratch::with(&[("door.py", DOOR), ("window.py", WINDOW)]);
    let run = scratch.run(&["open the door", "--rerank"]);
    assert!(
        run.code == 2 && run.err.contains("wherein model add ms-marco-reranker"),
        "{run:?}"
    );
    let folder = folder_of(&scratch, "reranker.onnx", "reader");
    let manifest = "name = \"reader\"\nkind = \"reranker\"\nmax_tokens = 64\n";
    fs::write(Path::new(&folder).join("model.toml"), manifest).expect("written");
    scratch.json(&["model", "add", &folder]);
    let explained = |arguments: &[&str]| {
        let answer =
            scratch.json(&[&["how does one open a door", "--explain"], arguments].concat());
        answer["hits"].to_string()
    };
    assert!(!explained(&[]).contains("reranker"));
    assert!(explained(&["--rerank=20000"]).contains("reranker"));
    let run = scratch.run(&["context", "how does one open a door", "--rerank"]);
    assert!(
        run.code == 0 && run.out.contains("open_the_door"),
        "{run:?}"
    );
    assert_eq!(scratch.run(&["open the door", "--rerank=0"]).code, 2);
}
