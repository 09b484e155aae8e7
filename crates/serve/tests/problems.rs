//! Every way to fail, and the problem document that answers it.

use serde_json::{Value, json};

use crate::support::{Place, Server, text};

#[test]
fn bodies_that_are_no_search_are_refused() {
    let place = Place::new();
    let server = Server::start(place.options());
    let json_type = ("Content-Type", "application/json");
    for (body, status, kind) in [
        ("", 400, "bad-json"),
        ("{", 400, "bad-json"),
        ("{\"query\": \"a\"} {}", 400, "bad-json"),
        ("{\"query\": \"a\",}", 400, "bad-json"),
        ("\u{0}", 400, "bad-json"),
        ("{}", 422, "bad-body"),
        ("[]", 422, "bad-body"),
        ("[\"a\", null, null, null, null, null]", 422, "bad-body"),
        ("{\"query\": \"a\", \"k\": 1.5}", 422, "bad-body"),
        ("{\"query\": \"a\", \"filters\": []}", 422, "bad-body"),
        (
            "{\"query\": \"a\", \"filters\": [null, null]}",
            422,
            "bad-body",
        ),
        ("null", 422, "bad-body"),
        ("{\"query\": 7}", 422, "bad-body"),
        ("{\"query\": null}", 422, "bad-body"),
        ("{\"query\": \"a\", \"query\": \"b\"}", 422, "bad-body"),
        ("{\"query\": \"a\", \"limit\": 3}", 422, "bad-body"),
        ("{\"query\": \"a\", \"k\": -1}", 422, "bad-body"),
        ("{\"query\": \"a\", \"k\": \"3\"}", 422, "bad-body"),
        ("{\"query\": \"a\", \"k\": 1e300}", 422, "bad-body"),
        ("{\"query\": \"a\", \"mode\": \"magic\"}", 422, "bad-body"),
        ("{\"query\": \"a\", \"repos\": \"shop\"}", 422, "bad-body"),
        (
            "{\"query\": \"a\", \"filters\": {\"kinds\": [\"spell\"]}}",
            422,
            "bad-body",
        ),
        (
            "{\"query\": \"a\", \"filters\": {\"language\": []}}",
            422,
            "bad-body",
        ),
    ] {
        let answer = server.send("POST", "/v1/search", &[json_type], body.as_bytes());
        answer.problem(status, kind);
    }
    let deep = format!("{{\"query\": {}", "[".repeat(10_000));
    server
        .send("POST", "/v1/search", &[json_type], deep.as_bytes())
        .problem(422, "bad-body");
    let bytes = b"{\"query\": \"\xff\xfe\"}";
    server
        .send("POST", "/v1/search", &[json_type], bytes)
        .problem(400, "bad-json");
    for headers in [
        &[][..],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &[json_type, json_type],
    ] {
        let answer = server.send("POST", "/v1/search", headers, b"{\"query\": \"a\"}");
        answer.problem(415, "unsupported-media-type");
    }
    let with_charset = [("Content-Type", "Application/JSON; charset=utf-8")];
    let answer = server.send("POST", "/v1/search", &with_charset, b"{\"query\": \"a\"}");
    answer.problem(409, "not-indexed");
}

