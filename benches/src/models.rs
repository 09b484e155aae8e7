//! How fast models load and read: the built-in one, and those that were added
//! to a data folder, each kind on the runtime it is used on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use wherein_core::Chunk;
use wherein_embed::{DocumentParts, Embedder, Encoder, Manifest, ModelKind, Registry, Reranker};

use crate::corpus::{self, Until};
use crate::measure::{self, QUERIES};
use crate::mine::read;

/// Text that the built-in model reads.
const BYTES: u64 = 20_000_000;
/// Chunks that an added model reads: half a minute's work.
const READ_BY_ADDED: usize = 1024;
/// Tokens that it reads of each; only chunks that have as many are taken.
const TOKENS: usize = 128;
/// Bytes that surely hold so many tokens.
const LONG_ENOUGH: usize = 1200;
/// Texts a re-ranker reads beside one question, as a search does.
const CANDIDATES: usize = 30;
/// Texts embedded in one call; with no more than the model's own task it stays
/// on the calling thread.
const ONE_THREAD: usize = 256;
const ALL_THREADS: usize = 4096;
const ROUNDS: usize = 5;

/// What is measured.
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// Data folder with the added models; without it the built-in one alone
    #[arg(long)]
    added: Option<PathBuf>,
    /// Prints the figures of the added models alone: a process has one runtime
    #[arg(long, hide = true)]
    only_added: bool,
}

/// All figures, with what they were measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: measure::Conditions,
    pub(crate) built_in: BuiltIn,
    pub(crate) encoders: Vec<OfEncoder>,
    pub(crate) rerankers: Vec<OfReranker>,
}

/// The built-in model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BuiltIn {
    pub(crate) model: String,
    pub(crate) runtime: String,
    pub(crate) load_ms: f64,
    pub(crate) query_ms: f64,
    pub(crate) chunks: usize,
    pub(crate) mb_per_second_one_core: f64,
    pub(crate) mb_per_second_all_cores: f64,
    pub(crate) chunks_per_second_one_core: f64,
}

/// A transformer that gives vectors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OfEncoder {
    pub(crate) model: String,
    pub(crate) runtime: String,
    pub(crate) load_ms: f64,
    pub(crate) query_ms: f64,
    /// Of 128 tokens each.
    pub(crate) chunks_per_second: f64,
}

/// A cross-encoder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OfReranker {
    pub(crate) model: String,
    pub(crate) runtime: String,
    pub(crate) load_ms: f64,
    pub(crate) thirty_candidates_ms: f64,
}

#[derive(Default, Serialize, Deserialize)]
struct Added {
    encoders: Vec<OfEncoder>,
    rerankers: Vec<OfReranker>,
}

/// A file's path and text, and its chunks.
type Files = Vec<(String, String, Vec<Chunk>)>;

/// Measures all; `None` when it only printed what another process of it asked for.
pub(crate) fn all(
    arguments: &ModelArguments,
    sources: &Path,
    scratch: &Path,
) -> Result<Option<Figures>> {
    let folder = scratch.join("models");
    if arguments.only_added {
        let home = arguments.added.as_deref().context("name the data folder")?;
        let added = added(home, &chunked(&folder)?)?;
        serde_json::to_writer(std::io::stdout().lock(), &added)?;
        return Ok(None);
    }
    let conditions = measure::Conditions::now();
    // Before anything else, as a program that was just started does.
    let began = Instant::now();
    let model = wherein_embed::shipped()?;
    model.embed_queries(&["where is a session opened"])?;
    let load_ms = milliseconds(began);
    corpus::lay_out(sources, &folder, Until::Bytes(BYTES))?;
    let built_in = built_in(model.as_ref(), load_ms, &chunked(&folder)?)?;
    let added = match &arguments.added {
        None => Added::default(),
        Some(home) => in_another_process(home, sources, scratch)?,
    };
    Ok(Some(Figures {
        conditions,
        built_in,
        encoders: added.encoders,
        rerankers: added.rerankers,
    }))
}

fn in_another_process(home: &Path, sources: &Path, scratch: &Path) -> Result<Added> {
    let output = Command::new(std::env::current_exe()?)
        .arg("--scratch")
        .arg(scratch)
        .arg("--sources")
        .arg(sources)
        .args(["models", "--only-added", "--added"])
        .arg(home)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "measuring {}", home.display());
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn chunked(folder: &Path) -> Result<Files> {
    let options = wherein_chunk::Options::default();
    let files = read(folder)?.into_iter();
    Ok(files
        .map(|(path, (language, text))| {
            let chunks = wherein_chunk::chunk(&text, language, &options).chunks;
            (path, text, chunks)
        })
        .collect())
}

/// What a model is shown of the chunks; `bodies` holds what is cut out of them.
fn shown<'a>(files: &'a Files, bodies: &'a [Vec<String>]) -> Vec<DocumentParts<'a>> {
    let of_file =
        |((path, text, chunks), bodies): (&'a (String, String, Vec<Chunk>), &'a Vec<String>)| {
            let both = chunks.iter().zip(bodies);
            both.map(|(chunk, body)| DocumentParts::of(path, chunk, text, body))
        };
    files.iter().zip(bodies).flat_map(of_file).collect()
}

