//! `wherein eval DATASET`: retrieval quality on labelled queries.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use wherein_eval::{Comparison, Dataset, Figures, Options, Report, Scope, Selection, Spending};
use wherein_index::Settings;

use super::{json, remark};
use crate::args::EvalArguments;
use crate::session::{self, Wanted};
use crate::{Ending, display, interrupt};

/// Labels without a file that are told one by one.
const TOLD: usize = 10;

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
}

pub(crate) fn run(arguments: &EvalArguments) -> Result<Ending> {
    anyhow::ensure!(
        arguments.margin.is_finite() && arguments.margin >= 0.0,
        "--margin is {}; give a share of 0 or more, such as 0.01",
        arguments.margin
    );
    // What cannot be compared with is noticed before the work.
    let baseline = arguments
        .baseline
        .as_deref()
        .map(wherein_eval::read_report)
        .transpose()?;
    let scope = if arguments.scope == "full" {
        Scope::Full
    } else {
        Scope::Root
    };
    let dataset = Dataset::read(
        &arguments.dataset,
        &Selection {
            corpus: arguments.corpus.clone(),
            split: arguments.split.clone(),
            repositories: arguments.repositories.clone(),
            scope,
        },
    )?;
    tell_problems(&dataset);
    // So is a place that cannot be written to.
    arguments.out.as_deref().map(beside).transpose()?;
    interrupt::ends_at_once();
    let report = measure(arguments, &dataset)?;
    let comparison = baseline
        .as_ref()
        .map(|before| wherein_eval::compare(before, &report, arguments.margin))
        .transpose();
    if let Some(path) = &arguments.out {
        write(path, &report)?;
    }
    let comparison = comparison?;
    if arguments.json {
        json(&Output {
            report: &report,
            comparison: comparison.as_ref(),
        })?;
    } else {
        print(&report, comparison.as_ref(), arguments.misses)
            .context("cannot write to standard output")?;
    }
    if comparison.is_some_and(|comparison| comparison.has_regression()) {
        remark("worse than the baseline");
        return Ok(Ending::NothingFound);
    }
    Ok(Ending::Found)
}

fn tell_problems(dataset: &Dataset) {
    if !dataset.missing.is_empty() {
        remark(&format!(
            "no sources of {} of {} repositories: {}",
            dataset.missing.len(),
            dataset.missing.len() + dataset.repositories.len(),
            dataset.missing.join(", ")
        ));
    }
    if !dataset.unlabelled.is_empty() {
        remark(&format!(
            "the split names repositories without labels: {}",
            dataset.unlabelled.join(", ")
        ));
    }
    for (repository, path) in dataset.dangling.iter().take(TOLD) {
        remark(&format!(
            "{repository}: a label points at {path}, which is not there; nothing can match it"
        ));
    }
    if dataset.dangling.len() > TOLD {
        let more = dataset.dangling.len() - TOLD;
        remark(&format!("{more} more labels point at what is not there"));
    }
}

fn measure(arguments: &EvalArguments, dataset: &Dataset) -> Result<Report> {
    // Apart from the user's own indexes, which are left as they are.
    let home = wherein_index::home()?.join("eval");
    let wanted = Wanted {
        question: true,
        reranker: arguments.rerank.is_some(),
    };
    let added = session::added(&Settings::load(None)?, wanted)?;
    let options = Options {
        added: &added,
        rerank: arguments.rerank.map(Duration::from_millis),
        home: &home,
        runs: usize::from(arguments.runs),
        mode: arguments.mode,
        context: arguments.context,
        tokens: arguments.tokens,
    };
    let bar = bar(dataset.repositories.len() as u64);
    let runs = wherein_eval::run(dataset, options, |run| {
        bar.inc(1);
        bar.set_message(format!("{} {:.3}", run.name, run.ndcg10()));
    })?;
    bar.finish_and_clear();
    let mut report = Report::new(runs, &arguments.scope, arguments.mode);
    report.missing.clone_from(&dataset.missing);
    report.dangling = dataset.dangling.len();
    Ok(report)
}

fn bar(repositories: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(repositories), target);
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg}  ETA {eta}") {
        bar.set_style(style);
    }
    bar
}