#[test]
fn queries_that_break_a_rule_are_refused() {
    let place = Place::new();
    let server = place.serve();
    let many: Vec<String> = (0..65).map(|number| format!("f{number}")).collect();
    let kinds = vec!["function"; 65];
    for (body, kind, said) in [
        (json!({ "query": "" }), "bad-query", "empty"),
        (json!({ "query": " \n\t" }), "bad-query", "empty"),
        (json!({ "query": "x".repeat(16_385) }), "bad-query", "16385"),
        (json!({ "query": "a", "k": 0 }), "bad-query", "k is 0"),
        (json!({ "query": "a", "k": 1001 }), "bad-query", "1001"),
        (
            json!({ "query": "(", "mode": "regex" }),
            "bad-query",
            "regular expression",
        ),
        (json!({ "query": "a", "repos": many }), "bad-query", "65"),
        (
            json!({ "query": "a", "filters": { "languages": ["klingon"] } }),
            "bad-filter",
            "klingon",
        ),
        (
            json!({ "query": "a", "filters": { "languages": ["klingon"] } }),
            "bad-filter",
            "python",
        ),
        (
            json!({ "query": "a", "filters": { "languages": vec!["rust"; 65] } }),
            "bad-filter",
            "65",
        ),
        (
            json!({ "query": "a", "filters": { "paths": many } }),
            "bad-filter",
            "65",
        ),
        (
            json!({ "query": "a", "filters": { "kinds": kinds } }),
            "bad-query",
            "65",
        ),
        (
            json!({ "query": "a", "filters": { "paths": ["a[b"] } }),
            "bad-query",
            "a[b",
        ),
        (
            json!({ "query": "a", "filters": { "paths": [""] } }),
            "bad-filter",
            "0 characters",
        ),
        (
            json!({ "query": "a", "filters": { "paths": ["x".repeat(1025)] } }),
            "bad-filter",
            "1025",
        ),
        (
            json!({ "query": "a", "filters": { "changed_since": "" } }),
            "bad-query",
            "revision",
        ),
    ] {
        let problem = server.search(&body).problem(422, kind);
        let detail = text(&problem["detail"]);
        assert!(detail.contains(said), "{detail}");
        assert!(detail.len() < 4096);
    }
    server
        .search(&json!({ "query": "a", "k": 2.0 }))
        .expect(200);
    let longest = json!({ "query": "x".repeat(16_384), "k": 1000 });
    server.search(&longest).expect(200);
    let unknown = json!({ "query": "a", "repos": ["shop", "nope"] });
    let problem = server.search(&unknown).problem(404, "unknown-repository");
    assert!(text(&problem["detail"]).contains("nope"));
}

#[test]
fn a_revision_that_is_none_is_refused() {
    let place = Place::new();
    let server = place.serve();
    let since = |revision: &str| {
        let query = json!({ "query": "a", "filters": { "changed_since": revision } });
        server.search(&query).problem(409, "unknown-revision")
    };
    assert!(text(&since("HEAD")["detail"]).contains("does not lie in a git repository"));
}

