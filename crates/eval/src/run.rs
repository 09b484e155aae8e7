//! Runs a dataset through the engine that users run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wherein_core::{Hit, Mode, Query};
use wherein_index::{
    AddedModels, ContextOptions, IndexOptions, Location, Progress, Repository, Settings,
};
use wherein_pack::Tokenizer;

use crate::dataset::{Dataset, LabelledRepository};
use crate::error::EvalError;
use crate::labels::LabelledQuery;
use crate::metrics::{BUDGETS, K, Scores, Unit, mean, percentile, score, shown};
use crate::spending::{self, Files, Spent, Way};

/// Hits that count for recall at token budgets.
const DEEP: usize = 50;
/// Tokens are counted as the benchmark does.
const TOKENIZER: Tokenizer = Tokenizer::Cl100k;

/// How a dataset is run.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Folder for the indexes; each is built from nothing, for its time.
    pub home: &'a Path,
    /// Times each query is run; the median is its latency.
    pub runs: usize,
    /// Which arms answer.
    pub mode: Mode,
    /// Whether a context is packed for each of [`crate::BUDGETS`], to see how
    /// much of the answers is in it.
    pub context: bool,
    /// Whether to tell what an agent spends, by each [`Way`].
    pub tokens: bool,
    /// Models beside the shipped one.
    pub added: &'a AddedModels,
    /// How long a re-ranker may read the first candidates; `None` asks none.
    pub rerank: Option<Duration>,
}

/// One query, answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Of which repository it was asked.
    pub repository: String,
    /// Main language of the repository.
    pub language: String,
    /// Sort of the query.
    pub category: String,
    /// What was asked.
    pub query: String,
    /// NDCG@10.
    pub ndcg10: f64,
    /// Reciprocal rank of the first hit of the first ten.
    pub mrr10: f64,
    /// Share of the targets among the first ten.
    pub recall10: f64,
    /// 1 when the first hit is right.
    pub hit1: f64,
    /// Share of the targets within each of [`crate::BUDGETS`].
    pub recall_at_tokens: Vec<f64>,
    /// Share of the wanted lines that a context of each of [`crate::BUDGETS`]
    /// shows; empty when none was packed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_in_context: Vec<f64>,
    /// Tokens up to and with the first right hit; 32,000 when there is none.
    pub tokens_first_hit: usize,
    /// What an agent spends; empty when it was not asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spent: BTreeMap<Way, Spent>,
    /// Median latency in milliseconds.
    pub ms: f64,
    /// `path:start-end` of what should have been found.
    pub targets: Vec<String>,
    /// The same of the first hits.
    pub hits: Vec<String>,
}

/// One repository, evaluated.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepositoryRun {
    /// Its name.
    pub name: String,
    /// Its main language.
    pub language: String,
    /// Seconds that building its index took.
    pub index_s: f64,
    /// Its queries.
    pub rows: Vec<Row>,
}

/// Runs all queries of a dataset; `each` is told of each repository when it is
/// done.
pub fn run(
    dataset: &Dataset,
    options: Options<'_>,
    mut each: impl FnMut(&RepositoryRun),
) -> Result<Vec<RepositoryRun>, EvalError> {
    let mut runs = Vec::with_capacity(dataset.repositories.len());
    for labelled in &dataset.repositories {
        let run = run_repository(labelled, options)?;
        each(&run);
        runs.push(run);
    }
    Ok(runs)
}

fn run_repository(
    labelled: &LabelledRepository,
    options: Options<'_>,
) -> Result<RepositoryRun, EvalError> {
    let failed = EvalError::index(&labelled.name);
    let model = wherein_index::shipped_model().map_err(&failed)?;
    let location = Location::exactly(options.home, &labelled.root).map_err(&failed)?;
    // The settings of a repository are not taken: figures must not depend on them.
    let settings = Settings::load(None).map_err(&failed)?;
    let started = Instant::now();
    let repository = Repository::open_without_index(location, settings, Some(Arc::clone(&model)))
        .beside(options.added.clone());
    let from_nothing = IndexOptions {
        full: true,
        wait: Duration::from_mins(1),
    };
    repository
        .index(from_nothing, &Progress::default())
        .map_err(&failed)?;
    let index_s = started.elapsed().as_secs_f64();
    repository.fill(&Progress::default()).map_err(&failed)?;
    let root = labelled
        .root
        .canonicalize()
        .map_err(EvalError::io("find", &labelled.root))?;
    let mut rows = Vec::with_capacity(labelled.queries.len());
    let files = options.tokens.then(|| Files::below(&root));
    for query in &labelled.queries {
        let mut row = answer(labelled, query, &repository, &root, options)?;
        if let Some(files) = &files {
            row.spent = spent(query, &repository, &root, files, options).map_err(&failed)?;
        }
        rows.push(row);
    }
    Ok(RepositoryRun {
        name: labelled.name.clone(),
        language: labelled.language.clone(),
        index_s,
        rows,
    })
}

