//! Cutting runs of lines that are too long: at the outermost syntax there is,
//! or, without a tree, at blank lines.

use crate::lines::Lines;
use crate::outline::LineMarks;

/// Lines of one chunk of a file without a tree.
const LINES_PER_CHUNK: u32 = 40;

/// Lines that two neighbouring chunks of a file without a tree share.
const OVERLAP_LINES: u32 = 5;

/// A cut below a comment or attribute costs as much as this many levels of
/// depth: doc stays with its function as long as the body offers a cut.
const LED: u32 = 3;

/// Cuts `first..=last` into parts of at most `most` bytes and about equal size.
/// A cut is made before the line where the outermost node starts, better after
/// a blank line, never below a comment that leads what follows if it can be
/// helped. A line is never cut. Parts begin and end with a visible line.
pub(crate) fn by_depth(
    lines: &Lines<'_>,
    marks: &[LineMarks],
    first: u32,
    last: u32,
    most: usize,
) -> Vec<(u32, u32)> {
    let mut parts = Vec::new();
    let mut rest = lines.trimmed(first, last);
    while let Some((start, last)) = rest {
        let total = lines.bytes(start, last);
        if total <= most {
            parts.push((start, last));
            break;
        }
        let ideal = total / total.div_ceil(most.max(1));
        let cut = best_cut(lines, marks, start, last, ideal, most);
        parts.extend(lines.trimmed(start, cut - 1));
        rest = (cut <= last).then(|| lines.trimmed(cut, last)).flatten();
    }
    parts
}

/// The first line of the next part; above `start` and at most `last + 1`.
fn best_cut(
    lines: &Lines<'_>,
    marks: &[LineMarks],
    start: u32,
    last: u32,
    ideal: usize,
    most: usize,
) -> u32 {
    let mut best = None;
    let mut fallback = start + 1;
    for cut in start + 1..=last {
        let bytes = lines.bytes(start, cut - 1);
        if bytes > most {
            break;
        }
        fallback = cut;
        if bytes < ideal / 2 || lines.is_blank(cut) {
            continue;
        }
        let mark = marks[cut as usize];
        let above = cut - 1;
        let led = marks[above as usize].leads();
        let after_blank = lines.is_blank(above) || (led && is_bare(lines.slice(above, above)));
        let cost = (
            u32::from(mark.depth) + if led { LED } else { 0 },
            !after_blank,
            bytes.abs_diff(ideal),
        );
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, cut));
        }
    }
    best.map_or(fallback, |(_, cut)| cut)
}

/// Whether a line of comment says nothing: a paragraph ends there.
fn is_bare(line: &str) -> bool {
    !line.contains(char::is_alphanumeric)
}

/// Cuts a file without a tree into overlapping runs of at most
/// [`LINES_PER_CHUNK`] lines and `most` bytes, best before a blank line.
pub(crate) fn by_lines(lines: &Lines<'_>, most: usize) -> Vec<(u32, u32)> {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    let mut next = 0;
    while next < lines.count() {
        let Some((start, _)) = lines.trimmed(next, lines.count() - 1) else {
            break;
        };
        let end = line_cut(lines, start, most);
        parts.extend(lines.trimmed(start, end - 1));
        if end >= lines.count() {
            break;
        }
        next = overlap(lines, start, end, most);
    }
    parts
}

/// One past the last line of the run that begins at `start`.
fn line_cut(lines: &Lines<'_>, start: u32, most: usize) -> u32 {
    let limit = lines.count().min(start.saturating_add(LINES_PER_CHUNK));
    let fits = (start + 1..=limit)
        .take_while(|end| lines.bytes(start, end - 1) <= most)
        .last()
        .unwrap_or(start + 1);
    if fits == lines.count() {
        return fits;
    }
    // The last blank line of the second half ends the run.
    let half = start + (fits - start).div_ceil(2);
    (half..fits)
        .rev()
        .find(|line| lines.is_blank(*line))
        .unwrap_or(fits)
}

/// Where the run after `start..end` begins: some lines back, unless a blank
/// line parts the two anyway or the shared lines would be long.
fn overlap(lines: &Lines<'_>, start: u32, end: u32, most: usize) -> u32 {
    if lines.is_blank(end) {
        return end;
    }
    let back = (end - start - 1).min(OVERLAP_LINES);
    (1..=back)
        .rev()
        .map(|back| end - back)
        .find(|begin| lines.bytes(*begin, end - 1) <= most / 4)
        .unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(depths: &[u16]) -> Vec<LineMarks> {
        let mark = |depth: &u16| LineMarks {
            depth: *depth,
            comment: false,
            attribute: false,
        };
        depths.iter().map(mark).collect()
    }

    #[test]
    fn cuts_are_made_where_the_outermost_node_starts() {
        let text = "aaaa\nbbbb\ncccc\ndddd\neeee\nffff\n";
        let lines = Lines::new(text);
        let parts = by_depth(&lines, &marks(&[1, 2, 1, 2, 2, 2]), 0, 5, 20);
        assert_eq!(parts, [(0, 1), (2, 5)]);
    }

    #[test]
    fn cuts_prefer_blank_lines_among_equals() {
        let text = "aaaa\nbbbb\n\ncccc\ndddd\n";
        let lines = Lines::new(text);
        let parts = by_depth(&lines, &marks(&[1, 1, u16::MAX, 1, 1]), 0, 4, 16);
        assert_eq!(parts, [(0, 1), (3, 4)]);
    }

    #[test]
    fn a_line_is_never_cut() {
        let text = "x".repeat(100) + "\ny\n";
        let lines = Lines::new(&text);
        assert_eq!(
            by_depth(&lines, &marks(&[1, 1]), 0, 1, 10),
            [(0, 0), (1, 1)]
        );
        assert_eq!(by_lines(&lines, 10), [(0, 0), (1, 1)]);
    }

    #[test]
    fn line_runs_overlap_unless_a_blank_line_parts_them() {
        let dense = "line\n".repeat(100);
        let parts = by_lines(&Lines::new(&dense), 2000);
        assert_eq!(parts, [(0, 39), (35, 74), (70, 99)]);
        let airy = format!("{}\n{}", "line\n".repeat(30), "line\n".repeat(30));
        assert_eq!(by_lines(&Lines::new(&airy), 2000), [(0, 29), (31, 60)]);
        assert_eq!(by_lines(&Lines::new("\n\n \n"), 2000), []);
    }
}
