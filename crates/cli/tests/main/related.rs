//! `wherein related`: what resembles a place, who calls it and what it calls.

use serde_json::Value;

use crate::program::Scratch;

const POOL: &str = "\
use crate::wire::send_frame;

/// Keeps connections for reuse.
pub struct Pool;

impl Pool {
    /// Closes all idle connections of the pool.
    pub fn close_idle(&self, limit: usize) {
        for number in 0..limit {
            send_frame(number);
        }
    }
}
";

const WIRE: &str = "\
/// Sends one frame over the wire.
pub fn send_frame(number: usize) {
    println!(\"{number}\");
}
";

const OLD_WIRE: &str = "\
/// Sends one frame over the old wire, and waits for the answer.
pub fn send_frame_and_wait(number: usize) {
    println!(\"{number}\");
    wait_for_answer();
}

fn wait_for_answer() {}
";

const SERVER: &str = "\
use crate::pool::Pool;

// close_idle is named here, and not called.
pub fn shut_down(pool: &Pool) {
    let text = \"close_idle(3)\";
    pool.close_idle(3);
    log(text);
}
";

fn scratch() -> Scratch {
    Scratch::with(&[
        ("src/pool.rs", POOL),
        ("src/wire.rs", WIRE),
        ("src/old_wire.rs", OLD_WIRE),
        ("src/server.rs", SERVER),
    ])
}

fn sites(answer: &Value, which: &str) -> Vec<String> {
    let sites = answer[which].as_array().expect("a list");
    let place = |site: &Value| format!("{}:{}", site["path"].as_str().expect("path"), site["line"]);
    sites.iter().map(place).collect()
}

#[test]
fn callers_and_callees_come_from_the_syntax_tree() {
    let scratch = scratch();
    let answer = scratch.json(&["related", "src/pool.rs:9"]);
    assert_eq!(answer["of"]["breadcrumb"], "Pool::close_idle");
    // Neither the comment nor the string is a call.
    assert_eq!(sites(&answer, "callers"), ["src/server.rs:6"]);
    assert_eq!(answer["callers"][0]["symbol"], "shut_down");
    assert_eq!(answer["callers"][0]["text"], "pool.close_idle(3);");
    assert_eq!(answer["callers_complete"], true);
    assert_eq!(sites(&answer, "callees"), ["src/wire.rs:2"]);
    assert_eq!(
        answer["callees"][0]["text"],
        "pub fn send_frame(number: usize) {"
    );
    assert_eq!(answer["index"]["fresh"], true);
}

#[test]
fn similar_spans_are_other_spans_and_those_that_are_known_stay_away() {
    let scratch = scratch();
    let answer = scratch.json(&["related", "src/wire.rs:2"]);
    let hits = answer["hits"].as_array().expect("hits");
    assert!(!hits.is_empty(), "{answer}");
    assert_eq!(hits[0]["path"], "src/old_wire.rs");
    assert!(
        hits.iter().all(|hit| hit["path"] != "src/wire.rs"),
        "{answer}"
    );
    let first = &hits[0];
    let known = format!(
        "{}:{}-{}",
        first["path"].as_str().expect("path"),
        first["start_line"],
        first["end_line"]
    );
    let again = scratch.run(&["related", "src/wire.rs:2", "--exclude", &known, "--json"]);
    assert!(again.code < 2, "{again:?}");
    let again: Value = serde_json::from_str(&again.out).expect("JSON");
    for hit in again["hits"].as_array().expect("hits") {
        assert_ne!(
            (&hit["path"], &hit["start_line"]),
            (&first["path"], &first["start_line"])
        );
    }
}

#[test]
fn what_has_just_been_written_counts() {
    let scratch = scratch();
    scratch.json(&["related", "src/pool.rs:9"]);
    scratch.write(
        "src/more.rs",
        "pub fn all(pool: &Pool) {\n    pool.close_idle(9);\n}\n",
    );
    let answer = scratch.json(&["related", "src/pool.rs:9"]);
    assert_eq!(
        sites(&answer, "callers"),
        ["src/more.rs:2", "src/server.rs:6"]
    );
    // As it is: what changed is not seen, and the answer does not claim that it was.
    scratch.write("src/server.rs", "fn nothing() {}\n");
    let answer = scratch.json(&["related", "src/pool.rs:9", "--no-refresh"]);
    assert_eq!(sites(&answer, "callers"), ["src/more.rs:2"]);
    assert_eq!(answer["callers_complete"], false);
}

#[test]
fn places_may_be_written_from_where_one_stands() {
    let scratch = scratch();
    let folder = scratch.repository().join("src");
    scratch.json(&["index"]);
    let run = scratch
        .command(&["related", "pool.rs:9:5", "--json"])
        .current_dir(&folder)
        .output()
        .expect("starts");
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let absolute = format!("{}:9", folder.join("pool.rs").display());
    scratch.json(&["related", &absolute]);
    for (place, said) in [
        ("src/none.rs:1", "no such file in the index"),
        ("src/pool.rs", "FILE:LINE"),
        ("src/pool.rs:0", "FILE:LINE"),
    ] {
        let run = scratch.run(&["related", place]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(said), "{run:?}");
    }
    // A line after the last, and an empty one, mean what is near.
    let answer = scratch.json(&["related", "src/pool.rs:2"]);
    assert_eq!(answer["of"]["symbol"], "Pool");
    scratch.json(&["related", "src/wire.rs:4000"]);
}

#[test]
fn callers_are_called_complete_only_where_all_could_be_read() {
    let scratch = scratch();
    // Arguments of macros are looked into.
    scratch.write(
        "src/tests.rs",
        "fn test(pool: &Pool) {\n    assert_eq!(pool.close_idle(1), ());\n}\n",
    );
    let answer = scratch.json(&["related", "src/pool.rs:9"]);
    assert_eq!(
        sites(&answer, "callers"),
        ["src/server.rs:6", "src/tests.rs:2"]
    );
    assert_eq!(answer["callers_complete"], true);
    // Code within another language is not.
    scratch.write("src/page.vue", "<script>\npool.close_idle(1)\n</script>\n");
    let answer = scratch.json(&["related", "src/pool.rs:9"]);
    assert_eq!(answer["callers_complete"], false);
    // A place that defines nothing that can be called has no callers to tell of.
    scratch.write("src/limits.rs", "/// Most.\npub const MOST: usize = 3;\n");
    let run = scratch.run(&["related", "src/limits.rs:2", "--json"]);
    let answer: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(answer["callers_complete"], false, "{answer}");
    // Names of Ruby end in a mark.
    scratch.write("lib/a.rb", "class A\n  def ready?\n    true\n  end\nend\n");
    scratch.write("lib/b.rb", "def go(a)\n  start if a.ready?\nend\n");
    let answer = scratch.json(&["related", "lib/a.rb:2"]);
    assert_eq!(sites(&answer, "callers"), ["lib/b.rb:2"]);
}
