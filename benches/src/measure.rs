//! The measurements, one function each.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Client;
use crate::corpus::{self, Corpus, Until};
use crate::process::{self, Program};

pub(crate) const QUERIES: &str = include_str!("../queries.txt");
const HTTP_REQUESTS: usize = 1500;
const COLD_RUNS: usize = 25;
const NO_CHANGE_RUNS: usize = 7;

/// On what, and when, figures were measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Conditions {
    machine: String,
    date: String,
    commit: String,
    /// Load average when the run began: above the number of cores, the
    /// figures are those of a busy machine.
    load: f64,
}

impl Conditions {
    /// To be asked before anything is measured.
    pub(crate) fn now() -> Self {
        Self {
            load: load_average(),
            machine: machine(),
            date: command("date", &["-u", "+%F"]),
            commit: command("git", &["rev-parse", "--short", "HEAD"]),
        }
    }
}

impl std::fmt::Display for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            machine,
            date,
            commit,
            load,
        } = self;
        write!(
            f,
            "{machine}, {date}, load {load:.1} when the run began, commit {commit}"
        )
    }
}

/// All figures, with what they were measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    pub(crate) corpus_mb: f64,
    pub(crate) corpus_files: u64,
    pub(crate) corpus_chunks: u64,
    pub(crate) index_seconds: f64,
    pub(crate) index_mb_per_second: f64,
    pub(crate) index_size_mb: f64,
    pub(crate) fifty_mb_peak_memory_mb: f64,
    pub(crate) fifty_mb_seconds: f64,
    pub(crate) no_change_files: u64,
    pub(crate) no_change_ms: f64,
    pub(crate) cold_search_ms: f64,
    pub(crate) cold_search_p95_ms: f64,
    pub(crate) cold_large_search_ms: f64,
    pub(crate) http_p50_ms: f64,
    pub(crate) http_p95_ms: f64,
    pub(crate) http_p99_ms: f64,
    pub(crate) server_private_memory_mb: f64,
}

pub(crate) fn all(
    program: &Program,
    sources: &Path,
    scratch: &Path,
    chunks: u64,
) -> Result<Figures> {
    let conditions = Conditions::now();
    let large = corpus::lay_out(sources, &scratch.join("large"), Until::Chunks(chunks))?;
    let fifty = corpus::lay_out(sources, &scratch.join("fifty"), Until::Bytes(50_000_000))?;
    let small = corpus::lay_out(sources, &scratch.join("small"), Until::Bytes(5_000_000))?;
    let many = corpus::lay_out(sources, &scratch.join("many"), Until::Files(10_000))?;

    let fifty_run = program.run(&["index", path(&fifty), "--full"])?;
    let large_run = program.run(&["index", path(&large), "--full"])?;
    let report = &large_run.json;
    let bytes = report["bytes_indexed"].as_f64().context("bytes_indexed")?;
    let seconds = report["seconds"].as_f64().context("seconds")?;
    let status = program.run(&["status", path(&large)])?;
    program.run(&["index", path(&small)])?;
    let no_change = no_change(program, &many)?;
    let cold = cold(program, &small)?;
    let cold_large = cold_on(program, &large, 11)?;
    let (http, private) = http(program, &large)?;
    Ok(Figures {
        conditions,
        corpus_mb: bytes / 1e6,
        corpus_files: report["files"].as_u64().unwrap_or(0),
        corpus_chunks: report["chunks"].as_u64().unwrap_or(0),
        index_seconds: seconds,
        index_mb_per_second: bytes / 1e6 / seconds,
        index_size_mb: status.json["index_bytes"].as_f64().unwrap_or(0.0) / 1e6,
        fifty_mb_peak_memory_mb: fifty_run.peak_bytes as f64 / 1e6,
        fifty_mb_seconds: fifty_run.seconds,
        no_change_files: many.files,
        no_change_ms: no_change,
        cold_search_ms: percentile(&cold, 0.5),
        cold_search_p95_ms: percentile(&cold, 0.95),
        cold_large_search_ms: percentile(&cold_large, 0.5),
        http_p50_ms: percentile(&http, 0.5),
        http_p95_ms: percentile(&http, 0.95),
        http_p99_ms: percentile(&http, 0.99),
        server_private_memory_mb: private as f64 / 1e6,
    })
}

fn path(corpus: &Corpus) -> &str {
    corpus.root.to_str().unwrap_or(".")
}

/// Nothing has changed: process start to end, the median.
fn no_change(program: &Program, corpus: &Corpus) -> Result<f64> {
    program.run(&["index", path(corpus)])?;
    // Files written just before the first run are read once more.
    std::thread::sleep(Duration::from_secs(2));
    program.run(&["index", path(corpus)])?;
    let mut times = Vec::new();
    for _ in 0..NO_CHANGE_RUNS {
        let run = program.run(&["index", path(corpus)])?;
        ensure!(
            run.json["files_indexed"] == 0,
            "something was indexed: {}",
            run.json
        );
        times.push(run.seconds * 1000.0);
    }
    Ok(percentile(&times, 0.5))
}

/// Process start to the end of the answer, the look for changed files included.
fn cold(program: &Program, corpus: &Corpus) -> Result<Vec<f64>> {
    cold_on(program, corpus, COLD_RUNS)
}

fn cold_on(program: &Program, corpus: &Corpus, runs: usize) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for query in QUERIES.lines().cycle().take(runs) {
        times.push(program.run(&["search", query, path(corpus)])?.seconds * 1000.0);
    }
    Ok(times)
}

/// A running server and a connection to it; ended also when a measurement fails.
pub(crate) struct Server {
    child: Child,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) fn start(program: &Program, root: &str) -> Result<Self> {
        let mut child = program
            .command(&["serve", "--listen", "127.0.0.1:0", root])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let mut line = String::new();
        let out = child.stdout.take().context("no standard output");
        let said = out.and_then(|out| Ok(BufReader::new(out).read_line(&mut line)?));
        let address = line.trim().trim_start_matches("http://");
        match said.and_then(|_| Client::connect(address)) {
            Ok(client) => Ok(Self { child, client }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }
}

impl Server {
    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours and may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Latencies of one client over keep-alive, in milliseconds, and the private
/// memory of the server afterwards.
fn http(program: &Program, corpus: &Corpus) -> Result<(Vec<f64>, u64)> {
    let mut server = Server::start(program, path(corpus))?;
    let client = &mut server.client;
    let deadline = Instant::now() + Duration::from_mins(5);
    while client.post("/v1/search", &json!({"query": "warm up"}))?.0 != 200 {
        ensure!(Instant::now() < deadline, "the server does not get ready");
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut times = Vec::new();
    for (number, query) in QUERIES
        .lines()
        .cycle()
        .take(HTTP_REQUESTS + 100)
        .enumerate()
    {
        let (status, answer, seconds) = client.post("/v1/search", &json!({"query": query}))?;
        ensure!(status == 200, "{query}: {status} {answer}");
        if number >= 100 {
            times.push(seconds * 1000.0);
        }
    }
    let private = process::private_bytes(server.child.id());
    Ok((times, private))
}

pub(crate) fn percentile(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores of {model}")
}

fn command(program: &str, arguments: &[&str]) -> String {
    std::process::Command::new(program)
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(percentile(&times, 0.5).to_bits(), 3.0_f64.to_bits());
        assert_eq!(percentile(&times, 1.0).to_bits(), 5.0_f64.to_bits());
        assert_eq!(percentile(&[], 0.5).to_bits(), 0.0_f64.to_bits());
    }
}
