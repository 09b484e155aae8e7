//! From figures to the README: a table between two markers, and a picture.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::measure::Figures;
use crate::{agents, fresh, models, vectors};

const BEGIN: &str = "<!-- figures: made by `make bench` -->";
const END: &str = "<!-- end of figures -->";
const BEGIN_VECTORS: &str = "<!-- vectors: made by `make bench-vectors` -->";
const END_VECTORS: &str = "<!-- end of vectors -->";
const BEGIN_FRESH: &str = "<!-- fresh: made by `make bench-fresh` -->";
const END_FRESH: &str = "<!-- end of fresh -->";
const BEGIN_MODELS: &str = "<!-- models: made by `make bench-models` -->";
const END_MODELS: &str = "<!-- end of models -->";

const BEGIN_AGENTS: &str = "<!-- agents: made by `make bench-agents` -->";
const END_AGENTS: &str = "<!-- end of agents -->";

struct Row {
    what: String,
    measured: f64,
    goal: f64,
    unit: &'static str,
    /// Whether more is better.
    more: bool,
}

fn rows(figures: &Figures) -> Vec<Row> {
    let row = |what: String, measured, goal, unit, more| Row {
        what,
        measured,
        goal,
        unit,
        more,
    };
    vec![
        row(
            format!("index {:.0} MB of source end to end", figures.corpus_mb),
            figures.index_mb_per_second,
            4.0,
            "MB/s",
            true,
        ),
        row(
            "peak memory, indexing 50 MB".to_owned(),
            figures.fifty_mb_peak_memory_mb,
            300.0,
            "MB",
            false,
        ),
        row(
            format!("warm HTTP search, {} chunks, p50", figures.corpus_chunks),
            figures.http_p50_ms,
            4.0,
            "ms",
            false,
        ),
        row(
            format!("warm HTTP search, {} chunks, p99", figures.corpus_chunks),
            figures.http_p99_ms,
            15.0,
            "ms",
            false,
        ),
        row(
            "cold CLI search, 5 MB repository, median".to_owned(),
            figures.cold_search_ms,
            150.0,
            "ms",
            false,
        ),
        row(
            format!("cold CLI search, {} chunks, median", figures.corpus_chunks),
            figures.cold_large_search_ms,
            150.0,
            "ms",
            false,
        ),
        row(
            format!(
                "`index` when none of {} files changed",
                figures.no_change_files
            ),
            figures.no_change_ms,
            300.0,
            "ms",
            false,
        ),
    ]
}

/// Rewrites the table in `readme` and the picture beside the benchmarks.
pub(crate) fn write(figures: &Figures, readme: &Path) -> Result<()> {
    put(readme, BEGIN, END, &table(figures))?;
    let picture = readme.with_file_name("benches").join("figures.svg");
    std::fs::write(&picture, svg(&rows(figures)))
        .with_context(|| format!("cannot write {}", picture.display()))
}

/// Rewrites the table of scan and graph in `readme`.
pub(crate) fn write_vectors(figures: &vectors::Figures, readme: &Path) -> Result<()> {
    put(readme, BEGIN_VECTORS, END_VECTORS, &vector_table(figures))
}

/// Puts `text` between two marks.
fn put(readme: &Path, begin: &str, end: &str, text: &str) -> Result<()> {
    let whole = std::fs::read_to_string(readme)
        .with_context(|| format!("cannot read {}", readme.display()))?;
    let (before, rest) = whole
        .split_once(begin)
        .with_context(|| format!("{} has no mark {begin}", readme.display()))?;
    let (_, after) = rest
        .split_once(end)
        .with_context(|| format!("{} has no mark {end}", readme.display()))?;
    std::fs::write(readme, format!("{before}{begin}\n\n{text}\n{end}{after}"))
        .with_context(|| format!("cannot write {}", readme.display()))
}

/// Rewrites the table of how fast an index follows, in `readme`.
pub(crate) fn write_fresh(figures: &fresh::Figures, readme: &Path) -> Result<()> {
    put(readme, BEGIN_FRESH, END_FRESH, &fresh_table(figures))
}

