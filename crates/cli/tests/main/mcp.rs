//! `wherein mcp`: what a client sees of it.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::mcp_client::{Client, hello, text};
use crate::program::Scratch;

fn paths(found: &Value) -> Vec<&str> {
    let hits = found["hits"].as_array().expect("hits");
    hits.iter()
        .map(|hit| hit["path"].as_str().expect("path"))
        .collect()
}

fn scratch() -> Scratch {
    Scratch::with(&[
        (
            "src/auth/login.rs",
            "/// Checks the password of a user and opens a session.\npub fn log_in(name: &str) -> bool {\n    check_password(name)\n}\n",
        ),
        (
            "src/auth/password.rs",
            "/// Compares the hash of a password with the stored one.\npub fn check_password(name: &str) -> bool {\n    !name.is_empty()\n}\n",
        ),
        (
            "src/net/pool.rs",
            "/// Keeps connections open for reuse.\npub struct ConnectionPool;\n\nfn idle() {\n    // check_password is not called here\n}\n",
        ),
    ])
}

#[test]
fn versions_old_and_new_are_agreed_on() {
    let scratch = scratch();
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
    ] {
        let client = Client::start(&scratch, &[], &scratch.repository(), &hello(asked));
        let said = &client.welcome["result"];
        assert_eq!(said["protocolVersion"], agreed, "{said}");
        assert_eq!(said["serverInfo"]["name"], "wherein");
        client.close();
    }
}

#[test]
fn clients_without_a_handshake_are_answered_too() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let discovered = client.request("server/discover", &json!({"_meta": meta}));
    let versions = discovered["result"]["supportedVersions"].to_string();
    assert!(versions.contains("2026-07-28"), "{discovered}");
    client.close();
}

#[test]
fn the_first_call_builds_the_index_and_answers() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let began = Instant::now();
    let parameters = json!({
        "name": "search",
        "arguments": {"query": "where is the password checked"},
        "_meta": {"progressToken": "p1"},
    });
    let answer = client.request("tools/call", &parameters);
    let result = &answer["result"];
    assert_ne!(result["isError"], true, "{answer}");
    let found = &result["structuredContent"];
    assert!(paths(found)[0].starts_with("src/auth/"), "{found}");
    // Text and structure tell the same.
    for hit in found["hits"].as_array().expect("hits") {
        let place = format!(
            "{}:{}-{}",
            hit["path"].as_str().expect("path"),
            hit["start_line"],
            hit["end_line"]
        );
        assert!(text(result).contains(&place), "{answer}");
        let code = hit["text"].as_str().expect("text").trim_end();
        assert!(text(result).contains(code), "{answer}");
    }
    assert_eq!(found["index"]["fresh"], true, "{found}");
    for note in &client.notes {
        assert_eq!(note["method"], "notifications/progress");
        assert_eq!(note["params"]["progressToken"], "p1");
    }
    eprintln!("answered after {:?}", began.elapsed());
    assert_eq!(client.close(), "");
}

#[test]
fn every_line_with_a_name_is_listed() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let found = client.found("search", &json!({"query": "check_password"}));
    assert_eq!(paths(&found)[0], "src/auth/password.rs");
    let expected = json!({
        "text": "check_password", "lines": 3, "files": 3, "complete": true,
        "places": [
            {"path": "src/auth/login.rs", "lines": [3]},
            {"path": "src/auth/password.rs", "lines": [2]},
            {"path": "src/net/pool.rs", "lines": [5]},
        ],
    });
    assert_eq!(found["exact"], expected);
    let below = client.found(
        "search",
        &json!({"query": "check_password", "path": "src/auth"}),
    );
    assert_eq!(below["exact"]["files"], 2, "{below}");
    let pattern = json!({"query": r"pub (fn|struct) \w+", "mode": "regex"});
    let pattern = client.found("search", &pattern);
    assert_eq!(pattern["exact"]["lines"], 3, "{pattern}");
    // A question in words names nothing exactly.
    let question = client.found("search", &json!({"query": "how are connections kept"}));
    assert!(question["exact"].is_null(), "{question}");
    client.close();
}

