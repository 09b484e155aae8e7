//! A server in a thread, a client over a bare socket, and a small repository.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use wherein_index::Settings;
use wherein_serve::{ServeError, ServeOptions, Tokens, serve};

/// Longest wait for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(50);

/// A running server; stopped when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

pub(crate) fn options(home: &Path) -> ServeOptions {
    let mut settings = Settings::load(None).expect("settings");
    // Only what a test asks for is looked at.
    settings.serve.refresh_seconds = 3600;
    settings.serve.watch = false;
    ServeOptions {
        listen: "127.0.0.1:0".parse().expect("address"),
        tokens: Tokens::default(),
        settings,
        home: home.to_owned(),
        repositories: Vec::new(),
        reload: None,
    }
}

/// Runs a server to its end, or to its failure at the start.
fn run(
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
    stop: oneshot::Receiver<()>,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("runtime");
    let result = runtime.block_on(serve(options, ready, async {
        let _ = stop.await;
    }));
    runtime.shutdown_background();
    result
}

/// The error of a server that does not start.
pub(crate) fn start_error(options: ServeOptions) -> ServeError {
    let (_keep, stop) = oneshot::channel();
    run(options, |_| panic!("it starts"), stop).expect_err("it does not start")
}

impl Server {
    pub(crate) fn start(options: ServeOptions) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            run(
                options,
                move |address| tell.send(address).expect("told"),
                stopped,
            )
        });
        let Ok(address) = told.recv_timeout(DEADLINE) else {
            panic!("{:?}", thread.join());
        };
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(mut self) -> (Duration, Result<(), ServeError>) {
        let began = Instant::now();
        let result = self.stop_and_join();
        (began.elapsed(), result.expect("runs"))
    }

    fn stop_and_join(&mut self) -> Option<Result<(), ServeError>> {
        let _ = self.stop.take()?.send(());
        self.thread.take()?.join().ok()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        stream
    }

    /// Sends bytes as they are and reads one answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may answer and close before it has read it all.
        let _ = stream.write_all(bytes);
        Answer::read(stream)
    }

    /// Sends a request and reads until the end, whatever comes.
    pub(crate) fn raw_text(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Sends a request and reads all bytes until the end.
    pub(crate) fn raw_bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(request).expect("writes");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    }

    /// Sends bytes, then nothing more, ever.
    pub(crate) fn raw_and_end(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("writes");
        stream.shutdown(Shutdown::Write).expect("ends");
        Answer::read(stream)
    }

    /// A request with headers and body of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(
            method,
            path,
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
    }

    pub(crate) fn search(&self, body: &Value) -> Answer {
        self.json("POST", "/v1/search", body)
    }

    /// The paths of the hits of a search that must be answered.
    pub(crate) fn paths(&self, query: &str) -> Vec<String> {
        let answer = self.search(&json!({ "query": query })).expect(200);
        let hits = answer["hits"].as_array().expect("hits");
        hits.iter().map(|hit| text(&hit["path"])).collect()
    }

    /// Registers a folder and waits until it is indexed.
    pub(crate) fn register(&self, name: &str, path: &Path) -> Value {
        let answer = self.json(
            "PUT",
            &format!("/v1/repos/{name}"),
            &json!({ "path": path }),
        );
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        self.finish(&answer.body_json()["job"])
    }

    /// Asks for a job and waits until it is over.
    pub(crate) fn index(&self, name: &str, body: &Value) -> Value {
        let job = self
            .json("POST", &format!("/v1/repos/{name}/index"), body)
            .expect(202);
        self.finish(&job)
    }

    /// Waits until a job is over; it must succeed.
    pub(crate) fn finish(&self, job: &Value) -> Value {
        let path = format!("/v1/jobs/{}", text(&job["id"]));
        let mut last = Value::Null;
        poll(|| {
            last = self.get(&path).expect(200);
            matches!(
                text(&last["state"]).as_str(),
                "done" | "failed" | "cancelled"
            )
        });
        assert_eq!(last["state"], "done", "{last}");
        last
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop_and_join();
    }
}