fn fresh_table(figures: &fresh::Figures) -> String {
    let files = figures.files;
    let milliseconds = |ms: f64| format!("{ms:.0} ms");
    let seconds = |seconds: f64| format!("{seconds:.1} s");
    let rows = [
        (
            format!("nothing has changed in {files} files, a new process"),
            milliseconds(figures.no_change_ms),
            "under 100 ms",
        ),
        (
            "nothing has changed, a running service".to_owned(),
            format!("{:.1} ms", figures.no_change_service_ms),
            "under 5 ms",
        ),
        (
            "five changed files are found by a new process".to_owned(),
            milliseconds(figures.changed_process_ms),
            "under 150 ms",
        ),
        (
            "five changed files are found by a running service".to_owned(),
            milliseconds(figures.changed_service_ms),
            "under 50 ms",
        ),
        (
            format!("what hooks add to a commit of {:.0} ms", figures.commit_ms),
            format!("{:.1} ms", figures.hook_ms),
            "under 20 ms",
        ),
        (
            "a second worktree is indexed".to_owned(),
            seconds(figures.worktree_seconds),
            "under 2 s",
        ),
        (
            "what it adds to the index".to_owned(),
            format!("{:.1} %", figures.worktree_share * 100.0),
            "under 5 %",
        ),
        (
            format!(
                "made anew when a branch that differs in {} files comes back",
                figures.branch_files
            ),
            format!(
                "{} files, {:.2} s",
                figures.branch_made_anew, figures.branch_seconds
            ),
            "none",
        ),
        (
            format!(
                "index {} small files; half of them take",
                figures.large_files
            ),
            format!(
                "{}; {}",
                seconds(figures.large_seconds),
                seconds(figures.large_half_seconds)
            ),
            "at most 2.2 times",
        ),
        (
            "peak memory then".to_owned(),
            format!("{:.0} MB", figures.large_memory_mb),
            "",
        ),
        (
            "again with a tenth of them changed".to_owned(),
            seconds(figures.large_again_seconds),
            "",
        ),
        (
            "peak memory then".to_owned(),
            format!("{:.0} MB", figures.large_again_memory_mb),
            "under 300 MB",
        ),
    ];
    let mut table = String::from("| what | measured | goal |\n|---|---:|---:|\n");
    for (what, measured, goal) in rows {
        let _ = writeln!(table, "| {what} | {measured} | {goal} |");
    }
    let _ = writeln!(
        table,
        "\n{}. Made by `make bench-fresh`; all figures in `benches/fresh.json`.",
        figures.conditions
    );
    table
}

/// Rewrites the tables of what agents see, and the picture of what they spend.
pub(crate) fn write_agents(figures: &agents::Figures, readme: &Path) -> Result<()> {
    put(readme, BEGIN_AGENTS, END_AGENTS, &agent_table(figures))?;
    if figures.spending.is_empty() {
        return Ok(());
    }
    let picture = readme.with_file_name("benches").join("agents.svg");
    std::fs::write(&picture, spending_svg(figures))
        .with_context(|| format!("cannot write {}", picture.display()))
}

