//! Tokens: what each may do, and which repositories exist for it.

use serde_json::{Value, json};
use wherein_serve::Tokens;

use crate::support::{Answer, Place, Server, text};

const ADMIN: &str = "admin-admin-admin";
const READER: &str = "reader-reader-reader";
const SHOPPER: &str = "shopper-shopper-shopper";
const KEEPER: &str = "keeper-keeper-keeper";

fn guarded(place: &Place) -> Server {
    let mut options = place.options();
    let lines = format!("{ADMIN}\n{READER} read\n{SHOPPER} read shop\n{KEEPER} admin other,new\n");
    options.tokens = Tokens::parse(&lines).expect("tokens");
    Server::start(options)
}

fn ask(server: &Server, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    server.send(method, path, &headers, body.as_bytes())
}

fn finish(server: &Server, job: &Value) {
    let path = format!("/v1/jobs/{}", text(&job["id"]));
    crate::support::poll(|| {
        ask(server, ADMIN, "GET", &path, &Value::Null).expect(200)["state"] == "done"
    });
}

#[test]
fn a_token_opens_what_its_line_says() {
    let place = Place::new();
    let other = place.home().parent().expect("a parent").join("other");
    std::fs::create_dir_all(&other).expect("creates");
    std::fs::write(
        other.join("bank.py"),
        "def login(account):\n    return account\n",
    )
    .expect("writes");
    let server = guarded(&place);
    for (name, path) in [("shop", place.repository()), ("other", other.clone())] {
        let path = json!({ "path": path });
        let state = ask(&server, ADMIN, "PUT", &format!("/v1/repos/{name}"), &path).expect(201);
        finish(&server, &state["job"]);
    }
    let names = |token: &str| -> Vec<String> {
        let list = ask(&server, token, "GET", "/v1/repos", &Value::Null).expect(200);
        let repos = list["repos"].as_array().expect("repos");
        repos.iter().map(|repo| text(&repo["name"])).collect()
    };
    assert_eq!(names(ADMIN), ["other", "shop"]);
    assert_eq!(names(READER), ["other", "shop"]);
    assert_eq!(names(SHOPPER), ["shop"]);
    assert_eq!(names(KEEPER), ["other"]);

    let found = |token: &str| -> Vec<String> {
        let query = json!({ "query": "login" });
        let answer = ask(&server, token, "POST", "/v1/search", &query).expect(200);
        let hits = answer["hits"].as_array().expect("hits");
        let mut repos: Vec<String> = hits.iter().map(|hit| text(&hit["repo"])).collect();
        repos.sort();
        repos.dedup();
        repos
    };
    assert_eq!(found(READER), ["other", "shop"]);
    assert_eq!(found(SHOPPER), ["shop"]);
    // What it does not open does not exist for it.
    for (path, body) in [
        (
            "/v1/search",
            json!({ "query": "login", "repos": ["other"] }),
        ),
        (
            "/v1/context",
            json!({ "query": "login", "repos": ["other"] }),
        ),
        (
            "/v1/related",
            json!({ "repo": "other", "path": "bank.py", "line": 1 }),
        ),
    ] {
        ask(&server, SHOPPER, "POST", path, &body).problem(404, "unknown-repository");
        ask(&server, READER, "POST", path, &body).expect(200);
    }
    let metrics = ask(&server, SHOPPER, "GET", "/metrics", &Value::Null);
    assert!(metrics.body.contains("repo=\"shop\"") && !metrics.body.contains("repo=\"other\""));
}