/// Asks until it is so.
pub(crate) fn poll(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn read(stream: TcpStream) -> Self {
        Self::read_next(&mut BufReader::new(stream))
    }

    /// Reads one answer and leaves what follows.
    pub(crate) fn read_next(reader: &mut impl BufRead) -> Self {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a status line");
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: String::new(),
        };
        if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse().expect("a length")];
            reader.read_exact(&mut body).expect("a body");
            answer.body = String::from_utf8(body).expect("UTF-8");
        } else if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = chunked(reader);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn body_json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer of this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body_json()
    }

    /// The document of a problem of this status and sort, checked.
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(
            problem["type"],
            format!("urn:wherein:problem:{kind}"),
            "{problem}"
        );
        assert_eq!(problem["status"], status);
        assert!(!text(&problem["title"]).is_empty());
        assert!(!text(&problem["detail"]).is_empty());
        let id = self.header("x-request-id").expect("a request id");
        assert_eq!(problem["instance"], format!("urn:wherein:request:{id}"));
        if matches!(status, 429 | 503) {
            let seconds = self.header("retry-after").expect("when to ask again");
            assert!(seconds.parse::<u64>().is_ok());
        }
        problem
    }
}

fn chunked(reader: &mut impl BufRead) -> String {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a chunk");
        let length = usize::from_str_radix(line.trim(), 16).expect("a length");
        let start = body.len();
        body.resize(start + length + 2, 0);
        reader.read_exact(&mut body[start..]).expect("a chunk");
        body.truncate(start + length);
        if length == 0 {
            return String::from_utf8(body).expect("UTF-8");
        }
    }
}

/// A home and a small repository beside it.
pub(crate) struct Place {
    folder: TempDir,
}

const FILES: &[(&str, &str)] = &[
    (
        "src/auth/login.rs",
        "/// Checks the password of a user and opens a session.\npub fn login(user: &str, password: &str) -> Option<Session> {\n    let stored = password_hash(user)?;\n    verify(password, &stored).then(|| Session::open(user))\n}\n\n/// Closes the session.\npub fn logout(session: Session) {\n    drop(session);\n}\n",
    ),
    (
        "src/billing/invoice.py",
        "class Invoice:\n    \"\"\"Amounts owed by a customer, with value added tax.\"\"\"\n\n    def total(self, rate):\n        return sum(line.amount for line in self.lines) * (1 + rate)\n",
    ),
    (
        "src/http/retry.go",
        "package http\n\n// RetryWithBackoff repeats a request, waiting longer each time.\nfunc RetryWithBackoff(attempts int, do func() error) error {\n\tfor i := 0; i < attempts; i++ {\n\t\tif err := do(); err == nil {\n\t\t\treturn nil\n\t\t}\n\t}\n\treturn nil\n}\n",
    ),
    (
        "web/cart.ts",
        "export function addToCart(cart: Cart, item: Item): Cart {\n  return { ...cart, items: [...cart.items, item] };\n}\n",
    ),
    (
        "db/schema.sql",
        "CREATE TABLE customers (\n  id INTEGER PRIMARY KEY,\n  email TEXT NOT NULL UNIQUE\n);\n",
    ),
    (
        "README.md",
        "# Shop\n\nA small shop. Run `make serve` to start it.\n",
    ),
];

impl Place {
    /// Runs git in the repository, with no settings but its own.
    pub(crate) fn git(&self, arguments: &[&str]) {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(self.repository())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("folder"),
        };
        for (path, content) in FILES {
            place.write(path, content);
        }
        place
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("creates");
        fs::write(path, content).expect("writes");
    }

    pub(crate) fn options(&self) -> ServeOptions {
        options(&self.home())
    }

    /// A server that has indexed the repository as `shop`.
    pub(crate) fn serve(&self) -> Server {
        let server = Server::start(self.options());
        server.register("shop", &self.repository());
        server
    }
}
