//! A client of `wherein mcp`: the other side of the protocol, message by message.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Scratch;

/// A client that has connected.
pub(crate) struct Client {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    asked: u64,
    /// What came without being asked for.
    pub(crate) notes: Vec<Value>,
    /// What the server said when it was connected to.
    pub(crate) welcome: Value,
}

impl Client {
    pub(crate) fn start(scratch: &Scratch, arguments: &[&str], here: &Path, hello: &Value) -> Self {
        let mut child = scratch
            .command(&[&["mcp"], arguments].concat())
            .current_dir(here)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut client = Self {
            child,
            input,
            output: BufReader::new(output.expect("output")),
            asked: 0,
            notes: Vec::new(),
            welcome: Value::Null,
        };
        client.welcome = client.request("initialize", hello);
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    pub(crate) fn of(scratch: &Scratch) -> Self {
        Self::start(scratch, &[], &scratch.repository(), &hello("2025-11-25"))
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("open");
        writeln!(input, "{message}").expect("writes");
        input.flush().expect("writes");
    }

    pub(crate) fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("reads");
        assert!(!line.is_empty(), "the server has ended");
        // Nothing but messages on standard output.
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        id
    }

    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.receive();
            if message["id"] == id && message["method"].is_null() {
                return message;
            }
            self.notes.push(message);
        }
    }

    pub(crate) fn request(&mut self, method: &str, parameters: &Value) -> Value {
        let id = self.ask(method, parameters);
        self.answer(id)
    }

    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let parameters = json!({"name": tool, "arguments": arguments});
        self.request("tools/call", &parameters)["result"].clone()
    }

    /// A call that finds something.
    pub(crate) fn found(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    /// A call that is refused; what was said.
    pub(crate) fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        text(&result).to_owned()
    }

    /// Closes the server's input; it has to end by itself.
    pub(crate) fn close(mut self) -> String {
        drop(self.input.take());
        let began = Instant::now();
        while self.child.try_wait().expect("waits").is_none() {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.child.wait().expect("ends");
        let mut said = String::new();
        let mut errors = self.child.stderr.take().expect("stderr");
        errors.read_to_string(&mut said).expect("reads");
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn hello(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    })
}

pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text")
}
