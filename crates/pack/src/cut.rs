//! A file that is cut: what the reader has of it, what is shown so far.

use std::ops::RangeInclusive;

use crate::forms::{Form, LineStarts};
use crate::lines::{LineSet, Lines};
use crate::source::Source;
use crate::span_id::SpanId;

/// A span that was chosen, in its form.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Number of its source.
    pub(crate) source: usize,
    /// Lines that no other unit shows.
    pub(crate) body: LineSet,
    /// Lines of what encloses them, and imports.
    pub(crate) headers: LineSet,
    /// How well it answers.
    pub(crate) score: f32,
}

/// Lines of a text that the reader has, of those ids that name its file.
pub(crate) fn known_lines<'a>(lines: &Lines<'_>, ids: impl Iterator<Item = &'a SpanId>) -> LineSet {
    let mut known = LineSet::default();
    for id in ids {
        let within =
            |range: &RangeInclusive<u32>| *range.start()..=(*range.end()).min(lines.count());
        let ranges: Vec<RangeInclusive<u32>> = id.lines.iter().map(within).collect();
        let text: String = ranges
            .iter()
            .cloned()
            .map(|range| lines.text(range))
            .collect();
        if id.still_holds(&text) {
            for range in ranges.iter().filter(|range| !range.is_empty()) {
                known.insert(range);
            }
        }
    }
    known
}

/// Whether a reader who has these spans of a file with this text has these lines.
pub fn is_known(text: &str, ids: &[&SpanId], lines: &RangeInclusive<u32>) -> bool {
    let known = known_lines(&Lines::new(text), ids.iter().copied());
    known.missing(lines).ranges().next().is_none()
}

/// A source with what is needed to cut it.
pub(crate) struct Cut<'a> {
    pub(crate) source: &'a Source,
    pub(crate) lines: Lines<'a>,
    pub(crate) starts: LineStarts,
    /// Lines that the reader has.
    pub(crate) excluded: LineSet,
    /// Those, and the lines of all units so far.
    pub(crate) shown: LineSet,
}

impl<'a> Cut<'a> {
    pub(crate) fn new(source: &'a Source, exclude: &[SpanId]) -> Self {
        let lines = Lines::new(&source.text);
        let of_file = exclude.iter().filter(|id| id.path == source.path);
        let excluded = known_lines(&lines, of_file);
        Self {
            source,
            lines,
            starts: LineStarts::of(&source.text),
            shown: excluded.clone(),
            excluded,
        }
    }

    /// A form as a unit, without the lines that another unit shows.
    pub(crate) fn unit(&self, number: usize, form: &Form, score: f32) -> Unit {
        let mut headers = LineSet::default();
        for range in form.headers.ranges() {
            headers.extend(&self.excluded.missing(&range));
        }
        Unit {
            source: number,
            body: self.shown.missing(&form.body),
            headers,
            score,
        }
    }

    /// Whether the lines say nothing.
    pub(crate) fn is_blank(&self, lines: &LineSet) -> bool {
        let mut all = lines.ranges().flatten();
        all.all(|line| self.lines.line(line).trim().is_empty())
    }

    /// Whether what the line is part of goes on after it.
    pub(crate) fn goes_on_after(&self, line: u32) -> bool {
        let definitions = &self.source.definitions;
        if definitions.iter().any(|one| *one.lines.end() == line) {
            return false;
        }
        let next = self.lines.line(line + 1);
        if definitions.iter().any(|one| one.lines.contains(&line)) {
            return true;
        }
        // Outside of all definitions: a statement that is not at its end.
        next.starts_with([' ', '\t', ')', ']', '}']) && !next.trim().is_empty()
    }
}
