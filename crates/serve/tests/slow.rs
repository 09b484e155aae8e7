//! Clients that are slow, many, or gone; bodies that are not what they say; folders that
//! vanish.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Place, Server, poll};

#[test]
fn one_that_takes_nothing_of_its_answer_is_dropped() {
    let place = Place::new();
    for number in 0..80 {
        let body = format!("pub fn same_{number}() {{}}\n").repeat(400);
        place.write(&format!("more/{number}.rs"), &body);
    }
    let mut options = place.options();
    options.settings.serve.stalled_seconds = 1;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    let body = json!({ "query": "same", "k": 1000, "explain": true }).to_string();
    let request = format!(
        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = server.connect();
    // More answers than all buffers on the way hold.
    for _ in 0..60 {
        if stream.write_all(request.as_bytes()).is_err() {
            break;
        }
    }
    let dropped = || {
        server
            .get("/metrics")
            .body
            .contains("wherein_connections_dropped_total 1")
    };
    poll(dropped);
    server.get("/healthz").expect(200);
    // It sees an end.
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("timeout");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn a_connection_too_many_is_told_so() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.max_connections = 3;
    let server = Server::start(options);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect();
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).expect("writes");
        let mut reader = BufReader::new(stream);
        assert_eq!(Answer::read_next(&mut reader).status, 200);
        held.push(reader);
    }
    let answer = server.get("/healthz");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(
        answer.body_json()["type"],
        "urn:wherein:problem:unavailable"
    );
    held.pop();
    poll(|| server.get("/healthz").status == 200);
}

#[test]
fn streams_of_events_have_a_bound() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.max_streams = 0;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    let job = server.index("shop", &json!({}));
    let id = crate::support::text(&job["id"]);
    server
        .get(&format!("/v1/jobs/{id}/events"))
        .problem(429, "overloaded");
}

#[test]
fn a_packed_body_is_not_unpacked() {
    let place = Place::new();
    let server = place.serve();
    // The head of a gzip file; what it would unpack to is of no interest.
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0];
    for encoding in ["gzip", "br", "gzip, gzip"] {
        let headers = [
            ("Content-Type", "application/json"),
            ("Content-Encoding", encoding),
        ];
        for path in ["/v1/search", "/v1/repos/shop/index"] {
            let answer = server.send("POST", path, &headers, &packed);
            answer.problem(415, "unsupported-media-type");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
        }
    }
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "identity"),
    ];
    let answer = server.send("POST", "/v1/search", &headers, b"{\"query\": \"login\"}");
    answer.expect(200);
}

#[test]
fn half_open_connections_stop_nobody() {
    let place = Place::new();
    let server = place.serve();
    let mut held = Vec::new();
    for number in 0..60 {
        let mut stream = server.connect();
        let part: &[u8] = match number % 3 {
            0 => b"",
            1 => b"POST /v1/sea",
            _ => b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        };
        stream.write_all(part).expect("writes");
        held.push(stream);
    }
    let began = Instant::now();
    assert!(!server.paths("login").is_empty());
    assert!(began.elapsed() < Duration::from_secs(20));
    drop(held);
}

#[test]
fn a_folder_that_is_moved_away_and_comes_back() {
    let place = Place::new();
    let server = place.serve();
    assert!(!server.paths("login").is_empty());
    let away = place.home().parent().expect("a parent").join("away");
    fs::rename(place.repository(), &away).expect("moves");
    // No hit without its file, and no failure.
    let answer = server.search(&json!({ "query": "login" })).expect(200);
    assert_eq!(answer["hits"], json!([]), "{answer}");
    assert_eq!(answer["index"]["fresh"], false);
    let job = server
        .json("POST", "/v1/repos/shop/index", &json!({}))
        .expect(202);
    let path = format!("/v1/jobs/{}", crate::support::text(&job["id"]));
    poll(|| server.get(&path).expect(200)["state"] == "failed");
    let job = server.get(&path).expect(200);
    assert!(job["error"].is_string(), "{job}");
    // The index is as it was.
    fs::rename(&away, place.repository()).expect("moves back");
    assert!(!server.paths("login").is_empty());
    server.index("shop", &json!({}));
    assert_eq!(server.get("/v1/repos/shop").expect(200)["state"], "indexed");
}
