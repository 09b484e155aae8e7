//! Answers as a model reads them: a text, and the same as structured content, both
//! within the tokens that a client lets through.

use std::fmt::Write;

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;
use wherein_core::{
    CallSite, ContextAnswer, ExactMatches, Hit, IndexState, RelatedAnswer, SearchAnswer,
};
use wherein_index::{SpanId, Status, Tokenizer};

/// Most tokens of text and structured content together, unless a budget was given.
const MAX_TOKENS: usize = 9_000;
/// Of those, what callers and callees may have: they are few and short.
const RELATED_TOKENS: usize = 5_000;
/// Bytes of one hit that are shown; a span can be one endless line.
const MAX_HIT_BYTES: usize = 8 << 10;

/// An answer that is an error: it says what to do.
pub(super) fn error(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn result(text: String, structured: &impl Serialize) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = serde_json::to_value(structured).ok();
    result
}

/// Spans of an answer; those that are shown whole for as long as they are the same.
pub(super) fn shown(hits: &[Hit]) -> Vec<SpanId> {
    let one = |hit: &Hit| {
        let lines = hit.start_line..=hit.end_line;
        let mut id = SpanId::of_lines(&hit.path, lines.clone(), &hit.text);
        if hit.text.lines().count() != lines.count() {
            id.hash = None;
        }
        id
    };
    hits.iter().map(one).collect()
}

/// Ranked spans.
pub(super) fn search(answer: &mut SearchAnswer, notes: &[String]) -> CallToolResult {
    let found = answer.hits.len();
    keep_within(answer);
    let mut text = String::new();
    for hit in &answer.hits {
        span(&mut text, hit);
    }
    if let Some(exact) = &answer.exact {
        exactly(&mut text, exact);
    }
    if answer.hits.is_empty() {
        text.push_str(
            "Nothing found. Try other words, fewer filters, or mode=regex for exact text.\n",
        );
    }
    if answer.by_meaning_alone {
        text.push_str("[No word of the query occurs here; these are near in meaning alone.]\n");
    }
    if answer.hits.len() < found {
        let more = found - answer.hits.len();
        let _ = writeln!(
            text,
            "[{more} more spans were left out for length; exclude these to see them.]"
        );
    }
    tail(&mut text, &answer.index, notes);
    result(text, answer)
}

/// Cuts what is too long: the text of a hit, then the last hits.
fn keep_within(answer: &mut SearchAnswer) {
    for hit in &mut answer.hits {
        cut(&mut hit.text);
    }
    // No text has more tokens than bytes.
    let mut written = String::new();
    let mut all = json_of(answer).len();
    for hit in &answer.hits {
        span(&mut written, hit);
    }
    all += written.len();
    if all <= MAX_TOKENS {
        return;
    }
    let count = |text: &str| Tokenizer::default().count(text);
    let hits = std::mem::take(&mut answer.hits);
    let mut tokens = count(&json_of(answer));
    if let Some(exact) = &answer.exact {
        let mut lines = String::new();
        exactly(&mut lines, exact);
        tokens += count(&lines);
    }
    for hit in hits {
        written.clear();
        span(&mut written, &hit);
        tokens += count(&written) + count(&json_of(&hit));
        if tokens > MAX_TOKENS && !answer.hits.is_empty() {
            break;
        }
        answer.hits.push(hit);
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_HIT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_HIT_BYTES));
        text.push('…');
    }
}

fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn span(text: &mut String, hit: &Hit) {
    text.push_str(&hit.as_read());
}

fn exactly(text: &mut String, exact: &ExactMatches) {
    let ExactMatches { lines, files, .. } = exact;
    let listed: usize = exact.places.iter().map(|one| one.lines.len()).sum();
    let counted = |number: u64, noun: &str| {
        let s = if number == 1 { "" } else { "s" };
        format!("{number} {noun}{s}")
    };
    let (in_lines, in_files) = (counted(*lines, "line"), counted(*files, "file"));
    let what = if exact.complete {
        format!("`{}`: all {in_lines} in {in_files} (complete)", exact.text)
    } else {
        format!(
            "`{}`: {listed} of {in_lines} or more in {in_files}",
            exact.text
        )
    };
    let _ = writeln!(text, "{what}:");
    for place in &exact.places {
        let lines: Vec<String> = place.lines.iter().map(u32::to_string).collect();
        let _ = writeln!(text, "{}:{}", place.path, lines.join(","));
    }
}

/// What is to be known of the answer as a whole, behind it.
fn tail(text: &mut String, index: &IndexState, notes: &[String]) {
    if index.pending_files > 0 && !notes.iter().any(|note| note.contains("being built")) {
        let files = index.pending_files;
        let _ = writeln!(
            text,
            "[{files} files have just changed and are not in this answer.]"
        );
    }
    for note in notes {
        let _ = writeln!(text, "[{note}]");
    }
    text.truncate(text.trim_end().len());
}

