//! Names of spans that were sent, so that they are not sent again.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Most ranges in one name.
const MAX_RANGES: usize = 100;

/// `path:start-end`, or `path:start-end,start-end@hash` for as long as those
/// lines are what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanId {
    /// Path relative to the repository.
    pub path: String,
    /// Its lines, 1-based, inclusive.
    pub lines: Vec<RangeInclusive<u32>>,
    /// Of the text of the lines.
    pub hash: Option<u32>,
}

impl SpanId {
    /// Of lines with this text.
    pub(crate) fn new(path: &str, lines: Vec<RangeInclusive<u32>>, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            lines,
            hash: Some(hash(text)),
        }
    }

    /// Of whole lines with this text, for as long as they are so.
    pub fn of_lines(path: &str, lines: RangeInclusive<u32>, text: &str) -> Self {
        let mut whole = String::with_capacity(text.len() + 1);
        for line in text.lines() {
            whole.push_str(line);
            whole.push('\n');
        }
        Self::new(path, vec![lines], &whole)
    }

    /// Whether the lines still are what they were when they were sent.
    pub(crate) fn still_holds(&self, text: &str) -> bool {
        self.hash.is_none_or(|before| before == hash(text))
    }
}

/// FNV-1a: short names, nothing secret.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        for (at, range) in self.lines.iter().enumerate() {
            let before = if at == 0 { ':' } else { ',' };
            write!(f, "{before}{}-{}", range.start(), range.end())?;
        }
        self.hash.map_or(Ok(()), |hash| write!(f, "@{hash:08x}"))
    }
}

/// A text that names no span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSpanId(String);

impl fmt::Display for BadSpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} names no span; write PATH:START-END, such as src/main.rs:10-42",
            self.0
        )
    }
}

impl std::error::Error for BadSpanId {}

impl FromStr for SpanId {
    type Err = BadSpanId;

    fn from_str(text: &str) -> Result<Self, BadSpanId> {
        let bad = || BadSpanId(text.chars().take(200).collect());
        let (place, hash) = match text.rsplit_once('@') {
            Some((place, hash)) if hash.len() == 8 => match u32::from_str_radix(hash, 16) {
                Ok(hash) => (place, Some(hash)),
                Err(_) => (text, None),
            },
            _ => (text, None),
        };
        let (path, lines) = place.rsplit_once(':').ok_or_else(bad)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| bad());
        let range = |lines: &str| {
            let (start, end) = lines.split_once('-').unwrap_or((lines, lines));
            let (start, end) = (number(start)?, number(end)?);
            if start == 0 || end < start {
                return Err(bad());
            }
            Ok(start..=end)
        };
        let lines: Vec<RangeInclusive<u32>> =
            lines.split(',').map(range).collect::<Result<_, _>>()?;
        if path.is_empty() || lines.len() > MAX_RANGES {
            return Err(bad());
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
            hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let id = SpanId::new("src/a@b:c.rs", vec![1..=1, 3..=9], "text");
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert!(id.still_holds("text") && !id.still_holds("other"));
        let plain: SpanId = "src/a.rs:3-9".parse().expect("a name");
        assert_eq!((plain.lines.clone(), plain.hash), (vec![3..=9], None));
        assert!(plain.still_holds("anything"));
        assert_eq!("a:7".parse::<SpanId>().expect("a line").lines, [7..=7]);
        for bad in [
            "",
            "a",
            "a:",
            ":1-2",
            "a:0-2",
            "a:3-2",
            "a:x-y",
            "a:1-99999999999",
            "a:1-2,",
            "a:1-2,0-3",
        ] {
            assert!(bad.parse::<SpanId>().is_err(), "{bad}");
        }
    }
}