#[test]
fn what_changes_something_needs_an_admin() {
    let place = Place::new();
    let server = guarded(&place);
    let path = json!({ "path": place.repository() });
    let state = ask(&server, ADMIN, "PUT", "/v1/repos/shop", &path).expect(201);
    finish(&server, &state["job"]);
    let job = format!("/v1/jobs/{}", text(&state["job"]["id"]));
    let cancel = format!("{job}/cancel");
    for (method, path, body) in [
        ("PUT", "/v1/repos/more", path.clone()),
        ("DELETE", "/v1/repos/shop", Value::Null),
        ("POST", "/v1/repos/shop/index", json!({})),
        ("POST", cancel.as_str(), Value::Null),
    ] {
        ask(&server, READER, method, path, &body).problem(403, "scope");
        // The body is not looked at before that.
        ask(&server, READER, method, path, &json!([])).problem(403, "scope");
    }
    ask(&server, READER, "GET", &job, &Value::Null).expect(200);
    // An admin of some repositories is one of no others.
    ask(&server, KEEPER, "PUT", "/v1/repos/more", &path).problem(403, "scope");
    ask(&server, KEEPER, "POST", "/v1/repos/shop/index", &json!({}))
        .problem(404, "unknown-repository");
    ask(&server, KEEPER, "GET", &job, &Value::Null).problem(404, "unknown-job");
    // Nor may it name another folder as one of its own.
    ask(&server, KEEPER, "PUT", "/v1/repos/new", &path).problem(403, "scope");
    ask(&server, ADMIN, "PUT", "/v1/repos/new", &path).expect(201);
    ask(&server, KEEPER, "PUT", "/v1/repos/new", &path).expect(200);
    let elsewhere = json!({ "path": place.home() });
    ask(&server, KEEPER, "PUT", "/v1/repos/new", &elsewhere).problem(403, "scope");
    ask(&server, KEEPER, "POST", "/v1/repos/new/index", &json!({})).expect(202);
    assert_eq!(
        ask(&server, KEEPER, "DELETE", "/v1/repos/new", &Value::Null).status,
        204
    );
}

#[test]
fn mcp_sees_what_the_token_opens() {
    let place = Place::new();
    let server = guarded(&place);
    let path = json!({ "path": place.repository() });
    let state = ask(&server, ADMIN, "PUT", "/v1/repos/shop", &path).expect(201);
    finish(&server, &state["job"]);
    let call = |token: &str| -> Value {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        let message = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "search", "arguments": { "query": "login", "path": "shop" } }
        });
        let answer = server.send("POST", "/mcp", &headers, message.to_string().as_bytes());
        answer.expect(200)["result"].clone()
    };
    assert_ne!(call(SHOPPER)["isError"], true);
    let refused = call(KEEPER);
    assert_eq!(refused["isError"], true);
    assert!(!refused.to_string().contains("login.rs"), "{refused}");
}

#[test]
fn pages_that_the_settings_name_may_ask() {
    let place = Place::new();
    let mut options = place.options();
    options.tokens = Tokens::parse(ADMIN).expect("tokens");
    options.settings.serve.origins = vec!["https://portal.example".to_owned()];
    let server = Server::start(options);
    let ours = ("Origin", "https://portal.example");
    // A browser asks first, and sends no token with that.
    let first = server.send(
        "OPTIONS",
        "/v1/search",
        &[ours, ("Access-Control-Request-Method", "POST")],
        b"",
    );
    assert_eq!(first.status, 204, "{first:?}");
    let allowed = first.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://portal.example"));
    let headers = first.header("access-control-allow-headers");
    assert!(headers.is_some_and(|headers| headers.contains("authorization")));
    // What is refused can be read by the page too.
    let refused = server.send("GET", "/v1/repos", &[ours], b"");
    refused.problem(401, "unauthorized");
    assert!(refused.header("access-control-allow-origin").is_some());
    let bearer = format!("Bearer {ADMIN}");
    let token = ("Authorization", bearer.as_str());
    let answer = server.send("GET", "/v1/repos", &[ours, token], b"");
    answer.expect(200);
    assert!(answer.header("access-control-allow-origin").is_some());
    for origin in ["https://other.example", "http://portal.example", "null"] {
        let answer = server.send("OPTIONS", "/v1/search", &[("Origin", origin), token], b"");
        answer.problem(403, "foreign-origin");
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}
