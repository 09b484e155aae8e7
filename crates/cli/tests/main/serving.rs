//! `wherein serve`: starts, answers, stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Scratch, finished};

pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(scratch: &Scratch, arguments: &[&str]) -> Self {
        let mut child = scratch
            .command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("says its address");
        let address = line.trim().trim_start_matches("http://").to_owned();
        Self { child, address }
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("sets");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_answers_what_the_command_line_answers_and_stops_when_asked() {
    let scratch = Scratch::with(&[
        (
            "src/login.py",
            "def verify_password(user, password):\n    return check(user, password)\n",
        ),
        ("src/other.py", "def unrelated():\n    return 1\n"),
    ]);
    let expected = scratch.json(&["verify_password"]);
    let folder = scratch.repository();
    let mut server = Server::start(&scratch, &[&folder.to_string_lossy()]);
    let question = json!({"query": "verify_password"});
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = loop {
        let (status, answer) = server.request("POST", "/v1/search", &question);
        if status == 200 {
            break answer;
        }
        assert!(Instant::now() < deadline, "{status} {answer}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let place = |answer: &Value| {
        let hit = &answer["hits"][0];
        (
            hit["path"].clone(),
            hit["start_line"].clone(),
            hit["end_line"].clone(),
            hit["score"].clone(),
        )
    };
    assert_eq!(place(&answer), place(&expected));
    assert_eq!(answer["hits"][0]["repo"], "repository");
    assert_eq!(server.request("GET", "/healthz", &Value::Null).0, 200);
    let id = server.child.id().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .expect("kills");
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = server.child.try_wait().expect("waits") {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

/// Two folders of one name are two repositories, whatever was served before.
#[test]
fn folders_of_one_name_are_both_served() {
    let scratch = Scratch::with(&[
        ("a/app/one.py", "def apple():\n    pass\n"),
        ("b/app/two.py", "def pear():\n    pass\n"),
    ]);
    let named = |server: &Server| {
        let (status, answer) = server.request("GET", "/v1/repos", &Value::Null);
        assert_eq!(status, 200);
        let repos = answer["repos"].as_array().expect("repos").clone();
        repos
            .iter()
            .map(|repo| {
                let path = repo["path"].as_str().expect("path");
                let folder = if path.ends_with("a/app") { "a" } else { "b" };
                format!("{} {folder}", repo["name"].as_str().expect("name"))
            })
            .collect::<Vec<_>>()
    };
    let both = ["app a", "app-2 b"];
    assert_eq!(named(&Server::start(&scratch, &["a/app", "b/app"])), both);
    // The names are kept, whichever comes first.
    assert_eq!(named(&Server::start(&scratch, &["b/app", "a/app"])), both);
    assert_eq!(named(&Server::start(&scratch, &["b/app"])), both);
}

#[test]
fn a_settings_file_can_be_named() {
    let scratch = Scratch::with(&[("a.py", "x = 1\n")]);
    scratch.write("own.toml", "[serve]\nlisten = \"0.0.0.0:0\"\n");
    let run = scratch.run(&["serve", "--config", "own.toml"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("token"), "{}", run.err);
    let run = scratch.run(&["serve", "--config", "none.toml"]);
    assert!(run.err.contains("none.toml"), "{}", run.err);
}

#[test]
fn what_it_cannot_do_is_said_in_one_line() {
    let scratch = Scratch::with(&[("a.py", "x = 1\n")]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("address").to_string();
    for (arguments, expected) in [
        (
            vec!["serve", "--listen", address.as_str()],
            address.as_str(),
        ),
        (vec!["serve", "--listen", "0.0.0.0:0"], "token"),
        (
            vec!["serve", "--listen", "127.0.0.1:0", "--token-file", "none"],
            "none",
        ),
        (
            vec!["serve", "--listen", "127.0.0.1:0", "no/such"],
            "no/such",
        ),
    ] {
        let run = finished(&scratch.command(&arguments).output().expect("starts"));
        assert_eq!(run.code, 2, "{run:?}");
        let own: Vec<&str> = run
            .err
            .lines()
            .filter(|line| line.starts_with("wherein: "))
            .collect();
        assert_eq!(own.len(), 1, "{}", run.err);
        assert!(own[0].contains(expected), "{expected}: {}", own[0]);
    }
}

#[test]
fn vectors_of_a_model_in_use_stream_in_behind_the_answers() {
    let scratch = Scratch::with(&[
        ("door.py", "def open_door():\n    return open the session\n"),
        (
            "gate.py",
            "def check_gate():\n    return check the password\n",
        ),
    ]);
    let small = crate::models::folder_of(&scratch, "encoder.onnx", "small");
    scratch.json(&["model", "add", &small]);
    scratch.json(&["model", "use", "small"]);
    let folder = scratch.repository();
    let server = Server::start(&scratch, &[&folder.to_string_lossy()]);
    let question = json!({"query": "open the session", "explain": true});
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let (status, answer) = server.request("POST", "/v1/search", &question);
        // It answers all the while.
        if status == 200 {
            assert_eq!(answer["hits"][0]["path"], "door.py", "{answer}");
            let model = answer["index"]["model"].as_str().expect("a name");
            assert!(model.starts_with("small-"), "{answer}");
            if answer["index"]["vector_coverage"] == 1.0 {
                assert!(answer["hits"].to_string().contains("\"quality"), "{answer}");
                break;
            }
        }
        assert!(Instant::now() < deadline, "{status} {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