fn agent_table(figures: &agents::Figures) -> String {
    let mut table = String::new();
    if !figures.spending.is_empty() {
        table.push_str(
            "| until something of the right file is read, by | tokens | median | whole answers | found within 500 | 1k | 2k | 4k | 8k | never |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for one in &figures.spending {
            let _ = write!(
                table,
                "| {} | {:.0} | {:.0} | {:.0} |",
                one.way, one.tokens, one.tokens_median, one.read
            );
            for share in one.recall_at_tokens.values() {
                let _ = write!(table, " {share:.3} |");
            }
            let _ = writeln!(table, " {:.3} |", one.never);
        }
        let _ = writeln!(
            table,
            "\n{} labelled questions about {} repositories, `wherein eval --tokens`. The text of answers is counted; a client that hands its model the structured content too pays about twice that. *grep + read* is modelled on the benchmark's published baseline: whole files, those with most of the question's words first, for as long as it takes.\n",
            figures.spending_queries, figures.spending_repositories
        );
        if let Some(conditions) = &figures.spending_conditions {
            let _ = writeln!(table, "{conditions}.\n");
        }
    }
    let (files, chunks) = (figures.files, figures.chunks);
    let milliseconds = |ms: f64| format!("{ms:.0} ms");
    let megabytes = |mb: f64| format!("{mb:.0} MB");
    let rows = [
        (
            "handshake, from the start of the process, nothing indexed".to_owned(),
            milliseconds(figures.handshake_ms),
            "under 200 ms",
        ),
        (
            "first answer, from the start of the process, 5 MB repository".to_owned(),
            milliseconds(figures.first_small_ms),
            "under 150 ms",
        ),
        (
            format!("the same, {files} files, {chunks} chunks"),
            milliseconds(figures.first_large_ms),
            "under 150 ms",
        ),
        (
            "a further answer there".to_owned(),
            milliseconds(figures.next_large_ms),
            "",
        ),
        (
            format!("first answer about {files} files that were never indexed"),
            format!("{:.1} s", figures.unindexed_seconds),
            "under 2 s",
        ),
        (
            "spans of the final answer that are in it".to_owned(),
            format!("{:.0} %", figures.unindexed_share * 100.0),
            "",
        ),
        (
            "until all of them are indexed, while answering".to_owned(),
            format!("{:.1} s", figures.unindexed_whole_seconds),
            "",
        ),
        (
            "private memory of each of five sessions there, all tools used".to_owned(),
            megabytes(figures.session_memory_mb),
            "under 60 MB",
        ),
        (
            "the same after a change that all have seen".to_owned(),
            megabytes(figures.session_memory_changed_mb),
            "under 60 MB",
        ),
        (
            "processor time of all five in ten idle seconds".to_owned(),
            milliseconds(figures.session_idle_ms),
            "none",
        ),
    ];
    table.push_str("| what | measured | goal |\n|---|---:|---:|\n");
    for (what, measured, goal) in rows {
        let _ = writeln!(table, "| {what} | {measured} | {goal} |");
    }
    let _ = writeln!(
        table,
        "\n{}. Made by `make bench-agents`; all figures in `benches/agents.json`.",
        figures.conditions
    );
    table
}

