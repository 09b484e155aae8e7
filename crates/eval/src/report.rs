//! Figures of a whole dataset: means over queries, and over repositories.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wherein_core::Mode;

use crate::metrics::{BUDGETS, mean, percentile};
use crate::run::{RepositoryRun, Row};
use crate::spending::{Spending, Spent, Way};

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
    /// Share of the wanted lines that a context of so many tokens shows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shown_in_context: BTreeMap<usize, f64>,
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
    /// How it searched.
    #[serde(default)]
    pub mode: String,
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
    /// What an agent spends by each way; empty when it was not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spending: Vec<Spending>,
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
            recall_at_tokens: at_budgets(rows, |row| &row.recall_at_tokens),
            shown_in_context: at_budgets(rows, |row| &row.shown_in_context),
            tokens_first_hit: mean(&of(|row| row.tokens_first_hit as f64)),
            p50_ms: percentile(&times, 0.5),
            p95_ms: percentile(&times, 0.95),
        }
    }
}

/// Means at each budget; none when a row has no figures.
fn at_budgets(rows: &[&Row], of: fn(&Row) -> &Vec<f64>) -> BTreeMap<usize, f64> {
    let mean_at = |at: usize| -> Option<f64> {
        let all: Option<Vec<f64>> = rows.iter().map(|row| of(row).get(at).copied()).collect();
        all.map(|all| mean(&all))
    };
    let each = BUDGETS.iter().enumerate();
    each.filter_map(|(at, budget)| Some((*budget, mean_at(at)?)))
        .collect()
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

/// The figures of some rows: of a whole report, or of what two have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) repository_mean: f64,
    pub(crate) overall: Figures,
    pub(crate) by_category: BTreeMap<String, Figures>,
    pub(crate) by_language: BTreeMap<String, Figures>,
    pub(crate) by_repository: BTreeMap<String, Figures>,
}

impl Summary {
    pub(crate) fn of(rows: &[&Row]) -> Self {
        let by_repository = grouped(rows, |row| &row.repository);
        let language_of: BTreeMap<&str, &str> = rows
            .iter()
            .map(|row| (row.repository.as_str(), row.language.as_str()))
            .collect();
        let mut by_language = grouped(rows, |row| &row.language);
        for (language, figures) in &mut by_language {
            let of_language: Vec<f64> = by_repository
                .iter()
                .filter(|(name, _)| language_of.get(name.as_str()) == Some(&language.as_str()))
                .map(|(_, figures)| figures.ndcg10)
                .collect();
            figures.ndcg10 = mean(&of_language);
        }
        let means: Vec<f64> = by_repository.values().map(|one| one.ndcg10).collect();
        Self {
            repository_mean: mean(&means),
            overall: Figures::of(rows),
            by_category: grouped(rows, |row| &row.category),
            by_language,
            by_repository,
        }
    }
}

/// Means of each way, where it was looked at.
fn spending(rows: &[Row]) -> Vec<Spending> {
    let of = |way: &Way| {
        let all: Vec<&Spent> = rows.iter().filter_map(|row| row.spent.get(way)).collect();
        (!all.is_empty()).then(|| Spending::of(*way, &all))
    };
    Way::ALL.iter().filter_map(of).collect()
}

impl Report {
    /// Of runs over the repositories of a dataset.
    pub fn new(runs: Vec<RepositoryRun>, scope: &str, mode: Mode) -> Self {
        let index_s = runs
            .iter()
            .map(|run| (run.name.clone(), run.index_s))
            .collect();
        let rows: Vec<Row> = runs.into_iter().flat_map(|run| run.rows).collect();
        let summary = Summary::of(&rows.iter().collect::<Vec<_>>());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scope: scope.to_owned(),
            mode: mode.to_string(),
            tokenizer: wherein_pack::Tokenizer::Cl100k.name().to_owned(),
            ndcg10_repository_mean: summary.repository_mean,
            overall: summary.overall,
            by_category: summary.by_category,
            by_language: summary.by_language,
            by_repository: summary.by_repository,
            spending: spending(&rows),
            index_s,
            missing: Vec::new(),
            dangling: 0,
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::row;

    #[test]
    fn means_are_over_repositories_and_over_queries() {
        let run = |name: &str, language: &str, values: &[f64]| RepositoryRun {
            name: name.to_owned(),
            language: language.to_owned(),
            index_s: 0.5,
            rows: values
                .iter()
                .map(|value| row(name, language, *value))
                .collect(),
        };
        let report = Report::new(
            vec![
                run("a", "rust", &[1.0, 1.0, 1.0]),
                run("b", "rust", &[0.0]),
                run("c", "go", &[0.5]),
            ],
            "root",
            Mode::Auto,
        );
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(report.ndcg10_repository_mean, 0.5);
        close(report.overall.ndcg10, 0.7);
        close(report.by_language["rust"].ndcg10, 0.5);
        close(report.by_repository["a"].ndcg10, 1.0);
        assert_eq!(report.by_language["rust"].queries, 4);
        close(report.index_s["c"], 0.5);
        assert_eq!(report.mode, "auto");
        assert!(report.overall.shown_in_context.is_empty());
        close(report.overall.recall_at_tokens[&500], 1.0);
    }
}
