//! Compares a report with an earlier one: what became better, what worse, and
//! whether that is a regression.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::error::EvalError;
use crate::metrics::mean;
use crate::report::{Report, Summary};
use crate::run::Row;

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
    /// Figures of the whole, by category and by language, of the queries that
    /// both reports have.
    pub changes: Vec<Change>,
    /// Mean over the common repositories of the difference in NDCG@10.
    pub mean_difference: f64,
    /// Standard error of that mean: differences of its size are noise.
    pub standard_error: f64,
    /// Repositories that only one of the reports has.
    pub not_in_both: Vec<String>,
    /// How many queries are compared.
    pub queries: usize,
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

/// What makes a query of one report the same as one of another: where it is
/// asked, its text, its labels, and which of several such it is.
type Key<'a> = (&'a str, &'a str, &'a [String], usize);

fn keyed(report: &Report) -> BTreeMap<Key<'_>, &Row> {
    let mut all = BTreeMap::new();
    for row in &report.rows {
        let key = |nth| {
            (
                row.repository.as_str(),
                row.query.as_str(),
                &row.targets[..],
                nth,
            )
        };
        let mut nth = 0;
        while all.contains_key(&key(nth)) {
            nth += 1;
        }
        all.insert(key(nth), row);
    }
    all
}

/// Whether two reports were made in the same way.
fn check(before: &Report, now: &Report) -> Result<(), EvalError> {
    // Reports of before modes were written down are of the usual one.
    let mode = |report: &Report| match report.mode.as_str() {
        "" => "auto".to_owned(),
        mode => mode.to_owned(),
    };
    for (what, before, now) in [
        ("scope", before.scope.clone(), now.scope.clone()),
        ("mode", mode(before), mode(now)),
        ("tokenizer", before.tokenizer.clone(), now.tokenizer.clone()),
    ] {
        if before != now {
            return Err(EvalError::NotComparable(format!(
                "the baseline's {what} is {before}, this run's {now}; run both alike"
            )));
        }
    }
    Ok(())
}

/// Compares `now` with `before`, by the queries that both have. A fall of the
/// whole by more than `margin` is a regression; of a category or language,
/// which have fewer queries, one by more than three times that.
pub fn compare(before: &Report, now: &Report, margin: f64) -> Result<Comparison, EvalError> {
    check(before, now)?;
    let (olds, news) = (keyed(before), keyed(now));
    let common: Vec<(&Row, &Row)> = olds
        .iter()
        .filter_map(|(key, old)| Some((*old, *news.get(key)?)))
        .collect();
    if common.is_empty() {
        return Err(EvalError::NotComparable(
            "the baseline has no query in common with this run".to_owned(),
        ));
    }
    let (olds, news): (Vec<&Row>, Vec<&Row>) = common.iter().copied().unzip();
    let (olds, news) = (Summary::of(&olds), Summary::of(&news));
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
    let (old, new) = (&olds.overall, &news.overall);
    add(
        "ndcg10".to_owned(),
        olds.repository_mean,
        news.repository_mean,
        margin,
    );
    add("mrr10".to_owned(), old.mrr10, new.mrr10, margin);
    add("recall10".to_owned(), old.recall10, new.recall10, margin);
    for (budget, old) in &old.recall_at_tokens {
        if let Some(new) = new.recall_at_tokens.get(budget) {
            add(format!("recall at {budget} tokens"), *old, *new, margin);
        }
    }
    for (budget, old) in &old.shown_in_context {
        if let Some(new) = new.shown_in_context.get(budget) {
            add(format!("in a context of {budget}"), *old, *new, margin);
        }
    }
    for (sort, olds, news) in [
        ("category", &olds.by_category, &news.by_category),
        ("language", &olds.by_language, &news.by_language),
    ] {
        for (name, old) in olds {
            if let Some(new) = news.get(name) {
                let name = format!("{sort} {name}");
                add(name, old.ndcg10, new.ndcg10, margin * 3.0);
            }
        }
    }
    let differences: Vec<f64> = olds
        .by_repository
        .iter()
        .filter_map(|(name, old)| Some(news.by_repository.get(name)?.ndcg10 - old.ndcg10))
        .collect();
    let mean_difference = mean(&differences);
    let squares: f64 = differences
        .iter()
        .map(|one| (one - mean_difference).powi(2))
        .sum();
    let count = differences.len() as f64;
    let only = |some: &Report, others: &Report| {
        let names = some.by_repository.keys();
        names
            .filter(|name| !others.by_repository.contains_key(*name))
            .cloned()
            .collect::<Vec<_>>()
    };
    Ok(Comparison {
        changes,
        mean_difference,
        standard_error: if count > 1.0 {
            (squares / (count - 1.0) / count).sqrt()
        } else {
            0.0
        },
        not_in_both: [only(before, now), only(now, before)].concat(),
        queries: common.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherein_core::Mode;

    use crate::run::RepositoryRun;
    use crate::run::tests::row;

    fn report(values: &[(&str, f64)]) -> Report {
        let runs = values
            .iter()
            .map(|(name, ndcg10)| RepositoryRun {
                name: (*name).to_owned(),
                language: "rust".to_owned(),
                index_s: 0.1,
                rows: vec![row(name, "rust", *ndcg10)],
            })
            .collect();
        Report::new(runs, "root", Mode::Auto)
    }

    fn compared(before: &Report, now: &Report, margin: f64) -> Comparison {
        compare(before, now, margin).expect("can be compared")
    }

    #[test]
    fn a_fall_beyond_the_margin_is_a_regression() {
        let before = report(&[("a", 0.9), ("b", 0.8)]);
        assert!(!compared(&before, &before, 0.0).has_regression());
        let now = report(&[("a", 0.9), ("b", 0.75)]);
        let comparison = compared(&before, &now, 0.01);
        assert!(comparison.has_regression());
        assert!((comparison.mean_difference + 0.025).abs() < 1e-9);
        assert!(comparison.standard_error > 0.02);
        assert!(!compared(&before, &now, 0.03).has_regression());
        assert!(!compared(&now, &before, 0.01).has_regression());
    }

    #[test]
    fn repositories_of_one_report_alone_are_told_and_do_not_count() {
        let before = report(&[("a", 0.9), ("gone", 1.0)]);
        let now = report(&[("a", 0.9), ("new", 0.1)]);
        let comparison = compared(&before, &now, 0.01);
        assert_eq!(comparison.not_in_both, ["gone", "new"]);
        assert_eq!(comparison.queries, 1);
        assert!(comparison.mean_difference.abs() < 1e-9);
        assert!(!comparison.has_regression(), "{:?}", comparison.changes);
    }

    #[test]
    fn a_query_whose_labels_changed_is_another() {
        let before = report(&[("a", 0.9), ("b", 0.9)]);
        let mut now = report(&[("a", 0.9), ("b", 0.1)]);
        now.rows[1].targets = vec!["elsewhere.rs".to_owned()];
        assert!(!compared(&before, &now, 0.01).has_regression());
    }

    #[test]
    fn reports_of_another_making_are_not_compared() {
        let before = report(&[("a", 0.9)]);
        let mut full = report(&[("a", 0.9)]);
        full.scope = "full".to_owned();
        assert!(compare(&before, &full, 0.01).is_err());
        let mut lexical = report(&[("a", 0.9)]);
        lexical.mode = "lexical".to_owned();
        assert!(compare(&before, &lexical, 0.01).is_err());
        assert!(compare(&before, &report(&[("b", 0.9)]), 0.01).is_err());
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
