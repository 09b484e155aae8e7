//! What the service bears: searches a second, latency, overload, memory, and searches
//! beside an index job.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::corpus::{self, Corpus, Until};
use crate::load::{self, Connection, Pace, Questions, Seen};
use crate::measure::{Conditions, Server};
use crate::process::{self, Program};

/// Clients that keep asking.
const CLIENTS: usize = 32;
/// Ten times as many.
const TOO_MANY: usize = 320;
/// Different questions.
const QUESTIONS: usize = 2000;

/// The figures of the service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServiceFigures {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    pub(crate) chunks: u64,
    pub(crate) start_to_ready_ms: f64,
    pub(crate) idle_private_mb: f64,
    pub(crate) idle_resident_mb: f64,
    pub(crate) lone_p50_ms: f64,
    pub(crate) lone_p99_ms: f64,
    pub(crate) sustained: Load,
    pub(crate) overload: Load,
    pub(crate) overload_memory_ratio: f64,
    pub(crate) recovery_seconds: f64,
    pub(crate) after_private_mb: f64,
    pub(crate) beside_job: BesideJob,
}

/// What many clients saw.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    pub(crate) seconds: f64,
    pub(crate) answered_a_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
    pub(crate) statuses: std::collections::BTreeMap<u16, u64>,
    pub(crate) wrong: u64,
    pub(crate) unexplained: u64,
    pub(crate) broken: u64,
}

/// Searches at a moderate rate, alone and while an index is built.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BesideJob {
    pub(crate) rate: f64,
    pub(crate) alone: Load,
    pub(crate) beside: Load,
    pub(crate) job_seconds: f64,
}

impl Load {
    fn of(clients: usize, seen: &Seen) -> Self {
        Self {
            clients,
            seconds: seen.seconds,
            answered_a_second: seen.a_second(),
            p50_ms: seen.percentile(0.5),
            p99_ms: seen.percentile(0.99),
            most_ms: seen.percentile(1.0),
            statuses: seen.statuses.clone(),
            wrong: seen.wrong,
            unexplained: seen.unexplained,
            broken: seen.broken,
        }
    }
}

pub(crate) fn all(
    program: &Program,
    sources: &Path,
    scratch: &Path,
    chunks: u64,
    seconds: u64,
) -> Result<ServiceFigures> {
    let conditions = Conditions::now();
    let time = Duration::from_secs(seconds);
    let large = corpus::lay_out(sources, &scratch.join("served"), Until::Chunks(chunks))?;
    let other = corpus::lay_out(sources, &scratch.join("beside"), Until::Bytes(50_000_000))?;
    let root = text_of(&large)?;
    let run = program.run(&["index", root, "--full"])?;
    let chunks = run.json["chunks"].as_u64().context("chunks")?;
    // Files written just before the index are read once more.
    std::thread::sleep(Duration::from_secs(2));
    program.run(&["index", root])?;
    let start_to_ready_ms = start_to_ready(program, root)?;

    let mut server = Server::start(program, root)?;
    ready(&mut server)?;
    let process = server.process();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let address = server.client.address().to_owned();
    let texts = questions(&large.root)?;
    // It has answered once and rests.
    let first = json!({"query": texts[0], "repos": ["served"]});
    ensure!(
        server.client.post("/v1/search", &first)?.0 == 200,
        "no answer"
    );
    std::thread::sleep(Duration::from_secs(3));
    let idle_private_mb = process::private_bytes(process) as f64 / 1e6;
    let idle_resident_mb = process::resident_bytes(process) as f64 / 1e6;

    let (questions, lone) = runtime.block_on(quiet(&address, &texts))?;
    let questions = Arc::new(questions);
    let sustained =
        runtime.block_on(load::run(&address, &questions, CLIENTS, Pace::Closed, time))?;
    let normal = process::private_bytes(process);
    let (overload, peak) = runtime.block_on(watched(
        process,
        load::run(&address, &questions, TOO_MANY, Pace::Closed, time / 2),
    ))?;
    let recovery = runtime.block_on(recovery(&address, &questions, lone.percentile(0.5)))?;
    let rate = (sustained.a_second() / 5.0).round();
    let alone = runtime.block_on(load::run(&address, &questions, 8, Pace::Open(rate), time))?;
    let job = start_job(&mut server, &other)?;
    let job_began = Instant::now();
    let mut beside = Seen::default();
    // As long as the job runs and no longer.
    while server.client.get(&format!("/v1/jobs/{job}"))?["state"] == "running" {
        let piece = Duration::from_millis(500);
        let seen = runtime.block_on(load::run(&address, &questions, 8, Pace::Open(rate), piece))?;
        beside.join(seen);
    }
    let job_seconds = job_began.elapsed().as_secs_f64();
    let over = server.client.get(&format!("/v1/jobs/{job}"))?;
    ensure!(over["state"] == "done", "the job ended as {over}");
    std::thread::sleep(Duration::from_secs(3));
    Ok(ServiceFigures {
        conditions,
        chunks,
        start_to_ready_ms,
        idle_private_mb,
        idle_resident_mb,
        lone_p50_ms: lone.percentile(0.5),
        lone_p99_ms: lone.percentile(0.99),
        sustained: Load::of(CLIENTS, &sustained),
        overload: Load::of(TOO_MANY, &overload),
        overload_memory_ratio: peak as f64 / normal as f64,
        recovery_seconds: recovery,
        after_private_mb: process::private_bytes(process) as f64 / 1e6,
        beside_job: BesideJob {
            rate,
            alone: Load::of(8, &alone),
            beside: Load::of(8, &beside),
            job_seconds,
        },
    })
}

