//! Compares a report with an earlier one: what became better, what worse, and
//! whether that is a regression.

use std::path::Path;

use serde::Serialize;

use crate::error::EvalError;
use crate::metrics::mean;
use crate::report::Report;

/// A figure, before and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Which figure.
    pub name: String,
    /// In the earlier report.
    pub before: f64,
    /// In this one.
    pub now: f64,
    /// Whether it fell by more than the margin.
    pub is_regression: bool,
}

/// Two reports, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Figures of the whole, by category and by language; only repositories
    /// and queries that both reports have count for the whole.
    pub changes: Vec<Change>,
    /// Mean over the common repositories of the difference in NDCG@10.
    pub mean_difference: f64,
    /// Standard error of that mean: differences of its size are noise.
    pub standard_error: f64,
    /// Repositories that only one of the reports has.
    pub not_in_both: Vec<String>,
}

impl Comparison {
    /// Whether any figure fell by more than its margin.
    pub fn has_regression(&self) -> bool {
        self.changes.iter().any(|change| change.is_regression)
    }
}

/// Reads a report that was written before.
pub fn read_report(path: &Path) -> Result<Report, EvalError> {
    let text = std::fs::read_to_string(path).map_err(EvalError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| EvalError::Malformed {
        path: path.to_owned(),
        expected: "a report of `wherein eval`",
        detail: error.to_string(),
    })
}

/// Compares `now` with `before`. A fall of the whole by more than `margin` is a
/// regression; of a category or language, which have fewer queries, one by
/// more than three times that.
pub fn compare(before: &Report, now: &Report, margin: f64) -> Comparison {
    let mut changes = Vec::new();
    let mut add = |name: String, before: f64, now: f64, margin: f64| {
        changes.push(Change {
            name,
            before,
            now,
            // Rounding alone is no fall.
            is_regression: before - now > margin + 1e-9,
        });
    };
    let common: Vec<(f64, f64)> = before
        .by_repository
        .iter()
        .filter_map(|(name, old)| Some((old.ndcg10, now.by_repository.get(name)?.ndcg10)))
        .collect();
    let (olds, news): (Vec<f64>, Vec<f64>) = common.iter().copied().unzip();
    add("ndcg10".to_owned(), mean(&olds), mean(&news), margin);
    for (name, old, new) in [
        ("mrr10", before.overall.mrr10, now.overall.mrr10),
        ("recall10", before.overall.recall10, now.overall.recall10),
    ] {
        add(name.to_owned(), old, new, margin);
    }
    for (budget, old) in &before.overall.recall_at_tokens {
        if let Some(new) = now.overall.recall_at_tokens.get(budget) {
            add(format!("recall at {budget} tokens"), *old, *new, margin);
        }
    }
    for (sort, olds, news) in [
        ("category", &before.by_category, &now.by_category),
        ("language", &before.by_language, &now.by_language),
    ] {
        for (name, old) in olds {
            if let Some(new) = news.get(name) {
                add(
                    format!("{sort} {name}"),
                    old.ndcg10,
                    new.ndcg10,
                    margin * 3.0,
                );
            }
        }
    }
    let differences: Vec<f64> = common.iter().map(|(old, new)| new - old).collect();
    let mean_difference = mean(&differences);
    let squares: f64 = differences
        .iter()
        .map(|one| (one - mean_difference).powi(2))
        .sum();
    let count = differences.len() as f64;
    let names = |report: &Report| report.by_repository.keys().cloned().collect::<Vec<_>>();
    let (old_names, new_names) = (names(before), names(now));
    let only = |some: &[String], others: &[String]| {
        some.iter()
            .filter(|name| !others.contains(name))
            .cloned()
            .collect::<Vec<_>>()
    };
    Comparison {
        changes,
        mean_difference,
        standard_error: if count > 1.0 {
            (squares / (count - 1.0) / count).sqrt()
        } else {
            0.0
        },
        not_in_both: [only(&old_names, &new_names), only(&new_names, &old_names)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{RepositoryRun, Row};

    fn report(values: &[(&str, f64)]) -> Report {
        let runs = values
            .iter()
            .map(|(name, ndcg10)| RepositoryRun {
                name: (*name).to_owned(),
                language: "rust".to_owned(),
                index_s: 0.1,
                rows: vec![Row {
                    repository: (*name).to_owned(),
                    language: "rust".to_owned(),
                    category: "symbol".to_owned(),
                    query: "q".to_owned(),
                    ndcg10: *ndcg10,
                    mrr10: *ndcg10,
                    recall10: 1.0,
                    hit1: 1.0,
                    recall_at_tokens: vec![1.0; 5],
                    tokens_first_hit: 10,
                    ms: 1.0,
                    targets: Vec::new(),
                    hits: Vec::new(),
                }],
            })
            .collect();
        Report::new(runs, "root")
    }

    #[test]
    fn a_fall_beyond_the_margin_is_a_regression() {
        let before = report(&[("a", 0.9), ("b", 0.8)]);
        assert!(!compare(&before, &before, 0.0).has_regression());
        let now = report(&[("a", 0.9), ("b", 0.75)]);
        let comparison = compare(&before, &now, 0.01);
        assert!(comparison.has_regression());
        assert!((comparison.mean_difference + 0.025).abs() < 1e-9);
        assert!(comparison.standard_error > 0.02);
        assert!(!compare(&before, &now, 0.03).has_regression());
        assert!(!compare(&now, &before, 0.01).has_regression());
    }

    #[test]
    fn repositories_of_one_report_alone_are_told_and_do_not_count() {
        let before = report(&[("a", 0.9), ("gone", 1.0)]);
        let now = report(&[("a", 0.9), ("new", 0.1)]);
        let comparison = compare(&before, &now, 0.01);
        assert_eq!(comparison.not_in_both, ["gone", "new"]);
        assert!(comparison.mean_difference.abs() < 1e-9);
        assert!(!comparison.changes[0].is_regression);
    }

    #[test]
    fn a_report_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        let written = report(&[("a", 0.5)]);
        std::fs::write(&path, serde_json::to_string(&written).expect("json")).expect("writes");
        let read = read_report(&path).expect("reads");
        assert_eq!(read.overall, written.overall);
        std::fs::write(&path, "{}").expect("writes");
        assert!(read_report(&path).is_err());
        assert!(read_report(&folder.path().join("none")).is_err());
    }
}