#[test]
fn routes_and_methods_that_are_none_are_refused() {
    let place = Place::new();
    let server = Server::start(place.options());
    for path in [
        "/v1",
        "/v1/search/",
        "/v2/search",
        "/v1/repos/a/b",
        "//v1/search",
        "/etc/passwd",
        "/../x",
    ] {
        server.get(path).problem(404, "unknown-route");
    }
    for (method, path, allowed) in [
        ("GET", "/v1/search", "POST"),
        ("OPTIONS", "/v1/search", "POST"),
        ("TRACE", "/v1/search", "POST"),
        ("BREW", "/v1/search", "POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("PATCH", "/v1/repos/x", "GET,HEAD,PUT,DELETE"),
    ] {
        let answer = server.send(method, path, &[], b"");
        answer.problem(405, "wrong-method");
        let mut given: Vec<&str> = answer
            .header("allow")
            .expect("Allow")
            .split(',')
            .map(str::trim)
            .collect();
        let mut allowed: Vec<&str> = allowed.split(',').collect();
        given.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(given, allowed, "{method} {path}");
    }
    for (path, status) in [("/healthz", "200 OK"), ("/nothing", "404 Not Found")] {
        let answer = server.raw_text(&format!("HEAD {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"));
        assert!(
            answer.starts_with(&format!("HTTP/1.0 {status}\r\n")),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
    }
}

#[test]
fn names_paths_and_ids_that_are_none_are_refused() {
    let place = Place::new();
    let server = Server::start(place.options());
    let body = json!({ "path": place.repository() });
    let long = "x".repeat(65);
    for name in ["a%20b", "a%2Fb", "%2e%2e", "%C3%A4", "a%00b", long.as_str()] {
        let path = format!("/v1/repos/{name}");
        server.json("PUT", &path, &body).problem(422, "bad-name");
        server.get(&path).problem(422, "bad-name");
        server
            .send("DELETE", &path, &[], b"")
            .problem(422, "bad-name");
    }
    server.get("/v1/repos/%FF").problem(400, "bad-request");
    for path in [
        json!("relative/folder"),
        json!(""),
        json!("/nul\u{0}byte"),
        json!(format!("/{}", "x".repeat(5000))),
    ] {
        let body = json!({ "path": path });
        server
            .json("PUT", "/v1/repos/x", &body)
            .problem(422, "bad-path");
    }
    let file = place.repository().join("README.md");
    for path in [json!("/no/such/folder/anywhere"), json!(file), json!("/")] {
        let body = json!({ "path": path });
        server
            .json("PUT", "/v1/repos/x", &body)
            .problem(409, "no-folder");
    }
    server
        .json("PUT", "/v1/repos/x", &json!({ "path": 7 }))
        .problem(422, "bad-body");
    server
        .json("PUT", "/v1/repos/x", &json!({ "path": "/", "name": "x" }))
        .problem(422, "bad-body");
    for path in ["/v1/repos/x", "/v1/repos/x/index"] {
        let method = if path.ends_with('x') && !path.ends_with("index") {
            "GET"
        } else {
            "POST"
        };
        server
            .send(method, path, &[], b"")
            .problem(404, "unknown-repository");
    }
    for path in ["/v1/jobs/none", "/v1/jobs/none/events", "/v1/jobs/1-1"] {
        server.get(path).problem(404, "unknown-job");
    }
    assert_eq!(server.get("/v1/repos").expect(200)["repos"], json!([]));
}

#[test]
fn requests_to_index_are_strict_but_need_no_body() {
    let place = Place::new();
    let server = place.serve();
    let path = "/v1/repos/shop/index";
    let job = server.send("POST", path, &[], b"").expect(202);
    server.finish(&job);
    for body in [
        Value::Null,
        json!({}),
        json!({ "full": null, "paths": null }),
    ] {
        server.json("POST", path, &body).expect(202);
    }
    for paths in [
        json!(["../x"]),
        json!(["/etc/passwd"]),
        json!([""]),
        json!(["a/../../b"]),
        json!(["a\u{0}"]),
    ] {
        server
            .json("POST", path, &json!({ "paths": paths }))
            .problem(422, "bad-path");
    }
    server
        .json("POST", path, &json!([null, null]))
        .problem(422, "bad-body");
    server
        .json("POST", path, &json!({ "paths": vec!["a"; 257] }))
        .problem(422, "bad-path");
    server
        .json("POST", path, &json!({ "full": "yes" }))
        .problem(422, "bad-body");
    server
        .json("POST", path, &json!({ "fill": true }))
        .problem(422, "bad-body");
    server
        .send("POST", path, &[], b"{}")
        .problem(415, "unsupported-media-type");
}

#[test]
fn other_hosts_and_sites_are_refused_on_every_route() {
    let place = Place::new();
    let server = Server::start(place.options());
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/v1/repos",
        "/v1/search",
        "/nothing",
    ] {
        for host in [
            "evil.example",
            "evil.example:7717",
            "localhost.evil.example",
            "10.1.2.3",
        ] {
            server
                .send("GET", path, &[("Host", host)], b"")
                .problem(421, "foreign-host");
        }
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:1",
            "https://127.0.0.1",
        ] {
            server
                .send("GET", path, &[("Origin", origin)], b"")
                .problem(403, "foreign-origin");
        }
    }
    let own = format!("http://{}", server.address);
    server
        .send("GET", "/healthz", &[("Origin", &own)], b"")
        .expect(200);
    let port = server.address.port();
    for host in [
        "localhost".to_owned(),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        "127.0.0.1".to_owned(),
    ] {
        server
            .send("GET", "/healthz", &[("Host", &host)], b"")
            .expect(200);
    }
    server
        .raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        .problem(400, "bad-request");
    server
        .raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        .problem(400, "bad-request");
    let two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n";
    server.raw(two).problem(400, "bad-request");
    let absolute = b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    server.raw(absolute).problem(421, "foreign-host");
}