#[test]
fn a_second_call_brings_what_was_not_shown() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let query = json!({"query": "password", "limit": 1});
    let first = client.found("search", &query);
    let again = client.found("search", &query);
    assert_eq!(paths(&first), paths(&again));
    let more = json!({"query": "password", "limit": 1, "new_only": true});
    let second = client.found("search", &more);
    assert_ne!(paths(&first), paths(&second));
    let hit = &first["hits"][0];
    let known = format!(
        "{}:{}-{}",
        hit["path"].as_str().expect("path"),
        hit["start_line"],
        hit["end_line"]
    );
    let told = json!({"query": "password", "limit": 1, "exclude": [known]});
    assert_eq!(paths(&client.found("search", &told)), paths(&second));
    let packed = client.found(
        "context",
        &json!({"query": "password", "budget_tokens": 500}),
    );
    assert!(packed["tokens"].as_u64() <= Some(500), "{packed}");
    let id = packed["blocks"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(
        packed["blocks"][0]["text"].is_null(),
        "the text would be there twice"
    );
    let rest = json!({"query": "password", "budget_tokens": 500, "exclude": [id]});
    let rest = client.found("context", &rest);
    let left: Vec<&Value> = rest["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| &block["id"])
        .collect();
    assert!(!left.contains(&&packed["blocks"][0]["id"]), "{rest}");
    client.close();
}

#[test]
fn related_and_status_answer() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let found = client.found(
        "related",
        &json!({"file": "src/auth/password.rs", "line": 2}),
    );
    assert_eq!(found["callers"][0]["path"], "src/auth/login.rs", "{found}");
    assert_eq!(found["callers_complete"], true);
    let state = client.found("status", &json!({}));
    let state = &state["repositories"][0];
    assert_eq!(
        (&state["indexed"], &state["files"]),
        (&json!(true), &json!(3)),
        "{state}"
    );
    client.close();
}

#[test]
fn what_is_written_is_found_by_the_next_call() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    client.found("search", &json!({"query": "password"}));
    for number in 0..5 {
        let name = format!("brand_new_{number}");
        scratch.write(&format!("src/{name}.rs"), format!("pub fn {name}() {{}}\n"));
        let found = client.found("search", &json!({"query": name}));
        assert_eq!(paths(&found)[0], format!("src/{name}.rs"), "{found}");
    }
    client.close();
}

