//! The lines of a text: where each starts, ends, and has its first visible byte.

use wherein_core::{ByteRange, Span};

/// Marks a line without a visible character.
const BLANK: u32 = u32::MAX;

/// Lines are separated by `\n`; a `\r` before it belongs to the line break.
/// Numbers are 0-based here and become 1-based only in [`Lines::span`].
pub(crate) struct Lines<'text> {
    text: &'text str,
    /// One entry per line and one more for the end of the text.
    starts: Vec<u32>,
    /// First visible byte of each line, or [`BLANK`].
    visible: Vec<u32>,
}

impl<'text> Lines<'text> {
    /// `text` must be shorter than 4 GiB.
    pub(crate) fn new(text: &'text str) -> Self {
        let mut starts = Vec::with_capacity(text.len() / 24 + 2);
        let mut visible = Vec::with_capacity(text.len() / 24 + 1);
        let mut start = 0;
        while start < text.len() {
            let length = text.as_bytes()[start..]
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(text.len() - start);
            let line = &text[start..start + length];
            starts.push(start as u32);
            visible.push(first_visible(line).map_or(BLANK, |at| (start + at) as u32));
            start += length + 1;
        }
        starts.push(text.len() as u32);
        Self {
            text,
            starts,
            visible,
        }
    }

    pub(crate) fn text(&self) -> &'text str {
        self.text
    }

    pub(crate) fn count(&self) -> u32 {
        self.visible.len() as u32
    }

    pub(crate) fn start(&self, line: u32) -> u32 {
        self.starts[line as usize]
    }

    /// End of a line's content, without its line break.
    pub(crate) fn end(&self, line: u32) -> u32 {
        let bytes = self.text.as_bytes();
        let start = self.start(line) as usize;
        let mut end = self.starts[line as usize + 1] as usize;
        if end > start && bytes[end - 1] == b'\n' {
            end -= 1;
            if end > start && bytes[end - 1] == b'\r' {
                end -= 1;
            }
        }
        end as u32
    }

    /// First visible byte of a line; `None` when it is blank.
    pub(crate) fn visible(&self, line: u32) -> Option<u32> {
        let at = self.visible[line as usize];
        (at != BLANK).then_some(at)
    }

    pub(crate) fn is_blank(&self, line: u32) -> bool {
        self.visible[line as usize] == BLANK
    }

    /// Bytes from the start of line `first` to the end of line `last`.
    pub(crate) fn bytes(&self, first: u32, last: u32) -> usize {
        (self.end(last) - self.start(first)) as usize
    }

    pub(crate) fn slice(&self, first: u32, last: u32) -> &'text str {
        &self.text[self.start(first) as usize..self.end(last) as usize]
    }

    /// `first..=last` without blank lines at either end; `None` when all are blank.
    pub(crate) fn trimmed(&self, first: u32, last: u32) -> Option<(u32, u32)> {
        let first = (first..=last).find(|line| !self.is_blank(*line))?;
        let last = (first..=last).rev().find(|line| !self.is_blank(*line))?;
        Some((first, last))
    }

    pub(crate) fn span(&self, first: u32, last: u32) -> Span {
        Span {
            bytes: ByteRange {
                start: self.start(first),
                end: self.end(last),
            },
            start_line: first + 1,
            end_line: last + 1,
        }
    }
}

/// Offset of the first character that is not white space.
fn first_visible(line: &str) -> Option<usize> {
    let ascii = line
        .bytes()
        .position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    if line.as_bytes()[ascii].is_ascii() {
        return Some(ascii);
    }
    let rest = &line[ascii..];
    let visible = rest.trim_start();
    (!visible.is_empty()).then(|| ascii + rest.len() - visible.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_exclude_the_line_break() {
        let lines = Lines::new("a\r\n\n \u{a0}\n\tb");
        assert_eq!(lines.count(), 4);
        assert_eq!((lines.start(0), lines.end(0)), (0, 1));
        assert!(lines.is_blank(1) && lines.is_blank(2));
        assert_eq!(lines.visible(3), Some(9));
        assert_eq!(lines.end(3), 10);
        assert_eq!(lines.trimmed(1, 3), Some((3, 3)));
        assert_eq!(lines.trimmed(1, 2), None);
    }

    #[test]
    fn texts_without_lines_have_none() {
        assert_eq!(Lines::new("").count(), 0);
        assert_eq!(Lines::new("\n").count(), 1);
        assert_eq!(Lines::new("\r").count(), 1);
        assert!(Lines::new("\r").is_blank(0));
    }
}
