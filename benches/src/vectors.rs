//! Exact scan against graph: from how many vectors on is the graph worth its
//! building? Real chunks of growing corpora, indexed by the program itself.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use wherein_store::{Nearest, RowSet, Snapshot};

use crate::corpus::{self, Until};
use crate::measure::{self, QUERIES};
use crate::process::Program;

/// How many nearest rows are asked for: as many as the dense arm brings.
const NEAREST: usize = 100;
/// Recall is counted among the first of them.
const COMPARED: usize = 10;
/// Queries taken from the texts themselves, beside the questions.
const TEXT_QUERIES: usize = 100;
const ROUNDS: usize = 5;

/// One corpus.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) vectors: usize,
    /// Median of a query on all cores, and on one.
    pub(crate) exact_ms: f64,
    pub(crate) exact_one_core_ms: f64,
    pub(crate) signs_ms: f64,
    pub(crate) signs_one_core_ms: f64,
    /// Share of the ten, and of the hundred, nearest by the exact scan that are found by
    /// their signs too.
    pub(crate) signs_recall: f64,
    pub(crate) signs_recall_100: f64,
    pub(crate) graph_ms: f64,
    /// Share of the ten nearest by the exact scan that the graph finds too.
    pub(crate) graph_recall: f64,
    pub(crate) graph_build_seconds: f64,
    pub(crate) graph_bytes_a_vector: f64,
    /// Peak resident memory while it is built.
    pub(crate) graph_build_memory_mb: f64,
}

/// All figures, with what they were measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: measure::Conditions,
    pub(crate) rows: Vec<Row>,
}

pub(crate) fn all(program: &Program, sources: &Path, scratch: &Path, most: u64) -> Result<Figures> {
    let conditions = measure::Conditions::now();
    let mut rows = Vec::new();
    let mut chunks = 30_000;
    while chunks <= most {
        let folder = scratch.join("vectors");
        let corpus = corpus::lay_out(sources, &folder, Until::Chunks(chunks));
        let is_last = corpus.is_err();
        // Where there is not so much, all there is.
        let corpus = corpus.or_else(|_| corpus::lay_out(sources, &folder, Until::Never))?;
        rows.push(one(program, &corpus.root)?);
        if is_last {
            break;
        }
        chunks *= 2;
    }
    Ok(Figures { conditions, rows })
}

fn one(program: &Program, corpus: &Path) -> Result<Row> {
    let folder = corpus.to_str().context("a path that is UTF-8")?;
    if program.home.exists() {
        std::fs::remove_dir_all(&program.home)?;
    }
    program.run(&["index", folder])?;
    let index = program.run(&["status", folder])?.json["index"]
        .as_str()
        .context("status names no index")?
        .to_owned();
    let index = Path::new(&index);
    let graph = index.join("graph.seg");
    ensure!(!graph.exists(), "the graph is there before it is built");
    let built = program.run_with(&["index", folder], &[("WHEREIN_SEARCH_VECTORS", "graph")])?;

    let snapshot = Snapshot::open(index, None)?.context("there is no index")?;
    let view = snapshot.catalog().views.first().context("a view")?;
    let rows = snapshot.view_rows(view);
    let vectors = rows.count();
    let linked = snapshot.totals().linked_rows as usize;
    // What a small last segment holds is scanned beside it.
    ensure!(
        linked * 4 >= vectors * 3,
        "the graph is over {linked} rows only"
    );
    let model = wherein_embed::shipped()?;
    let queries = queries(&snapshot, &rows, model.as_ref())?;
    let ask = |how: Nearest| {
        let mut times = Vec::new();
        let mut found = Vec::new();
        for round in 0..ROUNDS {
            for query in &queries {
                let began = Instant::now();
                let near = snapshot.dense(query, model.model_id(), &rows, NEAREST, how)?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
                if round == 0 {
                    found.push(near);
                }
            }
        }
        anyhow::Ok((measure::percentile(&times, 0.5), found))
    };
    let (exact_ms, exact) = ask(Nearest::Exact)?;
    let (graph_ms, approximate) = ask(Nearest::Graph)?;
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (exact_one_core_ms, _) = one_core.install(|| ask(Nearest::Exact))?;
    let (signs_ms, by_signs) = ask(Nearest::Signs)?;
    let (signs_one_core_ms, _) = one_core.install(|| ask(Nearest::Signs))?;
    let recall = |found: &[Vec<(u32, f32)>], of: usize| {
        let (mut wanted, mut held) = (0, 0);
        for (exact, found) in exact.iter().zip(found) {
            let nearest = &exact[..exact.len().min(of)];
            wanted += nearest.len();
            held += nearest.iter().filter(|one| found.contains(one)).count();
        }
        held as f64 / wanted.max(1) as f64
    };
    let graph_bytes = std::fs::metadata(&graph)
        .with_context(|| format!("no graph at {}", graph.display()))?
        .len();
    Ok(Row {
        vectors,
        exact_ms,
        exact_one_core_ms,
        graph_ms,
        signs_ms,
        signs_one_core_ms,
        signs_recall: recall(&by_signs, COMPARED),
        signs_recall_100: recall(&by_signs, NEAREST),
        graph_recall: recall(&approximate, COMPARED),
        graph_build_seconds: built.seconds,
        graph_build_memory_mb: built.peak_bytes as f64 / 1e6,
        graph_bytes_a_vector: graph_bytes as f64 / linked.max(1) as f64,
    })
}

/// The questions of the benchmark, and lines of the corpus itself.
fn queries(
    snapshot: &Snapshot,
    rows: &RowSet,
    model: &dyn wherein_embed::Embedder,
) -> Result<Vec<Vec<f32>>> {
    let mut texts: Vec<String> = QUERIES.lines().map(str::to_owned).collect();
    let step = (rows.count() / TEXT_QUERIES).max(1);
    for row in rows.iter().step_by(step).take(TEXT_QUERIES) {
        let chunk = snapshot.chunk(row);
        let text = snapshot.file_text(chunk.file)?;
        texts.extend(chunk.span.bytes.of(&text).lines().next().map(str::to_owned));
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = model.embed_queries(&texts)?;
    let has_meaning = |vector: &&[f32]| vector.iter().any(|x| *x != 0.0);
    Ok(vectors
        .chunks_exact(model.dimensions())
        .filter(has_meaning)
        .map(<[f32]>::to_vec)
        .collect())
}
