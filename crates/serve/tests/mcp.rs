//! MCP over HTTP: each request for itself, behind the guards that all routes have.

use serde_json::{Value, json};

use wherein_serve::Tokens;

use crate::support::{Answer, Place, Server};

const ACCEPT: (&str, &str) = ("Accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn ask(server: &Server, headers: &[(&str, &str)], method: &str, params: &Value) -> Answer {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let headers = [&[ACCEPT, JSON], headers].concat();
    server.send("POST", "/mcp", &headers, body.to_string().as_bytes())
}

fn call(server: &Server, tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let answer = ask(server, &[], "tools/call", &params);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body_json()["result"].clone()
}

#[test]
fn the_tools_answer_about_what_is_registered() {
    let place = Place::new();
    let server = Server::start(place.options());
    server.register("shop", &place.repository());
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let welcome = ask(&server, &[], "initialize", &hello).body_json();
    assert_eq!(welcome["result"]["protocolVersion"], "2025-06-18");
    let listed = ask(&server, &[], "tools/list", &json!({})).body_json();
    assert_eq!(
        listed["result"]["tools"].as_array().expect("tools").len(),
        4
    );
    // Named, a repository that is not indexed yet is waited for.
    let found = call(
        &server,
        "search",
        &json!({"query": "login", "path": "shop"}),
    );
    assert_ne!(found["isError"], true, "{found}");
    let hits = &found["structuredContent"]["hits"];
    assert!(
        hits[0]["path"].as_str().expect("a path").contains("login"),
        "{found}"
    );
    let all = call(&server, "search", &json!({"query": "login"}));
    assert_eq!(all["structuredContent"]["hits"][0]["path"], hits[0]["path"]);
    let packed = call(
        &server,
        "context",
        &json!({"query": "login", "budget_tokens": 300}),
    );
    assert_ne!(packed["isError"], true, "{packed}");
    let state = call(&server, "status", &json!({}));
    assert_eq!(
        state["structuredContent"]["repositories"][0]["name"],
        "shop"
    );
    for (path, said) in [
        ("/etc", "in no repository"),
        ("../..", "no"),
        ("no-such-name", "no"),
    ] {
        let refused = call(&server, "search", &json!({"query": "login", "path": path}));
        let text = refused["content"][0]["text"].as_str().unwrap_or_default();
        let is_empty = refused["structuredContent"]["hits"] == json!([]);
        assert!(
            refused["isError"] == true && text.contains(said) || is_empty,
            "{path}: {refused}"
        );
    }
}

#[test]
fn guards_stand_before_it() {
    let place = Place::new();
    let mut options = place.options();
    options.tokens = Tokens::parse("0123456789abcdef").expect("tokens");
    let server = Server::start(options);
    let token = ("Authorization", "Bearer 0123456789abcdef");
    let ping = |headers: &[(&str, &str)]| ask(&server, headers, "ping", &json!({})).status;
    assert_eq!(ping(&[]), 401);
    assert_eq!(ping(&[("Authorization", "Bearer 0123456789abcdeg")]), 401);
    assert_eq!(ping(&[token]), 200);
    assert_eq!(ping(&[token, ("Origin", "http://evil.example")]), 403);
    // Clients that were refused look for a way to log in; there is none.
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let answer = server.send("GET", path, &[], b"");
        answer.problem(404, "unknown-route");
    }
    server
        .send("POST", "/register", &[JSON], b"{}")
        .problem(404, "unknown-route");
    server
        .send("GET", "/v1/repos", &[], b"")
        .problem(401, "unauthorized");
}

#[test]
fn what_is_no_message_is_refused() {
    let place = Place::new();
    let server = Server::start(place.options());
    let large = vec![b' '; 1 << 20];
    server
        .send("POST", "/mcp", &[ACCEPT, JSON], &large)
        .problem(413, "body-too-large");
    for body in ["", "{", "[]", "{}", "{\"jsonrpc\": \"2.0\"}"] {
        let answer = server.send("POST", "/mcp", &[ACCEPT, JSON], body.as_bytes());
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
    }
    assert_eq!(server.send("POST", "/mcp", &[JSON], b"{}").status, 406);
    assert_eq!(
        server
            .send("GET", "/mcp", &[("Accept", "text/event-stream")], b"")
            .status,
        405
    );
    let unknown = ask(&server, &[], "no/such", &json!({})).body_json();
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    // A request of the newest protocol says what it speaks in each message.
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "1999-01-01"});
    let old = ask(&server, &[], "tools/list", &json!({"_meta": meta}));
    assert!(old.body_json()["error"].is_object(), "{old:?}");
}
