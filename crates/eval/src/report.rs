//! Figures of a whole dataset: means over queries, and over repositories.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::{BUDGETS, mean, percentile};
use crate::run::{RepositoryRun, Row};

/// Means over some queries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How many queries.
    pub queries: usize,
    /// NDCG@10.
    pub ndcg10: f64,
    /// Mean reciprocal rank of the first hit.
    pub mrr10: f64,
    /// Share of the targets among the first ten.
    pub recall10: f64,
    /// Share of queries whose first hit is right.
    pub hit1: f64,
    /// Recall within a number of tokens.
    pub recall_at_tokens: BTreeMap<usize, f64>,
    /// Tokens to the first right hit.
    pub tokens_first_hit: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// Latency that 95 of 100 queries stay below.
    pub p95_ms: f64,
}

/// A dataset's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Of the program that was evaluated.
    pub version: String,
    /// `root` or `full`.
    pub scope: String,
    /// The tokenizer that tokens were counted with.
    pub tokenizer: String,
    /// Mean over repositories of their mean NDCG@10: the benchmark's figure.
    pub ndcg10_repository_mean: f64,
    /// Over all queries.
    pub overall: Figures,
    /// By sort of query.
    pub by_category: BTreeMap<String, Figures>,
    /// By main language; NDCG@10 is the mean over the language's repositories.
    pub by_language: BTreeMap<String, Figures>,
    /// By repository.
    pub by_repository: BTreeMap<String, Figures>,
    /// Seconds that building each index took.
    pub index_s: BTreeMap<String, f64>,
    /// Repositories that are labelled but whose sources are missing.
    pub missing: Vec<String>,
    /// Labels that point at no file.
    pub dangling: usize,
    /// Each query.
    pub rows: Vec<Row>,
}

impl Figures {
    fn of(rows: &[&Row]) -> Self {
        let of =
            |value: fn(&Row) -> f64| -> Vec<f64> { rows.iter().map(|row| value(row)).collect() };
        let times = of(|row| row.ms);
        Self {
            queries: rows.len(),
            ndcg10: mean(&of(|row| row.ndcg10)),
            mrr10: mean(&of(|row| row.mrr10)),
            recall10: mean(&of(|row| row.recall10)),
            hit1: mean(&of(|row| row.hit1)),
            recall_at_tokens: BUDGETS
                .iter()
                .enumerate()
                .map(|(at, budget)| {
                    let all: Vec<f64> = rows
                        .iter()
                        .map(|row| row.recall_at_tokens.get(at).copied().unwrap_or(0.0))
                        .collect();
                    (*budget, mean(&all))
                })
                .collect(),
            tokens_first_hit: mean(&of(|row| row.tokens_first_hit as f64)),
            p50_ms: percentile(&times, 0.5),
            p95_ms: percentile(&times, 0.95),
        }
    }
}

fn grouped<'a>(rows: &[&'a Row], key: fn(&Row) -> &str) -> BTreeMap<String, Figures> {
    let mut groups: BTreeMap<String, Vec<&'a Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row).to_owned()).or_default().push(row);
    }
    groups
        .into_iter()
        .map(|(name, rows)| (name, Figures::of(&rows)))
        .collect()
}

impl Report {
    /// Of runs over the repositories of a dataset.
    pub fn new(runs: Vec<RepositoryRun>, scope: &str) -> Self {
        let index_s = runs
            .iter()
            .map(|run| (run.name.clone(), run.index_s))
            .collect();
        let repository_means: Vec<(String, f64)> = runs
            .iter()
            .map(|run| (run.language.clone(), run.ndcg10()))
            .collect();
        let all: Vec<f64> = repository_means.iter().map(|one| one.1).collect();
        let rows: Vec<Row> = runs.into_iter().flat_map(|run| run.rows).collect();
        let refs: Vec<&Row> = rows.iter().collect();
        let mut by_language = grouped(&refs, |row| &row.language);
        for (language, figures) in &mut by_language {
            let of_language: Vec<f64> = repository_means
                .iter()
                .filter(|one| one.0 == *language)
                .map(|one| one.1)
                .collect();
            figures.ndcg10 = mean(&of_language);
        }
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scope: scope.to_owned(),
            tokenizer: wherein_pack::Tokenizer::Cl100k.name().to_owned(),
            ndcg10_repository_mean: mean(&all),
            overall: Figures::of(&refs),
            by_category: grouped(&refs, |row| &row.category),
            by_language,
            by_repository: grouped(&refs, |row| &row.repository),
            index_s,
            missing: Vec::new(),
            dangling: 0,
            rows,
        }
    }
}
