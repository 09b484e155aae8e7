//! What a person sees: hits, numbers, errors. Text of a repository never
//! reaches a terminal with its control characters alive.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};
use wherein_core::{Contribution, Explanation, Hit, RelatedAnswer, SearchAnswer};

const PATH: Style = AnsiColor::Magenta.on_default();
const LINE: Style = AnsiColor::Green.on_default();
const KIND: Style = AnsiColor::Cyan.on_default();
const FAINT: Style = Style::new().effects(Effects::DIMMED);
const NAME: Style = Style::new().effects(Effects::BOLD);

/// Longest line of a hit that is shown, in characters.
const MAX_LINE_CHARS: usize = 240;

/// Replaces what could move the cursor, hide text or reorder it: control
/// characters (tabs apart) and bidirectional overrides.
pub(crate) fn sanitized(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => '\t',
            '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{61c}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// What a person can do about an error of the disk.
pub(crate) fn advice(error: &anyhow::Error) -> &'static str {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let mut causes = error.chain();
    let kind = causes.find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    match kind {
        Some(StorageFull | QuotaExceeded) => {
            "; free some space, or set WHEREIN_HOME to a folder that has more"
        }
        Some(PermissionDenied | ReadOnlyFilesystem) => {
            "; check its rights, or set WHEREIN_HOME to a folder that can be written"
        }
        _ => "",
    }
}

/// What is wrong with the arguments, in one line.
pub(crate) fn usage_error(error: &clap::Error) -> String {
    let said = error.render().to_string();
    let first = said.split("\n\n").next().unwrap_or(&said);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let line: Vec<&str> = first.split_whitespace().collect();
    format!("{}; `wherein --help` shows how", line.join(" "))
}

/// An error and its causes in one line.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Errors that already tell their cause are not told twice.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    sanitized(&parts.join(": ").replace('\n', "; "))
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count with its noun, in the plural where that is right.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// A size for people.
/// How long ago a time since the epoch is.
pub(crate) fn ago(seconds: u64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let passed = now.saturating_sub(seconds);
    match passed {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} ago", counted(passed / 60, "minute")),
        3_600..86_400 => format!("{} ago", counted(passed / 3_600, "hour")),
        _ => format!("{} ago", counted(passed / 86_400, "day")),
    }
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Writes the hits of an answer.
pub(crate) fn answer(out: &mut dyn Write, answer: &SearchAnswer, lines: usize) -> io::Result<()> {
    for hit in &answer.hits {
        if hit.rank > 1 {
            writeln!(out)?;
        }
        heading(out, hit)?;
        if let Some(explain) = &hit.explain {
            explanation(out, hit.score, explain)?;
        }
        body(out, hit, lines)?;
    }
    Ok(())
}

/// Writes what belongs to a place.
pub(crate) fn related(out: &mut dyn Write, answer: &RelatedAnswer, lines: usize) -> io::Result<()> {
    let of = &answer.of;
    let place = format!("{}:{}-{}", of.path, of.start_line, of.end_line);
    let name = if of.breadcrumb.is_empty() {
        sanitized(&place)
    } else {
        format!("{} ({})", sanitized(&of.breadcrumb), sanitized(&place))
    };
    for (what, sites) in [("called by", &answer.callers), ("calls", &answer.callees)] {
        if sites.is_empty() {
            continue;
        }
        let is_cut = what == "called by" && !answer.callers_complete;
        let more = if is_cut { ", and maybe more" } else { "" };
        let count = counted(sites.len() as u64, "place");
        writeln!(
            out,
            "{NAME}{name}{NAME:#} {what} {FAINT}{count}{more}{FAINT:#}"
        )?;
        for site in sites {
            write!(
                out,
                "  {PATH}{}{PATH:#}:{LINE}{}{LINE:#}",
                sanitized(&site.path),
                site.line
            )?;
            if !site.breadcrumb.is_empty() {
                write!(out, "  {NAME}{}{NAME:#}", sanitized(&site.breadcrumb))?;
            }
            writeln!(out, "  {FAINT}{}{FAINT:#}", sanitized(&site.text))?;
        }
        writeln!(out)?;
    }
    if !answer.hits.is_empty() {
        writeln!(out, "{NAME}{name}{NAME:#} resembles")?;
    }
    for hit in &answer.hits {
        writeln!(out)?;
        heading(out, hit)?;
        body(out, hit, lines)?;
    }
    Ok(())
}

/// The parts of a score, greatest first, and their sum.
fn explanation(out: &mut dyn Write, score: f32, explain: &Explanation) -> io::Result<()> {
    let mut parts: Vec<&Contribution> = explain.contributions.iter().collect();
    parts.sort_by(|a, b| b.added.abs().total_cmp(&a.added.abs()));
    for Contribution {
        feature,
        value,
        added,
    } in parts
    {
        writeln!(out, "  {FAINT}{added:+8.3}  {feature} {value:.2}{FAINT:#}")?;
    }
    writeln!(out, "  {FAINT}{score:8.3}  score{FAINT:#}")?;
    if !explain.matched_words.is_empty() {
        let words = sanitized(&explain.matched_words.join(" "));
        writeln!(out, "  {FAINT}words: {words}{FAINT:#}")?;
    }
    Ok(())
}

fn heading(out: &mut dyn Write, hit: &Hit) -> io::Result<()> {
    let path = sanitized(&hit.path);
    let (start, end) = (hit.start_line, hit.end_line);
    write!(
        out,
        "{PATH}{path}{PATH:#}:{LINE}{start}-{end}{LINE:#}  {KIND}{}{KIND:#}",
        hit.kind
    )?;
    if !hit.breadcrumb.is_empty() {
        write!(out, " {NAME}{}{NAME:#}", sanitized(&hit.breadcrumb))?;
    }
    writeln!(out, "  {FAINT}{:.3}{FAINT:#}", hit.score)
}

fn body(out: &mut dyn Write, hit: &Hit, lines: usize) -> io::Result<()> {
    let all: Vec<&str> = hit.text.lines().collect();
    let shown = if lines == 0 {
        all.len()
    } else {
        lines.min(all.len())
    };
    let width = hit.end_line.to_string().len();
    for (at, line) in all[..shown].iter().enumerate() {
        let mut text = sanitized(line);
        if let Some((cut, _)) = text.char_indices().nth(MAX_LINE_CHARS) {
            text.truncate(cut);
            text.push('…');
        }
        let number = hit.start_line as usize + at;
        writeln!(out, "  {LINE}{number:>width$}{LINE:#}  {text}")?;
    }
    let rest = all.len() - shown;
    if rest > 0 {
        let more = counted(rest as u64, "more line");
        writeln!(out, "  {FAINT}{:>width$}  ({more}){FAINT:#}", "")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_alive() {
        assert_eq!(
            sanitized("a\u{1b}[31mb\tc\u{202e}d\r"),
            "a\u{fffd}[31mb\tc\u{fffd}d\u{fffd}"
        );
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(2, "file"), "2 files");
        assert_eq!(size(1_500), "1.5 kB");
    }

    #[test]
    fn an_error_is_one_line_and_says_nothing_twice() {
        let error = anyhow::anyhow!("disk is full").context("cannot write a: disk is full");
        assert_eq!(one_line(&error), "cannot write a: disk is full");
        assert_eq!(one_line(&anyhow::anyhow!("b\nc").context("a")), "a: b; c");
    }
}