/// A packed context.
pub(super) fn context(answer: &ContextAnswer, notes: &[String]) -> CallToolResult {
    let mut text = answer.text.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if answer.blocks.is_empty() {
        text.clear();
        text.push_str(if answer.left_out == 0 {
            "Nothing found. Try other words or fewer filters.\n"
        } else {
            "Nothing that was found fits; give a larger budget_tokens.\n"
        });
    }
    if answer.by_meaning_alone {
        text.push_str("[No word of the query occurs here; these are near in meaning alone.]\n");
    }
    if answer.left_out > 0 && !answer.blocks.is_empty() {
        let more = answer.left_out;
        let _ = writeln!(
            text,
            "[{more} more spans did not fit; new_only=true brings them.]"
        );
    }
    if !answer.not_excluded.is_empty() {
        let unknown = answer.not_excluded.join(", ");
        let _ = writeln!(
            text,
            "[Not in the index, so nothing is left out for: {unknown}]"
        );
    }
    tail(&mut text, &answer.index, notes);
    let mut structured = serde_json::to_value(answer).unwrap_or_default();
    // It is in `text`; each line twice would be twice the tokens.
    for block in structured["blocks"].as_array_mut().into_iter().flatten() {
        if let Some(block) = block.as_object_mut() {
            block.remove("text");
        }
    }
    result(text, &structured)
}

/// What belongs to a place.
pub(super) fn related(answer: &mut RelatedAnswer, notes: &[String]) -> CallToolResult {
    // The reader has it.
    answer.of.text.clear();
    let mut room = MAX_TOKENS.saturating_sub(RELATED_TOKENS);
    let count = |text: &str| Tokenizer::default().count(text);
    answer.hits.retain_mut(|hit| {
        cut(&mut hit.text);
        // In the text and in the structure.
        let tokens = count(&hit.as_read()) + count(&json_of(hit));
        let fits = tokens <= room;
        room = room.saturating_sub(tokens);
        fits
    });
    let of = &answer.of;
    let mut text = format!(
        "{}:{}-{} {} {}\n",
        of.path, of.start_line, of.end_line, of.kind, of.breadcrumb
    );
    let how = if answer.callers_complete {
        "complete"
    } else {
        "maybe not all"
    };
    sites(
        &mut text,
        &format!("Called by ({how}, by name)"),
        &answer.callers,
    );
    sites(&mut text, "Calls", &answer.callees);
    if !answer.hits.is_empty() {
        text.push_str("\nSimilar:\n");
    }
    for hit in &answer.hits {
        span(&mut text, hit);
    }
    tail(&mut text, &answer.index, notes);
    result(text, answer)
}

fn sites(text: &mut String, title: &str, sites: &[CallSite]) {
    if sites.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for site in sites {
        let name = if site.breadcrumb.is_empty() {
            ""
        } else {
            &site.breadcrumb
        };
        let _ = writeln!(text, "{}:{} {name}: {}", site.path, site.line, site.text);
    }
}

/// State of one repository.
pub(super) fn status(all: &[(String, Status)], notes: &[String]) -> CallToolResult {
    let mut text = String::new();
    for (_, status) in all {
        let _ = writeln!(text, "{}", status.repo);
        if !status.indexed {
            text.push_str("not indexed yet; the first search builds the index\n");
            continue;
        }
        let fresh = match (status.fresh, status.pending_files) {
            (true, _) => "up to date".to_owned(),
            (false, 0) => "not looked at yet".to_owned(),
            (false, files) => format!("{files} files differ from the index"),
        };
        let Status {
            files,
            chunks,
            model,
            ..
        } = status;
        let _ = writeln!(
            text,
            "{files} files, {chunks} chunks, {fresh}; model {model}"
        );
        let named = |(name, count): (&String, &u64)| format!("{name} {count}");
        let languages = status.languages.iter().map(|(name, count)| (name, count));
        let languages: Vec<String> = languages.take(8).map(named).collect();
        let _ = writeln!(text, "languages: {}", languages.join(", "));
        let skipped: Vec<String> = status.skipped.iter().map(named).collect();
        if !skipped.is_empty() {
            let _ = writeln!(
                text,
                "left out: {} (`wherein why FILE` tells)",
                skipped.join(", ")
            );
        }
    }
    for note in notes {
        let _ = writeln!(text, "[{note}]");
    }
    text.truncate(text.trim_end().len());
    let structured: Vec<Value> = all
        .iter()
        .map(|(name, status)| {
            let mut value = serde_json::to_value(status).unwrap_or_default();
            value["name"] = Value::from(name.as_str());
            value
        })
        .collect();
    result(text, &serde_json::json!({"repositories": structured}))
}
