//! Several repositories in one query: the answer is that of one which has all their files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Place, Server, text};

/// Files that differ in what they are about, with words that are common in one half and
/// rare in the other.
fn files() -> Vec<(String, String)> {
    let subjects = [
        "invoice", "password", "socket", "cursor", "ledger", "kernel", "voucher", "packet",
        "session", "parser", "garden", "engine",
    ];
    let mut all = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        let other = subjects[(number * 5 + 3) % subjects.len()];
        let common = if number < 6 { "account" } else { "buffer" };
        let mut text = String::new();
        for part in 0..4 {
            text.push_str(&format!(
                "/// Finds the {subject} of a {common}, part {part}, and tells the {other}.\n\
                 pub fn find_{subject}_{part}({common}: &str) -> usize {{\n    \
                 {common}.len() + {part} * {number}\n}}\n\n"
            ));
        }
        if number % 4 == 1 {
            text.push_str("/// Waits for an account and a buffer alike.\npub fn wait() {}\n");
        }
        all.push((format!("src/{subject}.rs"), text));
    }
    all
}

fn write(folder: &Path, files: &[&(String, String)]) -> PathBuf {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("creates");
        fs::write(path, text).expect("writes");
    }
    folder.to_owned()
}

/// Paths, lines and scores of the hits.
fn found(server: &Server, body: &Value) -> Vec<(String, u64, f64)> {
    let answer = server.search(body).expect(200);
    let hits = answer["hits"].as_array().expect("hits");
    let mut found: Vec<(String, u64, f64)> = hits
        .iter()
        .map(|hit| {
            (
                text(&hit["path"]),
                hit["start_line"].as_u64().expect("a line"),
                hit["score"].as_f64().expect("a score"),
            )
        })
        .collect();
    // Equal scores are ordered by repository first.
    found.sort_by(|a, b| {
        let places = || (&a.0, a.1).cmp(&(&b.0, b.1));
        b.2.total_cmp(&a.2).then_with(places)
    });
    found
}

#[test]
fn three_repositories_answer_as_one_would() {
    let place = Place::new();
    let beside = place.home().parent().expect("a parent").to_owned();
    let all = files();
    let whole = write(&beside.join("whole"), &all.iter().collect::<Vec<_>>());
    let server = Server::start(place.options());
    server.register("whole", &whole);
    for (name, part) in [("a", 0..5), ("b", 5..6), ("c", 6..12)] {
        let some: Vec<&(String, String)> = all[part].iter().collect();
        server.register(name, &write(&beside.join(name), &some));
    }
    for query in [
        "where is the password of an account found",
        "find_packet_2",
        "socket",
        "tells the ledger",
        "wait for a buffer",
        "garden engine part 3",
        "an account and a buffer alike",
    ] {
        for mode in ["auto", "lexical", "semantic"] {
            let ask = |repos: &[&str]| {
                found(
                    &server,
                    &json!({ "query": query, "mode": mode, "k": 100, "repos": repos }),
                )
            };
            let (one, three) = (ask(&["whole"]), ask(&["a", "b", "c"]));
            assert!(!one.is_empty(), "{query} {mode}");
            assert_eq!(one.len(), three.len(), "{query} {mode}");
            for (one, three) in one.iter().zip(&three) {
                assert_eq!((&one.0, one.1), (&three.0, three.1), "{query} {mode}");
                assert!(
                    (one.2 - three.2).abs() < 1e-3,
                    "{query} {mode}: {one:?} {three:?}"
                );
            }
        }
    }
}

