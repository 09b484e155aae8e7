//! What agents see: the first answers of `wherein mcp`, sessions side by side, and what is
//! spent until the right code is found.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wherein_eval::{Report, Spending};

use crate::corpus::{self, Until};
use crate::measure;
use crate::process::{Program, Run};

/// Files of the large repository.
const FILES: u64 = 10_000;
/// Sessions of as many agents at once.
const SESSIONS: usize = 5;
const ROUNDS: usize = 7;
/// How long idle sessions are watched.
const IDLE: Duration = Duration::from_secs(10);

/// Which dataset to spend tokens on.
#[derive(clap::Args)]
pub(crate) struct AgentArguments {
    /// Folder with labelled queries
    #[arg(long)]
    pub(crate) eval: Option<PathBuf>,
    /// Folder with their sources
    #[arg(long)]
    pub(crate) corpus: Option<PathBuf>,
    /// A part of the dataset
    #[arg(long)]
    pub(crate) split: Option<String>,
}

/// All figures, with what they were measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: measure::Conditions,
    pub(crate) files: u64,
    pub(crate) chunks: u64,
    /// From the start of the process to the handshake, with no index.
    pub(crate) handshake_ms: f64,
    /// From the start of the process to the first answer, on an indexed repository.
    pub(crate) first_small_ms: f64,
    pub(crate) first_large_ms: f64,
    /// A further answer of the same session.
    pub(crate) next_large_ms: f64,
    /// From the call to the first answer on a repository without an index, and share of
    /// the final answer's spans that are in it.
    pub(crate) unindexed_seconds: f64,
    pub(crate) unindexed_share: f64,
    /// Until all of it is indexed.
    pub(crate) unindexed_whole_seconds: f64,
    /// Private memory of each of several sessions on the large repository that have used
    /// every tool, and after a change that each saw; the largest.
    pub(crate) session_memory_mb: f64,
    pub(crate) session_memory_changed_mb: f64,
    /// Processor time of all of them in ten seconds without a call, in milliseconds.
    pub(crate) session_idle_ms: f64,
    /// What is spent until the right code is found; of the last run that was given a
    /// dataset.
    #[serde(default)]
    pub(crate) spending_conditions: Option<measure::Conditions>,
    #[serde(default)]
    pub(crate) spending: Vec<Spending>,
    #[serde(default)]
    pub(crate) spending_queries: usize,
    #[serde(default)]
    pub(crate) spending_repositories: usize,
}

/// One session of an agent.
struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    started: Instant,
    asked: u64,
}

