//! Running `wherein serve` as a platform does: tokens in a file, a log of objects, signals,
//! an end under load, a disk that is full.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Scratch;

const TOKEN: &str = "0123456789abcdef";

struct Service {
    child: Child,
    address: String,
}

impl Service {
    /// Its log goes to a file of the scratch folder.
    fn start(scratch: &Scratch, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(scratch.home().with_file_name("log.txt")).expect("a file");
        let mut child = scratch
            .command(&[&["-v", "serve"], arguments].concat())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("says its address");
        let address = line.trim().trim_start_matches("http://").to_owned();
        Self { child, address }
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        let time = Some(Duration::from_secs(30));
        stream.set_read_timeout(time).expect("sets");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// How long it takes to end, and the code it ends with.
    fn ended(&mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return (began.elapsed(), status.code());
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(40), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_tokens_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::with(&[("a.py", "def door():\n    return 1\n")]);
    scratch.write(
        "tokens",
        format!("# ours\n{TOKEN}\nreader-reader-reader read\n"),
    );
    let file = scratch.repository().join("tokens");
    let mode = |mode| {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("sets");
    };
    mode(0o644);
    let run = scratch.run(&["serve", "--listen", "127.0.0.1:0", "--token-file", "tokens"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("chmod 600"), "{}", run.err);
    mode(0o600);
    // Off loopback it starts with one, and does not print it.
    let mut service = Service::start(
        &scratch,
        &["--listen", "0.0.0.0:0", "--token-file", "tokens"],
        &[],
    );
    let port = service
        .address
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    service.address = format!("127.0.0.1:{port}");
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    assert_eq!(service.ask("GET", "/v1/repos", "", "").0, 401);
    assert_eq!(service.ask("GET", "/v1/repos", &bearer(TOKEN), "").0, 200);
    let reader = bearer("reader-reader-reader");
    assert_eq!(service.ask("GET", "/v1/repos", &reader, "").0, 200);
    assert_eq!(service.ask("DELETE", "/v1/repos/x", &reader, "").0, 403);
    drop(service);
    let log = std::fs::read_to_string(scratch.home().with_file_name("log.txt")).expect("a log");
    assert!(!log.contains(TOKEN), "{log}");
    // A line that is no token is named by its number, not by what it says.
    scratch.write("tokens", "short-secret\n");
    let run = scratch.run(&["serve", "--listen", "127.0.0.1:0", "--token-file", "tokens"]);
    assert!(
        run.err.contains("line 1") && !run.err.contains("short-secret"),
        "{}",
        run.err
    );
}

#[test]
fn the_log_can_be_an_object_a_line() {
    let scratch = Scratch::with(&[("a.py", "def door():\n    return 1\n")]);
    let arguments = ["--listen", "127.0.0.1:0", "--log-format", "json"];
    let service = Service::start(&scratch, &arguments, &[]);
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let headers = format!("X-Request-Id: mine-1\r\n{trace}");
    assert_eq!(service.ask("GET", "/nothing", &headers, "").0, 404);
    let log = || std::fs::read_to_string(scratch.home().with_file_name("log.txt")).expect("a log");
    eventually("it is logged", || log().contains("mine-1"));
    let lines: Vec<Value> = log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let request = lines
        .iter()
        .find(|line| line["id"] == "mine-1")
        .expect("a line");
    assert_eq!(request["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(request["status"], 404);
    assert_eq!(request["path"], "/nothing");
    assert_eq!(request["problem"], "urn:wherein:problem:unknown-route");
    assert!(request["ms"].as_f64().is_some() && request["level"] == "INFO");
}

#[cfg(unix)]
#[test]
fn the_list_of_repositories_is_read_again_when_it_is_told_to() {
    let scratch = Scratch::with(&[
        ("one/a.py", "def apple():\n    pass\n"),
        ("two/b.py", "def pear():\n    pass\n"),
    ]);
    let one = scratch.repository().join("one");
    let two = scratch.repository().join("two");
    let settings = |names: &str| {
        scratch.write(
            "own.toml",
            format!("[serve]\nrepositories = {{ {names} }}\n"),
        );
    };
    settings(&format!("one = {one:?}"));
    let arguments = ["--listen", "127.0.0.1:0", "--config", "own.toml"];
    let service = Service::start(&scratch, &arguments, &[]);
    let names = || -> Vec<String> {
        let (_, body) = service.ask("GET", "/v1/repos", "", "");
        let list: Value = serde_json::from_str(&body).expect("json");
        let repos = list["repos"].as_array().expect("repos").clone();
        let name = |repo: &Value| repo["name"].as_str().expect("a name").to_owned();
        repos.iter().map(name).collect()
    };
    assert_eq!(names(), ["one"]);
    settings(&format!("one = {one:?}, two = {two:?}"));
    service.signal("-HUP");
    eventually("the other is served", || names() == ["one", "two"]);
    // One that cannot be read changes nothing, and the log says so.
    scratch.write("own.toml", "[serve\n");
    service.signal("-HUP");
    let log = || std::fs::read_to_string(scratch.home().with_file_name("log.txt")).expect("a log");
    eventually("it is said", || {
        log().contains("the settings are left as they were")
    });
    assert_eq!(names(), ["one", "two"]);
}

#[cfg(unix)]
#[test]
fn it_ends_within_five_seconds_under_load() {
    let scratch = Scratch::with(&[]);
    for number in 0..200 {
        let part =
            |line| format!("def part_{number}_{line}(count):\n    return count * {line}\n\n");
        let body = (0..30).map(part).collect::<Vec<_>>().concat();
        scratch.write(&format!("many/p{number}.py"), &body);
    }
    scratch.json(&["index"]);
    let folder = scratch.repository();
    let arguments = ["--listen", "127.0.0.1:0", &folder.to_string_lossy()];
    let mut service = Service::start(&scratch, &arguments, &[]);
    eventually("it answers", || {
        service
            .ask("POST", "/v1/search", "", r#"{"query": "part 7"}"#)
            .0
            == 200
    });
    let is_over = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    let (address, broken) = (service.address.clone(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // Once it listens no longer nobody is let in; who is in gets an answer.
                    let Ok(mut stream) = TcpStream::connect(&address) else {
                        return;
                    };
                    let body = r#"{"query": "which part counts the lines", "k": 50}"#;
                    let request = format!(
                        "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if stream.write_all(request.as_bytes()).is_err() {
                        return;
                    }
                    let mut answer = String::new();
                    let _ = stream.read_to_string(&mut answer);
                    if answer.starts_with("HTTP/1.1 ") {
                        answered.fetch_add(1, Ordering::Relaxed);
                    } else {
                        broken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        eventually("they are answered", || {
            answered.load(Ordering::Relaxed) > 40
        });
        service.signal("-TERM");
        let (time, code) = service.ended();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(code, Some(0));
        assert!(time < Duration::from_millis(5500), "{time:?}");
    });
    // At most those whose connection waited to be accepted at that moment.
    assert!(broken.load(Ordering::Relaxed) <= 8, "{broken:?}");
    assert_eq!(scratch.run(&["part_7_3", "--no-refresh"]).code, 0);
}
