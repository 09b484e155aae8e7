//! Each bound, crossed; and bytes that are hardly HTTP.

use std::io::{BufReader, Write};

use serde_json::json;

use crate::support::{Answer, Place, Server};

#[test]
fn a_body_that_is_too_large_is_answered() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.max_body_bytes = 1024;
    let server = Server::start(options);
    let fitting = format!("{{\"query\": \"{}\"}}", "x".repeat(1000));
    server
        .send(
            "POST",
            "/v1/search",
            &[("Content-Type", "application/json")],
            fitting.as_bytes(),
        )
        .problem(409, "not-indexed");
    // Larger than all socket buffers: the answer must not be lost to a reset.
    for size in [1025, 100_000, 8 << 20] {
        let body = vec![b' '; size];
        for (method, path) in [
            ("POST", "/v1/search"),
            ("GET", "/healthz"),
            ("POST", "/nothing"),
        ] {
            server
                .send(method, path, &[], &body)
                .problem(413, "body-too-large");
        }
    }
    let mut chunked =
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..100 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 1024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    server.raw(&chunked).problem(413, "body-too-large");
    let huge = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n";
    server.raw(huge).problem(413, "body-too-large");
    server.get("/healthz").expect(200);
}

#[test]
fn a_body_that_does_not_come_is_answered() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.timeout_seconds = 1;
    let server = Server::start(options);
    let half = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"query\"";
    server.raw(half).problem(408, "slow-body");
    server.raw_and_end(half).problem(400, "bad-request");
}

#[test]
fn a_path_that_is_too_long_is_answered() {
    let place = Place::new();
    let server = Server::start(place.options());
    server
        .get(&format!("/{}", "x".repeat(8192)))
        .problem(414, "path-too-long");
    server
        .get(&format!("/healthz?{}", "x".repeat(8000)))
        .expect(200);
}

#[test]
fn searches_beyond_the_waiting_ones_are_refused() {
    let place = Place::new();
    for number in 0..60 {
        place.write(
            &format!("more/{number}.rs"),
            &format!("pub fn more_{number}() {{}}\n").repeat(50),
        );
    }
    let mut options = place.options();
    options.settings.serve.max_concurrent = 1;
    options.settings.serve.max_waiting = 0;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    let body = json!({ "query": "more of the same", "k": 1000 });
    let mut refused = 0;
    for _ in 0..50 {
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| server.search(&body)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("answers"))
                .collect()
        });
        for answer in answers {
            if answer.status == 200 {
                answer.body_json();
            } else {
                answer.problem(429, "overloaded");
                refused += 1;
            }
        }
        if refused > 0 {
            return;
        }
    }
    panic!("none was refused");
}

#[test]
fn junk_is_refused_and_harms_nobody() {
    let place = Place::new();
    let server = Server::start(place.options());
    for junk in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let answer = server.raw(junk);
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    let many: String = (0..200)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(100_000));
    for fields in [many, long] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        server
            .raw(request.as_bytes())
            .problem(431, "header-too-large");
    }
    drop(server.connect());
    server.get("/healthz").expect(200);
}

#[test]
fn requests_in_one_connection_are_answered_in_order() {
    let place = Place::new();
    let server = Server::start(place.options());
    let mut stream = server.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let all = [
        ask("/healthz"),
        ask("/nothing"),
        ask("/readyz"),
        "junk\r\n\r\n".to_owned(),
    ]
    .concat();
    stream.write_all(all.as_bytes()).expect("writes");
    let mut reader = BufReader::new(stream);
    assert_eq!(Answer::read_next(&mut reader).expect(200)["status"], "ok");
    Answer::read_next(&mut reader).problem(404, "unknown-route");
    assert_eq!(
        Answer::read_next(&mut reader).expect(200)["status"],
        "ready"
    );
    assert_eq!(Answer::read_next(&mut reader).status, 400);
}