impl Session {
    /// Started and connected.
    fn start(program: &Program, root: &Path) -> Result<Self> {
        let started = Instant::now();
        let mut child = program
            .command(&["mcp"])
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut session = Self {
            child,
            input,
            output,
            started,
            asked: 0,
        };
        let client = json!({"name": "bench", "version": "1"});
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        session.ask("initialize", &hello)?;
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(session)
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let input = self.input.as_mut().context("the session is over")?;
        writeln!(input, "{message}")?;
        Ok(input.flush()?)
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            ensure!(
                self.output.read_line(&mut line)? > 0,
                "the server has ended"
            );
            let message: Value = serde_json::from_str(&line)?;
            if message["id"] == id {
                return Ok(message["result"].clone());
            }
        }
    }

    /// Structured content of a call.
    fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let result = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}))?;
        ensure!(result["isError"] != true, "{tool}: {result}");
        Ok(result["structuredContent"].clone())
    }

    fn search(&mut self, query: &str) -> Result<Value> {
        self.call("search", &json!({"query": query}))
    }

    fn since_start_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    fn private_mb(&self) -> f64 {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        let of = |line: &str| -> Option<f64> {
            let (name, rest) = line.split_once(':')?;
            let kib = rest.trim().strip_suffix(" kB")?.parse::<f64>().ok()?;
            name.starts_with("Private_").then_some(kib)
        };
        text.lines().filter_map(of).sum::<f64>() * 1024.0 / 1e6
    }

    /// Processor time so far, in milliseconds.
    fn processor_ms(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|one| one.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        // Linux counts them in hundredths of a second.
        (ticks(11) + ticks(12)) * 10.0
    }

    fn close(mut self) -> Result<()> {
        drop(self.input.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn questions() -> Vec<&'static str> {
    include_str!("../queries.txt")
        .lines()
        .filter(|line| !line.is_empty())
        .collect()
}

fn median(times: &[f64]) -> f64 {
    measure::percentile(times, 0.5)
}

pub(crate) fn all(
    arguments: &AgentArguments,
    program: &Program,
    sources: &Path,
    scratch: &Path,
    before: Option<Figures>,
) -> Result<Figures> {
    let conditions = measure::Conditions::now();
    let small = scratch.join("small");
    corpus::lay_out(sources, &small, Until::Bytes(5_000_000))?;
    let large = scratch.join("agents");
    let corpus = corpus::lay_out(sources, &large, Until::Files(FILES))?;
    let mut handshakes = Vec::new();
    for _ in 0..ROUNDS {
        let session = Session::start(program, &large)?;
        handshakes.push(session.since_start_ms());
        session.close()?;
    }
    let unindexed = unindexed(program, &large)?;
    let (first_large, next_large) = first(program, &large)?;
    let (first_small, _) = first(program, &small)?;
    let sessions = sessions(program, &large)?;
    let (mut spending, mut queries, mut repositories) = (Vec::new(), 0, 0);
    let mut spending_conditions = None;
    if let Some(dataset) = &arguments.eval {
        let report = evaluated(program, arguments, dataset)?;
        queries = report.overall.queries;
        repositories = report.by_repository.len();
        spending = report.spending;
        spending_conditions = Some(measure::Conditions::now());
    } else if let Some(before) = before {
        (spending, queries) = (before.spending, before.spending_queries);
        repositories = before.spending_repositories;
        spending_conditions = before.spending_conditions;
    }
    Ok(Figures {
        conditions,
        files: corpus.files,
        chunks: unindexed.chunks,
        handshake_ms: median(&handshakes),
        first_small_ms: first_small,
        first_large_ms: first_large,
        next_large_ms: next_large,
        unindexed_seconds: unindexed.seconds,
        unindexed_share: unindexed.share,
        unindexed_whole_seconds: unindexed.whole_seconds,
        session_memory_mb: sessions.memory_mb,
        session_memory_changed_mb: sessions.changed_mb,
        session_idle_ms: sessions.idle_ms,
        spending_conditions,
        spending,
        spending_queries: queries,
        spending_repositories: repositories,
    })
}

fn evaluated(program: &Program, arguments: &AgentArguments, dataset: &Path) -> Result<Report> {
    let path = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .context("a path that is no text")
    };
    let mut given = vec!["eval".to_owned(), path(dataset)?, "--tokens".to_owned()];
    given.extend(["--runs".to_owned(), "1".to_owned()]);
    if let Some(corpus) = &arguments.corpus {
        given.extend(["--corpus".to_owned(), path(corpus)?]);
    }
    if let Some(split) = &arguments.split {
        given.extend(["--split".to_owned(), split.clone()]);
    }
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let Run { json, .. } = program.run(&given)?;
    Ok(serde_json::from_value(json)?)
}

struct Unindexed {
    chunks: u64,
    seconds: f64,
    share: f64,
    whole_seconds: f64,
}

