//! A keep-alive HTTP client: one connection, one request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub(crate) struct Client {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self {
            address: address.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    /// Status, body, and the time from sending to the last byte.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<(u16, Value, f64)> {
        self.send("POST", path, &body.to_string())
    }

    /// As [`Client::post`], with another method.
    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Result<(u16, Value, f64)> {
        self.send("PUT", path, &body.to_string())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Body of an answer.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        Ok(self.send("GET", path, "")?.1)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, Value, f64)> {
        if let Ok(answer) = self.exchange(method, path, body) {
            return Ok(answer);
        }
        // The server ends connections that idle.
        *self = Self::connect(&self.address)?;
        self.exchange(method, path, body)
    }

    fn exchange(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, Value, f64)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let started = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .context("no status line")?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let Some(length) = length else {
            bail!("an answer without content-length")
        };
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            seconds,
        ))
    }
}
