//! What every answer carries: tags, ids, compression; and the routes of operation.

use serde_json::{Value, json};

use crate::support::{Answer, Place, Server, poll, text};

#[test]
fn same_answers_have_the_same_tag() {
    let place = Place::new();
    let server = place.serve();
    let tag = |query: &str| {
        let answer = server.search(&json!({ "query": query }));
        answer.expect(200);
        answer.header("etag").expect("a tag").to_owned()
    };
    let first = tag("where is the password checked");
    assert!(first.starts_with("W/\"") && first.len() > 20, "{first}");
    assert_eq!(first, tag("where is the password checked"));
    assert_ne!(first, tag("tax of an invoice"));
    place.write(
        "src/new.rs",
        "/// Checks the password twice.\npub fn check_twice() {}\n",
    );
    server.index("shop", &json!({}));
    assert_ne!(
        first,
        tag("where is the password checked"),
        "the generation is another"
    );
}

#[test]
fn what_does_not_change_is_not_sent_twice() {
    let place = Place::new();
    let server = Server::start(place.options());
    for path in ["/openapi.json", "/", "/page/style.css"] {
        let first = server.get(path);
        assert_eq!(first.status, 200, "{path}");
        let tag = first.header("etag").expect("a tag").to_owned();
        let again = server.send("GET", path, &[("If-None-Match", &tag)], b"");
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
}

#[test]
fn ids_of_requests_are_taken_over_or_made() {
    let place = Place::new();
    let server = Server::start(place.options());
    let id = |given: &[(&str, &str)]| {
        let answer = server.send("GET", "/healthz", given, b"");
        answer.header("x-request-id").expect("an id").to_owned()
    };
    assert_ne!(id(&[]), id(&[]));
    assert_eq!(id(&[("X-Request-Id", "build-7.a_b")]), "build-7.a_b");
    assert_ne!(id(&[("X-Request-Id", "no blanks")]), "no blanks");
    let long = "x".repeat(65);
    assert_ne!(id(&[("X-Request-Id", &long)]), long);
    let answer = server.send("GET", "/nothing", &[("X-Request-Id", "mine")], b"");
    answer.problem(404, "unknown-route");
    assert_eq!(answer.header("x-request-id"), Some("mine"));
}

#[test]
fn answers_are_compressed_for_those_who_take_it() {
    let place = Place::new();
    let server = place.serve();
    let body = json!({ "query": "login" }).to_string();
    let head = |accepts: &str| {
        let length = body.len();
        let request = format!(
            "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{accepts}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let bytes = server.raw_bytes(request.as_bytes());
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
        let (head, rest) = bytes.split_at(end.expect("a head"));
        let head = String::from_utf8(head.to_vec())
            .expect("text")
            .to_lowercase();
        (head, rest.to_vec())
    };
    let (plain, text) = head("");
    assert!(!plain.contains("content-encoding"), "{plain}");
    let (packed, bytes) = head("Accept-Encoding: gzip\r\n");
    assert!(packed.contains("content-encoding: gzip"), "{packed}");
    assert!(packed.contains("vary: accept-encoding"), "{packed}");
    assert!(bytes.len() < text.len());
    // A magic number of gzip, after the length of the chunk.
    assert!(bytes.windows(2).any(|part| part == [0x1f, 0x8b]));
    // What fails is packed too, and says so.
    let request = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Accept-Encoding: gzip\r\n\r\n";
    let bytes = server.raw_bytes(request.as_bytes());
    let said = String::from_utf8_lossy(&bytes).to_lowercase();
    let is_packed = bytes.windows(2).any(|part| part == [0x1f, 0x8b]);
    assert_eq!(said.contains("content-encoding: gzip"), is_packed, "{said}");
    // Events leave one by one.
    let job = server.index("shop", &json!({}));
    let path = format!("/v1/jobs/{}/events", text_of(&job));
    let events = server.send("GET", &path, &[("Accept-Encoding", "gzip")], b"");
    assert!(events.body.contains("event: done"), "{events:?}");
}

fn text_of(job: &Value) -> String {
    text(&job["id"])
}

#[test]
fn a_service_is_ready_when_its_indexes_are_open() {
    let place = Place::new();
    drop(place.serve());
    let server = Server::start(place.options());
    let mut seen = Vec::new();
    poll(|| {
        let answer = server.get("/readyz");
        seen.push(answer.status);
        if answer.status != 200 {
            let problem = answer.problem(503, "unavailable");
            assert!(
                text(&problem["detail"]).contains("of 1 repositories"),
                "{problem}"
            );
        }
        answer.status == 200
    });
    // Nobody has asked for it, and it is open.
    let metrics = server.get("/metrics").body;
    assert!(
        metrics.contains("wherein_repository_open{repo=\"shop\"} 1"),
        "{metrics}"
    );
    assert!(seen.ends_with(&[200]));
}

#[test]
fn metrics_count_what_happens() {
    let place = Place::new();
    let server = place.serve();
    for _ in 0..3 {
        server.search(&json!({ "query": "login" })).expect(200);
    }
    server
        .search(&json!({ "query": "" }))
        .problem(422, "bad-query");
    server.get("/nothing").problem(404, "unknown-route");
    let answer: Answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let has = |line: &str| assert!(answer.body.contains(line), "{line}\n{}", answer.body);
    has("wherein_requests_total{method=\"POST\",route=\"/v1/search\",status=\"200\"} 3");
    has("wherein_requests_total{method=\"POST\",route=\"/v1/search\",status=\"422\"} 1");
    has("wherein_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1");
    has("wherein_problems_total{problem=\"bad-query\"} 1");
    has("wherein_request_duration_seconds_count{route=\"/v1/search\"} 4");
    for stage in [
        "queue",
        "bring_in",
        "filter",
        "embed",
        "candidates",
        "rank",
        "condense",
        "verify",
        "show",
        "write",
    ] {
        let counted = format!("wherein_stage_duration_seconds_count{{stage=\"{stage}\"}}");
        has(&counted);
    }
    has("wherein_jobs_total{state=\"done\"} 1");
    has("wherein_jobs_waiting 0");
    has("wherein_repositories 1");
    has("wherein_repository_files{repo=\"shop\"} 6");
    has("wherein_build_info{version=\"");
    assert!(answer.body.ends_with("# EOF\n"));
    let number = |name: &str| -> f64 {
        let line = answer.body.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.rsplit(' ').next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    };
    assert!(number("process_resident_memory_bytes ") > 1e6);
    assert!(number("wherein_repository_index_bytes{") > 1000.0);
}

#[test]
fn the_page_comes_with_the_rules_that_it_keeps() {
    let place = Place::new();
    let server = Server::start(place.options());
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    // What it names is there, and nothing is of elsewhere.
    let mut named = 0;
    for part in page.body.split(['"', '\'']) {
        if part.starts_with("/page/") {
            assert_eq!(server.get(part).status, 200, "{part}");
            named += 1;
        }
        // The name of SVG is no address that is asked.
        let is_elsewhere = part.starts_with("http") && part != "http://www.w3.org/2000/svg";
        assert!(!is_elsewhere && !part.starts_with("//"), "{part}");
    }
    assert!(named >= 2);
    server.get("/page/none.js").problem(404, "unknown-route");
    server
        .get("/page/..%2findex.html")
        .problem(404, "unknown-route");
}