/// The first answer where nothing is indexed, and whether it is a good one.
fn unindexed(program: &Program, root: &Path) -> Result<Unindexed> {
    let (mut firsts, mut wholes) = (Vec::new(), Vec::new());
    let (mut found, mut wanted) = (0, 0);
    let mut chunks = 0;
    for question in questions().into_iter().take(5) {
        if program.home.exists() {
            fs::remove_dir_all(&program.home)?;
        }
        let mut session = Session::start(program, root)?;
        let began = Instant::now();
        let first = places(&session.search(question)?);
        firsts.push(began.elapsed().as_secs_f64());
        let last = loop {
            let answer = session.search(question)?;
            if answer["index"]["fresh"] == true {
                break places(&answer);
            }
            ensure!(
                began.elapsed() < Duration::from_mins(10),
                "it is never whole"
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        wholes.push(began.elapsed().as_secs_f64());
        found += first.intersection(&last).count();
        wanted += last.len();
        let state = session.call("status", &json!({}))?;
        chunks = state["repositories"][0]["chunks"].as_u64().unwrap_or(0);
        session.close()?;
    }
    Ok(Unindexed {
        chunks,
        seconds: median(&firsts),
        share: found as f64 / wanted.max(1) as f64,
        whole_seconds: median(&wholes),
    })
}

fn places(answer: &Value) -> BTreeSet<String> {
    let hits = answer["hits"].as_array().into_iter().flatten();
    hits.map(|hit| format!("{}:{}", hit["path"], hit["start_line"]))
        .collect()
}

/// The first answer of a new session, and a later one.
fn first(program: &Program, root: &Path) -> Result<(f64, f64)> {
    let shown = root.to_str().context("a path that is no text")?;
    program.run(&["index", shown])?;
    // Files written just before the run are read once more.
    std::thread::sleep(Duration::from_secs(2));
    program.run(&["index", shown])?;
    let (mut firsts, mut nexts) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut session = Session::start(program, root)?;
        session.search("where are headers parsed")?;
        firsts.push(session.since_start_ms());
        std::thread::sleep(Duration::from_secs(1));
        for question in questions().into_iter().take(10) {
            let began = Instant::now();
            session.search(question)?;
            nexts.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        session.close()?;
    }
    Ok((median(&firsts), median(&nexts)))
}

struct Sessions {
    memory_mb: f64,
    changed_mb: f64,
    idle_ms: f64,
}

/// Several sessions that use every tool, wait, and see a change.
fn sessions(program: &Program, root: &Path) -> Result<Sessions> {
    let mut all = Vec::new();
    for _ in 0..SESSIONS {
        all.push(Session::start(program, root)?);
    }
    for session in &mut all {
        let found = session.search("where are headers parsed")?;
        let hit = &found["hits"][0];
        session.call(
            "related",
            &json!({"file": hit["path"], "line": hit["start_line"]}),
        )?;
        session.call("context", &json!({"query": "how are errors converted"}))?;
        session.call("status", &json!({}))?;
        for question in questions() {
            session.search(question)?;
        }
    }
    // Threads that have nothing to do end after a while.
    std::thread::sleep(Duration::from_secs(15));
    let memory_mb = largest(&all);
    let processor = |all: &[Session]| all.iter().map(Session::processor_ms).sum::<f64>();
    let before = processor(&all);
    std::thread::sleep(IDLE);
    let idle_ms = processor(&all) - before;
    let name = "brand_new_thing_to_find";
    let file = root.join(format!("{name}.rs"));
    fs::write(&file, format!("pub fn {name}() {{}}\n"))?;
    for session in &mut all {
        let began = Instant::now();
        loop {
            let found = session.search(name)?;
            let path = found["hits"][0]["path"].as_str().unwrap_or_default();
            if path == format!("{name}.rs") {
                break;
            }
            ensure!(
                began.elapsed() < Duration::from_secs(10),
                "a session does not see it"
            );
        }
    }
    std::thread::sleep(Duration::from_secs(2));
    let changed_mb = largest(&all);
    fs::remove_file(&file)?;
    for session in all {
        session.close()?;
    }
    Ok(Sessions {
        memory_mb,
        changed_mb,
        idle_ms,
    })
}

fn largest(all: &[Session]) -> f64 {
    all.iter().map(Session::private_mb).fold(0.0, f64::max)
}
