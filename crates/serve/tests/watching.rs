//! What is written is in the next answer: changes are watched, and brought in before
//! a search answers.

use std::fs;

use serde_json::{Value, json};
use wherein_index::{IndexOptions, Location, Progress, Repository, Settings};

use crate::support::{DEADLINE, Place, Server, poll, text};

fn watched(place: &Place) -> Server {
    let mut options = place.options();
    options.settings.serve.watch = true;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    server
}

/// Where a name is defined, by an answer that calls itself fresh: the first, unless the
/// machine is too busy.
fn defined(server: &Server, name: &str) -> Vec<String> {
    let query = json!({ "query": name, "mode": "symbol" });
    let mut answer = Value::Null;
    poll(|| {
        answer = server.search(&query).expect(200);
        answer["index"]["fresh"] == true
    });
    assert_eq!(answer["index"]["pending_files"], 0, "{answer}");
    let hits = answer["hits"].as_array().expect("hits");
    hits.iter().map(|hit| text(&hit["path"])).collect()
}

#[test]
fn an_answer_knows_what_was_written_just_before() {
    let place = Place::new();
    let server = watched(&place);
    let root = place.repository();
    for round in 0..5 {
        let name = format!("tune_violin_{round}");
        place.write("src/new.rs", &format!("pub fn {name}() {{}}\n"));
        assert_eq!(defined(&server, &name), ["src/new.rs"]);
    }
    // A folder that is made, moved, and written to where it is now.
    place.write("src/strings/bow.rs", "pub fn rosin_bow() {}\n");
    assert_eq!(defined(&server, "rosin_bow"), ["src/strings/bow.rs"]);
    fs::rename(root.join("src/strings"), root.join("music")).expect("moved");
    assert_eq!(defined(&server, "rosin_bow"), ["music/bow.rs"]);
    place.write("music/deep/peg.rs", "pub fn turn_peg() {}\n");
    assert_eq!(defined(&server, "turn_peg"), ["music/deep/peg.rs"]);
    place.write("music/deep/peg.rs", "pub fn loosen_peg() {}\n");
    assert_eq!(defined(&server, "loosen_peg"), ["music/deep/peg.rs"]);
    assert!(defined(&server, "turn_peg").is_empty());
    fs::remove_dir_all(root.join("music")).expect("removed");
    assert!(defined(&server, "loosen_peg").is_empty());
    // The name again, for something else.
    place.write("music", "no folder\n");
    fs::remove_file(root.join("music")).expect("removed");
    place.write("music/oboe.rs", "pub fn cut_reed() {}\n");
    assert_eq!(defined(&server, "cut_reed"), ["music/oboe.rs"]);
}

#[test]
fn rules_hold_for_what_is_watched() {
    let place = Place::new();
    fs::create_dir(place.repository().join(".git")).expect("created");
    fs::create_dir(place.repository().join(".git/objects")).expect("created");
    fs::create_dir(place.repository().join(".git/refs")).expect("created");
    place.write(".git/HEAD", "ref: refs/heads/main\n");
    place.write(".gitignore", "out/\n");
    place.write("out/made.rs", "pub fn made_by_a_tool() {}\n");
    let server = watched(&place);
    let generation = |server: &Server| {
        let repo = server.get("/v1/repos/shop").expect(200);
        repo["index"]["generation"].as_u64().expect("a number")
    };
    let before = generation(&server);
    place.write("out/more.rs", "pub fn more_by_a_tool() {}\n");
    assert!(defined(&server, "more_by_a_tool").is_empty());
    assert_eq!(generation(&server), before, "nothing was to be done");
    place.write(".gitignore", "\n");
    assert_eq!(defined(&server, "more_by_a_tool"), ["out/more.rs"]);
    assert_eq!(defined(&server, "made_by_a_tool"), ["out/made.rs"]);
    place.write(".gitignore", "out/m*e.rs\n");
    assert!(defined(&server, "made_by_a_tool").is_empty());
    assert!(defined(&server, "more_by_a_tool").is_empty());
}

#[test]
fn changes_are_brought_in_when_nobody_asks() {
    let place = Place::new();
    let server = watched(&place);
    let files = |server: &Server| {
        let repo = server.get("/v1/repos/shop").expect(200);
        repo["index"]["files"].as_u64().expect("a number")
    };
    let before = files(&server);
    place.write("src/one.rs", "pub fn one() {}\n");
    place.write("src/two.rs", "pub fn two() {}\n");
    poll(|| files(&server) == before + 2);
    let repo = server.get("/v1/repos/shop").expect(200);
    assert_eq!(repo["index"]["watched"], true, "{repo}");
    assert_eq!(repo["index"]["fresh"], true, "{repo}");
    assert_eq!(repo["job"], Value::Null);
}

#[test]
fn what_was_seen_while_another_wrote_is_not_forgotten() {
    let place = Place::new();
    let server = watched(&place);
    let index = fs::read_dir(place.home().join("index"))
        .expect("read")
        .flatten();
    let locks: Vec<fs::File> = index
        .map(|entry| fs::File::open(entry.path().join("lock")).expect("a lock"))
        .collect();
    for lock in &locks {
        lock.lock().expect("locked, as by another process");
    }
    place.write("src/strings/deep/peg.rs", "pub fn turn_peg() {}\n");
    let query = json!({ "query": "turn_peg", "mode": "symbol" });
    for _ in 0..3 {
        let answer = server.search(&query).expect(200);
        assert_eq!(answer["hits"], json!([]), "{answer}");
        assert_eq!(answer["index"]["fresh"], false, "{answer}");
    }
    drop(locks);
    assert_eq!(defined(&server, "turn_peg"), ["src/strings/deep/peg.rs"]);
}

#[test]
fn what_another_process_has_written_answers() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.watch = true;
    options.settings.serve.refresh_seconds = 0;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    let location = Location::exactly(&place.home(), &place.repository()).expect("a place");
    let settings = Settings::load(None).expect("settings");
    let model = wherein_index::shipped_model().expect("the model");
    let other = Repository::open(location, settings, Some(model)).expect("opens");
    let anew = IndexOptions {
        full: true,
        wait: DEADLINE,
    };
    let report = other.index(anew, &Progress::default()).expect("indexed");
    poll(|| {
        let answer = server.search(&json!({ "query": "login" })).expect(200);
        answer["index"]["generation"].as_u64() >= Some(report.generation)
    });
}