fn text_of(corpus: &Corpus) -> Result<&str> {
    corpus.root.to_str().context("a path that is UTF-8")
}

/// From the start of the process until `/readyz` says so, the median of five.
fn start_to_ready(program: &Program, root: &str) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let mut server = Server::start(program, root)?;
        ready(&mut server)?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(crate::measure::percentile(&times, 0.5))
}

fn ready(server: &mut Server) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while server.client.get("/readyz")?["status"] != "ready" {
        ensure!(Instant::now() < deadline, "the server does not get ready");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Sentences of doc comments that the corpus has: what people ask, in words that occur.
fn questions(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)?.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let sentences = text.lines().filter_map(|line| {
                    let text = line.trim().strip_prefix("/// ")?;
                    let words = text.split_whitespace().count();
                    ((4..=14).contains(&words) && text.is_ascii()).then(|| text.to_owned())
                });
                // A few of each file, so that all packages are asked about.
                found.extend(sentences.take(3));
            }
        }
    }
    found.sort();
    found.dedup();
    let step = (found.len() / QUESTIONS).max(1);
    let mut chosen: Vec<String> = found.into_iter().step_by(step).take(QUESTIONS).collect();
    // In an order that has nothing to do with the alphabet, always the same.
    let mut state = 1_u64;
    for at in (1..chosen.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        chosen.swap(at, (state >> 33) as usize % (at + 1));
    }
    ensure!(
        chosen.len() >= 500,
        "the corpus has only {} questions",
        chosen.len()
    );
    Ok(chosen)
}

/// Asks each question once and alone.
async fn quiet(address: &str, texts: &[String]) -> Result<(Questions, Seen)> {
    let mut connection = Connection::open(address).await?;
    let mut questions = Questions {
        bodies: Vec::new(),
        answers: Vec::new(),
    };
    let mut seen = Seen::default();
    for text in texts {
        let body = Bytes::from(json!({"query": text, "repos": ["served"]}).to_string());
        let began = Instant::now();
        let (status, _, answer) = connection.ask(&body).await?;
        seen.times.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(status == 200, "{text}: {status}");
        questions.answers.push(load::fingerprint(&answer)?);
        questions.bodies.push(body);
    }
    Ok((questions, seen))
}

/// What a run saw, and the most private memory that the server had meanwhile.
async fn watched(process: u32, run: impl Future<Output = Result<Seen>>) -> Result<(Seen, u64)> {
    let mut peak = 0;
    let mut run = std::pin::pin!(run);
    loop {
        let tick = tokio::time::sleep(Duration::from_millis(50));
        tokio::select! {
            seen = &mut run => return Ok((seen?, peak)),
            () = tick => peak = peak.max(process::private_bytes(process)),
        }
    }
}

/// Seconds from the end of an overload until ten answers in a row take no longer than
/// twice what a lone client is used to.
async fn recovery(address: &str, questions: &Questions, usual_ms: f64) -> Result<f64> {
    let began = Instant::now();
    let mut connection = Connection::open(address).await?;
    let mut in_a_row = 0;
    let mut first = began;
    for at in (0..questions.bodies.len()).cycle() {
        ensure!(began.elapsed() < Duration::from_mins(1), "no recovery");
        let asked = Instant::now();
        let (status, _, _) = connection.ask(&questions.bodies[at]).await?;
        if status == 200 && asked.elapsed().as_secs_f64() * 1000.0 <= 2.0 * usual_ms + 2.0 {
            if in_a_row == 0 {
                first = asked;
            }
            in_a_row += 1;
        } else {
            in_a_row = 0;
        }
        if in_a_row == 10 {
            break;
        }
    }
    Ok((first - began).as_secs_f64())
}

/// Registers another repository, which is indexed from nothing.
fn start_job(server: &mut Server, other: &Corpus) -> Result<String> {
    let (status, state, _) = server
        .client
        .put("/v1/repos/beside", &json!({"path": text_of(other)?}))?;
    ensure!(status == 201, "{status} {state}");
    let id = state["job"]["id"].as_str().context("a job")?.to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let job: Value = server.client.get(&format!("/v1/jobs/{id}"))?;
        if job["state"] == "running" {
            return Ok(id);
        }
        ensure!(Instant::now() < deadline, "the job does not run: {job}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
