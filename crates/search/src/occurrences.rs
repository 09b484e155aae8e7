//! Every line where a name or a match of an expression stands: what a reader would
//! otherwise look for with grep, to be sure of having seen all of it.

use regex::Regex;
use wherein_core::words;
use wherein_store::{RowSet, Snapshot, terms};

use crate::error::SearchError;
use crate::pattern;

/// Files that are read for one question; of what stands in more, not all is told.
const MAX_FILES: usize = 2000;

/// What to look for.
pub enum WantedText {
    /// A name, as a whole word in its case.
    Name(String),
    /// A regular expression.
    Pattern(Regex),
}

/// Where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// Number of a file, and lines of it (1-based, rising); by path.
    pub files: Vec<(u32, Vec<u32>)>,
    /// Whether these are all.
    pub are_all: bool,
}

impl WantedText {
    /// A regular expression, as a search takes it.
    pub fn pattern(text: &str) -> Result<Self, SearchError> {
        pattern::compiled(text).map(Self::Pattern)
    }

    /// Where it stands in the files of the allowed rows.
    pub fn occurrences(
        &self,
        snapshot: &Snapshot,
        allowed: &RowSet,
    ) -> Result<Occurrences, SearchError> {
        let rows = match self {
            Self::Name(name) => candidates(snapshot, name, allowed)?,
            Self::Pattern(_) => Some(allowed.iter().collect()),
        };
        let are_known = rows.is_some();
        let mut files: Vec<u32> = Vec::new();
        for row in rows.unwrap_or_default() {
            let file = snapshot.file_of_row(row);
            if files.last() != Some(&file) {
                files.push(file);
            }
        }
        files.sort_unstable_by_key(|file| snapshot.file(*file).0);
        files.dedup();
        let mut are_all = are_known && files.len() <= MAX_FILES;
        files.truncate(MAX_FILES);
        let mut found = Vec::new();
        for file in files {
            let text = snapshot.file_text(file)?;
            let lines = self.lines(&text);
            are_all &= !self.reaches_over_lines(&text);
            if !lines.is_empty() {
                found.push((file, lines));
            }
        }
        Ok(Occurrences {
            files: found,
            are_all,
        })
    }

    /// Whether a match has more than one line: others may lie within it, untold.
    fn reaches_over_lines(&self, text: &str) -> bool {
        match self {
            Self::Name(_) => false,
            Self::Pattern(regex) => regex.find_iter(text).any(|one| one.as_str().contains('\n')),
        }
    }

    /// Lines of a text with it.
    fn lines(&self, text: &str) -> Vec<u32> {
        let starts: Vec<usize> = match self {
            Self::Name(name) => whole_words(text, name).collect(),
            Self::Pattern(regex) => regex.find_iter(text).map(|one| one.start()).collect(),
        };
        let mut lines = Vec::new();
        let (mut line, mut counted) = (1_u32, 0);
        for start in starts {
            line += newlines(&text.as_bytes()[counted..start]);
            counted = start;
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

fn newlines(bytes: &[u8]) -> u32 {
    bytes.split(|byte| *byte == b'\n').count() as u32 - 1
}

/// Where `name` stands as a whole word.
fn whole_words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = text.match_indices(name);
    found
        .filter(move |(at, _)| {
            !text[..*at].ends_with(is_of_word) && !text[at + name.len()..].starts_with(is_of_word)
        })
        .map(|(at, _)| at)
}

/// Rows that may have a name: those with its rarest word. `None` when the index cannot
/// tell, since it does not know such a word.
fn candidates(
    snapshot: &Snapshot,
    name: &str,
    allowed: &RowSet,
) -> Result<Option<Vec<u32>>, SearchError> {
    if words::words(name).count() == 0 || name.len() > words::MAX_WORD_BYTES {
        return Ok(None);
    }
    let mut fewest: Option<Vec<u32>> = None;
    for term in terms(name) {
        let rows = snapshot.rows_with(&term, allowed)?;
        if fewest
            .as_ref()
            .is_none_or(|fewest| rows.len() < fewest.len())
        {
            fewest = Some(rows);
        }
    }
    Ok(fewest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_word() {
        let text = "parse\nparse_url parse()\nreparse\nx.parse, parse\nParse";
        let lines = |name: &str| WantedText::Name(name.to_owned()).lines(text);
        assert_eq!(lines("parse"), [1, 2, 4]);
        assert_eq!(lines("Parse"), [5]);
        assert_eq!(lines("url"), [0_u32; 0]);
    }

    #[test]
    fn a_pattern_may_reach_over_lines() {
        let wanted = WantedText::pattern("b\\nc|^d").expect("a pattern");
        assert_eq!(wanted.lines("a\nb\nc\nd d"), [2, 4]);
        assert!(wanted.reaches_over_lines("b\nc") && !wanted.reaches_over_lines("d\nb"));
        assert!(WantedText::pattern("(").is_err());
    }
}