/// Recall against tokens, one line for each way; told apart by dashes and labels too.
fn spending_svg(figures: &agents::Figures) -> String {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 300.0;
    const LEFT: f64 = 60.0;
    const TOP: f64 = 30.0;
    const RIGHT: f64 = 590.0;
    const BOTTOM: f64 = 250.0;
    let looks = [("#b35900", "2 5"), ("#0b6e4f", "none"), ("#3b4cc0", "8 4")];
    let budgets: Vec<f64> = figures.spending.first().map_or_else(Vec::new, |one| {
        one.recall_at_tokens
            .keys()
            .map(|budget| *budget as f64)
            .collect()
    });
    let (Some(first), Some(last)) = (budgets.first(), budgets.last()) else {
        return String::new();
    };
    let x = |budget: f64| LEFT + (RIGHT - LEFT) * (budget / first).ln() / (last / first).ln();
    let y = |share: f64| BOTTOM - (BOTTOM - TOP) * share;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n<title>Share of the right files found, by tokens read</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n<text x=\"{LEFT}\" y=\"18\" fill=\"#333333\">share of the right files of which something has been read</text>\n"
    );
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"#dddddd\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\" fill=\"#555555\">{3:.0} %</text>",
            y(share),
            LEFT - 8.0,
            y(share) + 4.0,
            share * 100.0
        );
    }
    for budget in &budgets {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{budget:.0} tokens</text>",
            x(*budget),
            BOTTOM + 22.0
        );
    }
    for (one, (colour, dashes)) in figures.spending.iter().zip(looks) {
        let points: Vec<String> = one
            .recall_at_tokens
            .iter()
            .map(|(budget, share)| format!("{:.1},{:.1}", x(*budget as f64), y(*share)))
            .collect();
        let end = one.recall_at_tokens.values().last().copied().unwrap_or(0.0);
        // Two lines that end together have labels one below the other.
        let lower = if one.way == "context" { 18.0 } else { 0.0 };
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/><text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            RIGHT + 8.0,
            y(end) + 4.0 + lower,
            one.way
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Rewrites the table of the models' speed in `readme`.
pub(crate) fn write_models(figures: &models::Figures, readme: &Path) -> Result<()> {
    put(readme, BEGIN_MODELS, END_MODELS, &model_table(figures))
}

fn model_table(figures: &models::Figures) -> String {
    let mut table = String::from("| model | what | measured | goal |\n|---|---|---:|---:|\n");
    let mut row = |model: &str, what: &str, measured: String, goal: &str| {
        let _ = writeln!(table, "| {model} | {what} | {measured} | {goal} |");
    };
    let one = &figures.built_in;
    let milliseconds = |ms: f64| format!("{ms:.1} ms");
    let built_in = format!("built in, {}", one.runtime);
    row(
        &built_in,
        "loaded, first question answered",
        milliseconds(one.load_ms),
        "under 40 ms",
    );
    row(
        &built_in,
        "a question",
        format!("{:.3} ms", one.query_ms),
        "under 0.2 ms",
    );
    let speed = format!("{:.1} MB/s", one.mb_per_second_one_core);
    row(
        &built_in,
        "text of chunks, one core, tokenising included",
        speed,
        "at least 10 MB/s",
    );
    let speed = format!("{:.1} MB/s", one.mb_per_second_all_cores);
    row(&built_in, "the same, all cores", speed, "");
    for one in &figures.encoders {
        let model = format!("{}, {}", one.model, one.runtime);
        row(&model, "loaded", milliseconds(one.load_ms), "");
        row(&model, "a question", milliseconds(one.query_ms), "");
        let speed = format!("{:.0} a second", one.chunks_per_second);
        row(
            &model,
            "chunks of 128 tokens, all cores",
            speed,
            "at least 60 a second",
        );
    }
    for one in &figures.rerankers {
        let model = format!("{}, {}", one.model, one.runtime);
        row(&model, "loaded", milliseconds(one.load_ms), "");
        row(
            &model,
            "30 candidates",
            milliseconds(one.thirty_candidates_ms),
            "",
        );
    }
    let _ = writeln!(
        table,
        "\n{}. Made by `make bench-models`; all figures in `benches/models.json`.",
        figures.conditions
    );
    table
}

fn vector_table(figures: &vectors::Figures) -> String {
    let mut table = String::from(
        "| vectors | exact, all cores | exact, one core | graph | its recall@10 | its building | memory for that |\n|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in &figures.rows {
        let _ = writeln!(
            table,
            "| {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.3} | {:.0} s | {:.0} MB |",
            row.vectors,
            row.exact_ms,
            row.exact_one_core_ms,
            row.graph_ms,
            row.graph_recall,
            row.graph_build_seconds,
            row.graph_build_memory_mb
        );
    }
    let _ = writeln!(
        table,
        "\n{}. Made by `make bench-vectors`.",
        figures.conditions
    );
    table
}

fn table(figures: &Figures) -> String {
    let mut table = String::from("| what | measured | goal |\n|---|---:|---:|\n");
    for row in rows(figures) {
        let least = if row.more { "at least" } else { "under" };
        let _ = writeln!(
            table,
            "| {} | {:.1} {} | {least} {} {} |",
            row.what, row.measured, row.unit, row.goal, row.unit
        );
    }
    let _ = writeln!(
        table,
        "\n{}. Made by `make bench`; all figures in `benches/results.json`.",
        figures.conditions
    );
    table
}

/// Bars: how much of each limit is used (or how much of a least speed is
/// missing); what ends left of the line holds.
fn svg(rows: &[Row]) -> String {
    const BAR: f64 = 340.0;
    const LEFT: f64 = 330.0;
    let height = 40 + rows.len() * 34;
    let line = LEFT + BAR / 1.5;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n<title>Measured figures against their goals</title>\n<rect width=\"800\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (at, row) in rows.iter().enumerate() {
        let used = if row.more {
            row.goal / row.measured.max(1e-9)
        } else {
            row.measured / row.goal
        };
        let width = (used / 1.5).min(1.0) * BAR;
        let y = 30 + at * 34;
        let (colour, mark) = if used <= 1.0 {
            ("#2b7a78", "holds")
        } else {
            ("#b8480a", "missed")
        };
        let what = row.what.replace('`', "");
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{}\" text-anchor=\"end\">{what}</text>\n<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.0}\" height=\"18\" fill=\"{colour}\"/>\n<text x=\"{:.0}\" y=\"{}\">{:.1} {} ({mark})</text>",
            LEFT - 8.0,
            y + 14,
            LEFT + BAR + 8.0,
            y + 14,
            row.measured,
            row.unit
        );
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{line:.0}\" x2=\"{line:.0}\" y1=\"22\" y2=\"{}\" stroke=\"#333\" stroke-dasharray=\"4 3\"/>\n<text x=\"{line:.0}\" y=\"16\" text-anchor=\"middle\">goal</text>\n</svg>",
        height - 6
    );
    svg
}