#[test]
fn a_context_of_several_says_which_each_span_is_of() {
    let place = Place::new();
    let beside = place.home().parent().expect("a parent").to_owned();
    let all = files();
    let server = Server::start(place.options());
    for (name, part) in [("a", 0..6), ("b", 6..12)] {
        let some: Vec<&(String, String)> = all[part].iter().collect();
        server.register(name, &write(&beside.join(name), &some));
    }
    let ask = |body: &Value| server.json("POST", "/v1/context", body).expect(200);
    let body = json!({ "query": "find the password and the packet", "budget_tokens": 1500 });
    let answer = ask(&body);
    let tokens = answer["tokens"].as_u64().expect("tokens");
    assert!(tokens > 0 && tokens <= 1500, "{answer}");
    let packed = text(&answer["text"]);
    assert!(packed.contains("## a: src/password.rs:"), "{packed}");
    assert!(packed.contains("## b: src/packet.rs:"), "{packed}");
    let blocks = answer["blocks"].as_array().expect("blocks");
    assert!(blocks.iter().any(|block| block["repo"] == "a"));
    assert!(blocks.iter().any(|block| block["repo"] == "b"));
    // What was sent is not sent again, whichever repository it is of.
    let ids: Vec<&Value> = blocks.iter().map(|block| &block["id"]).collect();
    let mut again = body.clone();
    again["exclude"] = json!(ids);
    let again = ask(&again);
    assert_eq!(again["not_excluded"], Value::Null, "{again}");
    for block in again["blocks"].as_array().expect("blocks") {
        assert!(!ids.contains(&&block["id"]), "{block}");
    }
    // Of one alone the name says nothing new, but the block carries it.
    let one = ask(&json!({ "query": "find the packet", "repos": ["b"], "format": "xml" }));
    assert!(
        text(&one["text"]).starts_with("<span path=\"src/packet.rs\""),
        "{one}"
    );
    assert_eq!(one["blocks"][0]["repo"], "b");
}

#[test]
fn related_tells_callers_callees_and_what_is_alike() {
    let place = Place::new();
    place.write(
        "src/auth/door.rs",
        "use crate::login;\n\n/// Opens the door for a user.\npub fn open_door(user: &str) {\n    login(user, \"x\");\n}\n",
    );
    let server = place.serve();
    let place = json!({ "repo": "shop", "path": "src/auth/login.rs", "line": 2, "k": 3 });
    let answer = server.json("POST", "/v1/related", &place).expect(200);
    assert_eq!(answer["of"]["symbol"], "login");
    assert_eq!(answer["of"]["repo"], "shop");
    assert_eq!(answer["callers"][0]["path"], "src/auth/door.rs");
    assert_eq!(answer["callers_complete"], true, "{answer}");
    for (body, status, kind) in [
        (
            json!({ "repo": "shop", "path": "none.rs", "line": 1 }),
            404,
            "unknown-place",
        ),
        (
            json!({ "repo": "shop", "path": "../../etc/passwd", "line": 1 }),
            404,
            "unknown-place",
        ),
        (
            json!({ "repo": "shop", "path": "/etc/passwd", "line": 1 }),
            404,
            "unknown-place",
        ),
        (
            json!({ "repo": "none", "path": "a", "line": 1 }),
            404,
            "unknown-repository",
        ),
        (
            json!({ "repo": "shop", "path": "README.md" }),
            422,
            "bad-query",
        ),
        (
            json!({ "repo": "shop", "path": "README.md", "line": 0 }),
            422,
            "bad-query",
        ),
        (
            json!({ "repo": "shop", "path": "", "line": 1 }),
            422,
            "bad-query",
        ),
        (
            json!({ "repo": "shop", "path": "a", "line": 1, "k": 0 }),
            422,
            "bad-query",
        ),
        (
            json!({ "repo": "shop", "path": "a", "line": 1, "x": 0 }),
            422,
            "bad-body",
        ),
    ] {
        server
            .json("POST", "/v1/related", &body)
            .problem(status, kind);
    }
    let body = json!({ "query": "login", "exclude": ["nonsense", "none.rs:1-2"] });
    let answer = server.json("POST", "/v1/context", &body).expect(200);
    assert_eq!(answer["not_excluded"], json!(["none.rs:1-2", "nonsense"]));
    for (body, kind) in [
        (json!({ "query": "login", "budget_tokens": 0 }), "bad-query"),
        (
            json!({ "query": "login", "budget_tokens": 100_001 }),
            "bad-query",
        ),
        (json!({ "query": "login", "format": "html" }), "bad-body"),
        (
            json!({ "query": "login", "exclude": vec!["a:1-2"; 501] }),
            "bad-query",
        ),
        (json!({ "query": "" }), "bad-query"),
    ] {
        server.json("POST", "/v1/context", &body).problem(422, kind);
    }
}