/// A file beside `path` that takes its place when it is whole.
fn beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    anyhow::ensure!(
        !path.is_dir(),
        "cannot write {}: it is a folder",
        path.display()
    );
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, report: &Report) -> Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| Ok(file.persist(path)?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn print(report: &Report, comparison: Option<&Comparison>, misses: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{:<22} {:>7} {:>8} {:>6} {:>9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7}",
        "",
        "queries",
        "NDCG@10",
        "MRR",
        "recall@10",
        "@500",
        "@1k",
        "@2k",
        "@4k",
        "@8k",
        "tokens",
        "p50 ms",
        "p95 ms"
    )?;
    for (title, group) in [
        ("category", &report.by_category),
        ("language", &report.by_language),
        ("repository", &report.by_repository),
    ] {
        // A single group says what the whole says.
        if group.len() > 1 {
            writeln!(out, "{title}")?;
            for (name, figures) in group {
                line(
                    &mut out,
                    &format!("  {}", display::sanitized(name)),
                    figures,
                )?;
            }
        }
    }
    line(&mut out, "all queries", &report.overall)?;
    writeln!(
        out,
        "NDCG@10, mean over {} repositories: {:.4}",
        report.by_repository.len(),
        report.ndcg10_repository_mean
    )?;
    let seconds: f64 = report.index_s.values().sum();
    writeln!(
        out,
        "indexing: {seconds:.2} s in all, {:.3} s a repository; recall is within so many {} tokens",
        seconds / report.index_s.len().max(1) as f64,
        report.tokenizer
    )?;
    if let Some((name, slowest)) = report.index_s.iter().max_by(|a, b| a.1.total_cmp(b.1)) {
        writeln!(
            out,
            "slowest to index: {} {slowest:.2} s",
            display::sanitized(name)
        )?;
    }
    if !report.overall.shown_in_context.is_empty() {
        write!(out, "wanted lines that a context shows:")?;
        for (budget, share) in &report.overall.shown_in_context {
            write!(out, " {share:.3} of {budget} tokens")?;
        }
        writeln!(out)?;
    }
    print_spending(&mut out, &report.spending)?;
    if misses {
        print_misses(&mut out, report)?;
    }
    if let Some(comparison) = comparison {
        print_comparison(&mut out, comparison)?;
    }
    out.flush()
}

/// What an agent spends by each way.
fn print_spending(out: &mut impl Write, all: &[Spending]) -> std::io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<14} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}",
        "until found by",
        "tokens",
        "median",
        "read",
        "answers",
        "@500",
        "@1k",
        "@2k",
        "@4k",
        "@8k",
        "never"
    )?;
    for one in all {
        write!(
            out,
            "{:<14} {:>8.0} {:>8.0} {:>8.0} {:>8.1}",
            one.way, one.tokens, one.tokens_median, one.read, one.answers
        )?;
        for share in one.recall_at_tokens.values() {
            write!(out, " {share:>6.3}")?;
        }
        writeln!(out, " {:>6.3}", one.never)?;
    }
    Ok(())
}

fn line(out: &mut impl Write, name: &str, figures: &Figures) -> std::io::Result<()> {
    let recall = |budget| {
        figures
            .recall_at_tokens
            .get(&budget)
            .copied()
            .unwrap_or(0.0)
    };
    writeln!(
        out,
        "{name:<22} {:>7} {:>8.3} {:>6.3} {:>9.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>7.0} {:>7.2} {:>7.2}",
        figures.queries,
        figures.ndcg10,
        figures.mrr10,
        figures.recall10,
        recall(500),
        recall(1000),
        recall(2000),
        recall(4000),
        recall(8000),
        figures.tokens_first_hit,
        figures.p50_ms,
        figures.p95_ms
    )
}

fn print_misses(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    writeln!(out, "\nfirst hit wrong")?;
    for row in report.rows.iter().filter(|row| row.hit1 == 0.0) {
        let places = |all: &[String], most: usize| {
            let shown: Vec<&str> = all.iter().take(most).map(String::as_str).collect();
            display::sanitized(&shown.join(", "))
        };
        writeln!(
            out,
            "  {:.2} {} {:?}\n       wanted {}\n       found  {}",
            row.ndcg10,
            display::sanitized(&row.repository),
            row.query,
            places(&row.targets, 4),
            places(&row.hits, 3)
        )?;
    }
    Ok(())
}

fn print_comparison(out: &mut impl Write, comparison: &Comparison) -> std::io::Result<()> {
    writeln!(
        out,
        "\n{:<28} {:>8} {:>8} {:>8}",
        "against the baseline", "before", "now", "change"
    )?;
    for change in &comparison.changes {
        writeln!(
            out,
            "{:<28} {:>8.4} {:>8.4} {:>8}{}",
            display::sanitized(&change.name),
            change.before,
            change.now,
            signed(change.now - change.before),
            if change.is_regression { "  worse" } else { "" }
        )?;
    }
    writeln!(
        out,
        "{} queries in both; mean change of a repository's NDCG@10: {} (standard error {:.4})",
        comparison.queries,
        signed(comparison.mean_difference),
        comparison.standard_error
    )?;
    if !comparison.not_in_both.is_empty() {
        writeln!(
            out,
            "in one of the two reports alone, not compared: {}",
            display::sanitized(&comparison.not_in_both.join(", "))
        )?;
    }
    Ok(())
}

/// With its sign; nothing is not negative.
fn signed(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4 + 0.0;
    format!("{rounded:+.4}")
}