/// What an agent spends on one question.
fn spent(
    query: &LabelledQuery,
    repository: &Repository,
    root: &Path,
    files: &Files,
    options: Options<'_>,
) -> Result<BTreeMap<Way, Spent>, wherein_index::IndexError> {
    let targets = &query.targets;
    let Ok(asked) = Query::new(&query.query, K) else {
        return Ok(BTreeMap::new());
    };
    let asked = Query {
        mode: options.mode,
        rerank: options.rerank,
        ..asked
    };
    Ok(BTreeMap::from([
        (Way::Grep, files.spent(&query.query, targets, TOKENIZER)),
        (
            Way::Search,
            spending::by_search(repository, root, &asked, targets, TOKENIZER)?,
        ),
        (
            Way::Context,
            spending::by_context(repository, root, &asked, targets, TOKENIZER)?,
        ),
    ]))
}

fn answer(
    labelled: &LabelledRepository,
    query: &LabelledQuery,
    repository: &Repository,
    root: &Path,
    options: Options<'_>,
) -> Result<Row, EvalError> {
    let failed = EvalError::index(&labelled.name);
    let asked = |k| {
        let asked = Query::new(&query.query, k).map(|asked| Query {
            mode: options.mode,
            rerank: options.rerank,
            ..asked
        });
        asked.map_err(|error| EvalError::BadQuery {
            repository: labelled.name.clone(),
            query: query.query.chars().take(80).collect(),
            detail: error.to_string(),
        })
    };
    let (short, deep) = (asked(K)?, asked(DEEP)?);
    let mut times = Vec::with_capacity(options.runs);
    let mut first = Vec::new();
    for _ in 0..options.runs.max(1) {
        let started = Instant::now();
        let found = repository.search(&short).map_err(&failed)?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        first = found.hits;
    }
    let found = repository.search(&deep).map_err(&failed)?;
    let units = |hits: &[Hit]| -> Vec<Unit> {
        let unit = |hit: &Hit| Unit {
            path: root.join(&hit.path).to_string_lossy().into_owned(),
            start_line: hit.start_line,
            end_line: hit.end_line,
            tokens: TOKENIZER.count(&hit.text),
        };
        hits.iter().map(unit).collect()
    };
    let Scores {
        ndcg10,
        mrr10,
        recall10,
        hit1,
        ..
    } = score(&units(&first), &query.targets);
    let Scores {
        recall_at_tokens,
        tokens_first_hit,
        ..
    } = score(&units(&found.hits), &query.targets);
    let mut shown_in_context = Vec::new();
    if options.context {
        for budget in BUDGETS {
            let packed = repository.context(
                &short,
                &ContextOptions {
                    budget_tokens: budget,
                    tokenizer: TOKENIZER,
                    ..ContextOptions::default()
                },
            );
            let blocks: Vec<Unit> = packed
                .map_err(&failed)?
                .blocks
                .iter()
                .map(|block| Unit {
                    path: root.join(&block.path).to_string_lossy().into_owned(),
                    start_line: block.start_line,
                    end_line: block.end_line,
                    tokens: 0,
                })
                .collect();
            shown_in_context.push(shown(&blocks, &query.targets));
        }
    }
    Ok(Row {
        repository: labelled.name.clone(),
        language: labelled.language.clone(),
        category: query.category.clone(),
        query: query.query.clone(),
        ndcg10,
        mrr10,
        recall10,
        hit1,
        recall_at_tokens: recall_at_tokens.to_vec(),
        shown_in_context,
        tokens_first_hit,
        spent: BTreeMap::new(),
        ms: percentile(&times, 0.5),
        targets: query
            .targets
            .iter()
            .map(|target| match target.lines {
                Some((start, end)) => format!("{}:{start}-{end}", target.path),
                None => target.path.clone(),
            })
            .collect(),
        hits: first
            .iter()
            .map(|hit| format!("{}:{}-{}", hit.path, hit.start_line, hit.end_line))
            .collect(),
    })
}

impl RepositoryRun {
    /// Mean NDCG@10 of its queries.
    pub fn ndcg10(&self) -> f64 {
        mean(&self.rows.iter().map(|row| row.ndcg10).collect::<Vec<_>>())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row with that figure.
    pub(crate) fn row(repository: &str, language: &str, ndcg10: f64) -> Row {
        Row {
            repository: repository.to_owned(),
            language: language.to_owned(),
            category: "symbol".to_owned(),
            query: "q".to_owned(),
            ndcg10,
            mrr10: ndcg10,
            recall10: 1.0,
            hit1: 1.0,
            recall_at_tokens: vec![1.0; BUDGETS.len()],
            shown_in_context: Vec::new(),
            tokens_first_hit: 10,
            spent: BTreeMap::new(),
            ms: 1.0,
            targets: Vec::new(),
            hits: Vec::new(),
        }
    }
}