#[test]
fn what_is_wrong_is_said_with_what_is_right() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    for (tool, arguments, said) in [
        ("search", json!({}), "`query` is missing"),
        ("search", json!({"query": 7}), "expected a string"),
        (
            "search",
            json!({"query": "a", "file": "b"}),
            "unknown field `file`",
        ),
        (
            "search",
            json!({"query": "x".repeat(1 << 20)}),
            "at most 16384",
        ),
        (
            "search",
            json!({"query": "(", "mode": "regex"}),
            "not a regular expression",
        ),
        (
            "search",
            json!({"query": "a", "path": "no/such"}),
            "there is no folder",
        ),
        (
            "search",
            json!({"query": "a", "path": "src/net/pool.rs"}),
            "is a file",
        ),
        (
            "search",
            json!({"query": "a", "path": "/"}),
            "outside of what this server may read",
        ),
        (
            "search",
            json!({"query": "a", "path": "../.."}),
            "outside of what this server may read",
        ),
        (
            "context",
            json!({"query": "a", "budget_tokens": 0}),
            "give 1 to",
        ),
        (
            "related",
            json!({"file": "src/none.rs", "line": 1}),
            "no such file in the index",
        ),
        (
            "related",
            json!({"file": "src/net/pool.rs", "line": 0}),
            "lines count from 1",
        ),
    ] {
        let error = client.refused(tool, &arguments);
        assert!(error.contains(said), "{tool}: {error}");
    }
    let unknown = client.request("tools/call", &json!({"name": "grep", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert!(
        unknown["error"]["message"]
            .as_str()
            .expect("message")
            .contains("search, context")
    );
    // What is no message at all does not end the session.
    let input = client.input.as_mut().expect("open");
    input
        .write_all(b"this is not JSON\n{\"jsonrpc\": \"2.0\"}\n")
        .expect("writes");
    client.found("search", &json!({"query": "password"}));
    client.close();
}

#[test]
fn only_the_workspace_is_read_and_what_was_allowed() {
    let scratch = scratch();
    let other = scratch.home().join("other");
    std::fs::create_dir_all(&other).expect("creates");
    std::fs::write(other.join("far.rs"), "pub fn far_away() {}\n").expect("writes");
    let asked = json!({"query": "far_away", "path": other.to_string_lossy()});
    let mut client = Client::of(&scratch);
    assert!(client.refused("search", &asked).contains("--allow"));
    client.close();
    let allow = ["--allow", &other.to_string_lossy()];
    let mut client = Client::start(
        &scratch,
        &allow,
        &scratch.repository(),
        &hello("2025-06-18"),
    );
    let found = client.found("search", &asked);
    assert_eq!(paths(&found), ["far.rs"]);
    client.close();
    // A link out of the workspace leads out of it.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&other, scratch.repository().join("link")).expect("links");
        let mut client = Client::of(&scratch);
        let said = client.refused("search", &json!({"query": "far_away", "path": "link"}));
        assert!(
            said.contains("outside of what this server may read"),
            "{said}"
        );
        client.close();
    }
}

#[test]
fn the_client_says_what_it_works_on() {
    let scratch = scratch();
    // Started in the folder of the person, as some clients do.
    let here = scratch.repository().parent().expect("parent").to_owned();
    let mut client = Client::start(&scratch, &[], &here, &hello("2025-06-18"));
    let said = client.refused("search", &json!({"query": "password"}));
    assert!(said.contains("wherein mcp PATH"), "{said}");
    client.close();
    let mut with_roots = hello("2025-06-18");
    with_roots["capabilities"] = json!({"roots": {}});
    let mut client = Client::start(&scratch, &[], &here, &with_roots);
    let parameters = json!({"name": "search", "arguments": {"query": "password"}});
    let id = client.ask("tools/call", &parameters);
    let asked = client.receive();
    assert_eq!(asked["method"], "roots/list", "{asked}");
    let uri = format!("file://{}", scratch.repository().display());
    client.send(&json!({
        "jsonrpc": "2.0", "id": asked["id"], "result": {"roots": [{"uri": uri}]},
    }));
    let answer = client.answer(id);
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    let repository = scratch.repository().canonicalize().expect("exists");
    let index = &answer["result"]["structuredContent"]["index"];
    assert_eq!(index["repo"], repository.to_string_lossy().as_ref());
    client.close();
}

/// Enough files that a build takes a while.
fn large() -> Scratch {
    let scratch = Scratch::new();
    for number in 0..1500 {
        let mut text = String::new();
        for function in 0..60 {
            let function = format!(
                "/// Handles the case {number} of kind {function} with some words more.\npub fn handle_{number}_{function}(value: usize) -> usize {{\n    value + {function}\n}}\n\n"
            );
            text.push_str(&function);
        }
        if number == 1400 {
            text.push_str("/// Melts the polar glacier.\npub fn melt_glacier() {}\n");
        }
        scratch.write(&format!("src/part_{}/file_{number}.rs", number % 40), text);
    }
    scratch
}

#[test]
fn the_first_answer_comes_before_all_is_indexed_and_cancelling_stops_the_build() {
    let scratch = large();
    let mut client = Client::of(&scratch);
    let parameters = json!({
        "name": "search",
        "arguments": {"query": "melt the glacier", "limit": 1},
        "_meta": {"progressToken": 7},
    });
    // Given up at once: what was done is kept, and nothing goes on.
    let id = client.ask("tools/call", &parameters);
    client.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": id, "reason": "not needed"},
    }));
    let state = client.found("status", &json!({}));
    assert!(
        state["repositories"][0]["files"].as_u64() < Some(1500),
        "{state}"
    );
    let answer = client.request("tools/call", &parameters);
    let found = &answer["result"]["structuredContent"];
    assert_eq!(paths(found), ["src/part_0/file_1400.rs"], "{answer}");
    if found["index"]["fresh"] == false {
        assert!(
            found["index"]["pending_files"].as_u64() > Some(0),
            "{found}"
        );
        assert!(
            text(&answer["result"]).contains("is being built"),
            "{answer}"
        );
    }
    assert!(!client.notes.is_empty(), "no progress was told");
    for note in &client.notes {
        assert_eq!(note["method"], "notifications/progress", "{note}");
        assert_eq!(note["params"]["progressToken"], 7, "{note}");
    }
    // The rest follows.
    let began = Instant::now();
    loop {
        let found = client.found("search", &json!({"query": "melt the glacier", "limit": 1}));
        if found["index"]["fresh"] == true {
            break;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{found}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let state = client.found("status", &json!({}));
    assert_eq!(state["repositories"][0]["files"], 1500, "{state}");
    client.close();
}

#[test]
fn a_client_that_goes_away_leaves_a_whole_index() {
    let scratch = large();
    let mut client = Client::of(&scratch);
    client.ask(
        "tools/call",
        &json!({"name": "search", "arguments": {"query": "melt the glacier"}}),
    );
    std::thread::sleep(Duration::from_millis(600));
    client.close();
    let check = scratch.run(&["doctor", "--check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert_eq!(
        scratch.paths(&["melt the glacier", "-k", "1"]),
        ["src/part_0/file_1400.rs"]
    );
}

#[test]
fn several_sessions_share_one_index_and_one_of_them_writes() {
    let scratch = scratch();
    let mut clients: Vec<Client> = (0..5).map(|_| Client::of(&scratch)).collect();
    let search = json!({"name": "search", "arguments": {"query": "password"}});
    // All at once, with no index yet.
    let asked: Vec<u64> = clients
        .iter_mut()
        .map(|one| one.ask("tools/call", &search))
        .collect();
    for (client, id) in clients.iter_mut().zip(asked) {
        let answer = client.answer(id);
        assert_ne!(answer["result"]["isError"], true, "{answer}");
    }
    scratch.write("src/late.rs", "pub fn arrives_late() {}\n");
    for client in &mut clients {
        let began = Instant::now();
        loop {
            let found = client.found("search", &json!({"query": "arrives_late"}));
            if paths(&found).first() == Some(&"src/late.rs") {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{found}");
        }
    }
    for client in clients {
        client.close();
    }
}

#[test]
fn answers_stay_short() {
    let scratch = Scratch::new();
    for number in 0..60 {
        let body = "    let value = compute_checksum(value) ^ rotate_left(value, 7);\n".repeat(17);
        scratch.write(
            &format!("src/file_{number}.rs"),
            format!(
                "pub fn checksum_{number}(value: u64) -> u64 {{\n{body}    value + {number}\n}}\n"
            ),
        );
    }
    scratch.write(
        "src/endless.rs",
        format!(
            "pub const CHECKSUM: &str = \"{}\";\n",
            "checksum ".repeat(9000)
        ),
    );
    let mut client = Client::of(&scratch);
    for limit in [6, 50] {
        let result = client.call(
            "search",
            &json!({"query": "how is the checksum computed", "limit": limit}),
        );
        assert_ne!(result["isError"], true, "{result}");
        // Four characters are a token, roughly; the bound is 9,000 in all.
        let all = result.to_string().len();
        assert!(all < 45_000, "{limit}: {all} characters");
    }
    client.close();
}

#[test]
fn who_stands_in_a_folder_works_on_the_whole_checkout() {
    let scratch = scratch();
    scratch.git(&["init", "-q"]);
    let here = scratch.repository().join("src/net");
    let mut client = Client::start(&scratch, &[], &here, &hello("2025-06-18"));
    let result = client.call("search", &json!({"query": "check_password"}));
    assert_eq!(
        paths(&result["structuredContent"])[0],
        "src/auth/password.rs"
    );
    // What the paths are relative to is not where the client stands.
    let root = scratch.repository().canonicalize().expect("exists");
    let note = format!("[Paths are relative to {}.]", root.display());
    assert!(text(&result).ends_with(&note), "{result}");
    client.close();
    let mut client = Client::of(&scratch);
    let result = client.call("search", &json!({"query": "check_password"}));
    assert!(!text(&result).contains("relative to"), "{result}");
    client.close();
}

#[test]
fn a_server_for_one_folder_tells_of_nothing_else() {
    let scratch = scratch();
    // The whole is indexed; the server is for a part of it.
    scratch.json(&["index"]);
    let here = scratch.repository();
    let mut client = Client::start(&scratch, &["src/net"], &here, &hello("2025-06-18"));
    let found = client.found("search", &json!({"query": "check_password"}));
    assert!(
        paths(&found)
            .iter()
            .all(|path| path.starts_with("src/net/")),
        "{found}"
    );
    assert_eq!(found["exact"]["files"], 1, "{found}");
    for path in ["../auth", "src/auth", ".."] {
        let said = client.refused("search", &json!({"query": "password", "path": path}));
        assert!(
            said.contains("outside of") || said.contains("no folder"),
            "{said}"
        );
    }
    let place = json!({"file": "src/auth/password.rs", "line": 2});
    let said = client.refused("related", &place);
    assert!(said.contains("outside of the folder"), "{said}");
    client.close();
}

#[test]
fn what_changed_since_it_was_shown_is_shown_again() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let more = json!({"query": "check_password", "limit": 1, "new_only": true});
    assert_eq!(
        paths(&client.found("search", &more)),
        ["src/auth/password.rs"]
    );
    assert_ne!(
        paths(&client.found("search", &more)),
        ["src/auth/password.rs"]
    );
    scratch.write(
        "src/auth/password.rs",
        "/// Compares the hash of a password.\npub fn check_password(name: &str) -> bool {\n    name.len() > 3\n}\n",
    );
    assert_eq!(
        paths(&client.found("search", &more)),
        ["src/auth/password.rs"]
    );
    client.close();
}

#[test]
fn a_call_that_is_given_up_and_made_again_is_answered() {
    let scratch = large();
    let mut client = Client::of(&scratch);
    let search = json!({"name": "search", "arguments": {"query": "melt the glacier", "limit": 1}});
    for wait in [0, 100, 400, 900] {
        let id = client.ask("tools/call", &search);
        std::thread::sleep(Duration::from_millis(wait));
        client.send(&json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id},
        }));
        let answer = client.request("tools/call", &search);
        let found = &answer["result"]["structuredContent"];
        let is_there = paths(found) == ["src/part_0/file_1400.rs"];
        // What is not in yet is never passed over in silence.
        assert!(
            is_there || found["index"]["fresh"] == false,
            "{wait}: {answer}"
        );
        if found["index"]["fresh"] == false {
            assert!(
                text(&answer["result"]).contains("being built"),
                "{wait}: {answer}"
            );
        }
    }
    client.close();
}

#[test]
fn a_list_is_not_called_complete_where_it_may_not_be() {
    let scratch = scratch();
    let mut client = Client::of(&scratch);
    let of =
        |client: &mut Client, arguments: Value| client.found("search", &arguments)["exact"].clone();
    let whole = of(&mut client, json!({"query": "check_password"}));
    assert_eq!(whole["complete"], true, "{whole}");
    // Chunks of one kind are looked at, and lines are told of whole files.
    let kinds = of(
        &mut client,
        json!({"query": "check_password", "kinds": ["function"]}),
    );
    assert_eq!(kinds["complete"], false, "{kinds}");
    // A match over several lines hides others.
    let over = of(
        &mut client,
        json!({"query": "password[^#]*password", "mode": "regex"}),
    );
    assert_eq!(over["complete"], false, "{over}");
    client.close();
}