fn bodies(files: &Files) -> Vec<Vec<String>> {
    let body = |text: &str, chunk| wherein_embed::body(chunk, text).into_owned();
    files
        .iter()
        .map(|(_, text, chunks)| chunks.iter().map(|chunk| body(text, chunk)).collect())
        .collect()
}

fn built_in(model: &dyn Embedder, load_ms: f64, files: &Files) -> Result<BuiltIn> {
    let bodies = bodies(files);
    let documents = shown(files, &bodies);
    // The text of the chunks alone: their paths and names are read besides.
    let spans = files.iter().flat_map(|(_, _, chunks)| chunks);
    let bytes: u64 = spans
        .map(|chunk| u64::from(chunk.span.bytes.end - chunk.span.bytes.start))
        .sum();
    let seconds = |size: usize| {
        let began = Instant::now();
        for some in documents.chunks(size) {
            model.embed_documents(some)?;
        }
        anyhow::Ok(began.elapsed().as_secs_f64())
    };
    let one_core = best(|| seconds(ONE_THREAD))?;
    let all_cores = best(|| seconds(ALL_THREADS))?;
    Ok(BuiltIn {
        model: model.model_id().to_owned(),
        runtime: runtime()?,
        load_ms,
        query_ms: query_ms(model, 200)?,
        chunks: documents.len(),
        mb_per_second_one_core: bytes as f64 / 1e6 / one_core,
        mb_per_second_all_cores: bytes as f64 / 1e6 / all_cores,
        chunks_per_second_one_core: documents.len() as f64 / one_core,
    })
}

fn added(home: &Path, files: &Files) -> Result<Added> {
    wherein_embed::prefer_added_runtime(home);
    let bodies = bodies(files);
    let mut documents = shown(files, &bodies);
    documents.retain(|document| document.body.len() >= LONG_ENOUGH);
    let step = (documents.len() / READ_BY_ADDED).max(1);
    let documents: Vec<DocumentParts<'_>> = documents
        .into_iter()
        .step_by(step)
        .take(READ_BY_ADDED)
        .collect();
    let mut figures = Added::default();
    for installed in Registry::new(home).list()? {
        let manifest = installed.manifest?;
        match manifest.kind {
            ModelKind::Encoder => {
                let one = encoder(&installed.folder, manifest, &documents)?;
                figures.encoders.push(one);
            }
            ModelKind::Reranker => {
                let one = reranker(&installed.folder, &manifest, &documents)?;
                figures.rerankers.push(one);
            }
        }
    }
    Ok(figures)
}

fn encoder(
    folder: &Path,
    mut manifest: Manifest,
    documents: &[DocumentParts<'_>],
) -> Result<OfEncoder> {
    manifest.max_tokens = TOKENS;
    let began = Instant::now();
    let model = Encoder::load(folder, &manifest)?;
    let load_ms = milliseconds(began);
    let query_ms = query_ms(&model, ROUNDS)?;
    let began = Instant::now();
    model.embed_documents(documents)?;
    Ok(OfEncoder {
        chunks_per_second: documents.len() as f64 / began.elapsed().as_secs_f64(),
        model: manifest.name,
        runtime: runtime()?,
        load_ms,
        query_ms,
    })
}

fn reranker(
    folder: &Path,
    manifest: &Manifest,
    documents: &[DocumentParts<'_>],
) -> Result<OfReranker> {
    let began = Instant::now();
    let model = Reranker::load(folder, manifest)?;
    let load_ms = milliseconds(began);
    let mut times = Vec::new();
    let texts: Vec<String> = documents.iter().map(|one| one.body.to_owned()).collect();
    for (question, texts) in QUERIES.lines().zip(texts.chunks_exact(CANDIDATES)) {
        let began = Instant::now();
        model.scores(question, texts, began + Duration::from_mins(10))?;
        times.push(milliseconds(began));
    }
    Ok(OfReranker {
        model: manifest.name.clone(),
        runtime: runtime()?,
        load_ms,
        thirty_candidates_ms: measure::percentile(&times, 0.5),
    })
}

/// Median of the questions of the benchmark, one at a time.
fn query_ms(model: &dyn Embedder, rounds: usize) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        for question in QUERIES.lines() {
            let began = Instant::now();
            model.embed_queries(&[question])?;
            times.push(milliseconds(began));
        }
    }
    Ok(measure::percentile(&times, 0.5))
}

/// The shortest of some runs: what the machine can do when nothing else asks for it.
fn best(mut run: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        best = best.min(run()?);
    }
    Ok(best)
}

fn runtime() -> Result<String> {
    let backend = wherein_embed::backend()?;
    Ok(format!("{} {}", backend.name, backend.version))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
