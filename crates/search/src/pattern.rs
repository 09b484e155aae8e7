//! Search by regular expression over the indexed texts.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use wherein_store::RowSet;

use crate::corpus::Corpus;
use crate::error::SearchError;

/// Largest compiled pattern, in bytes: bounds memory whatever is asked.
const PATTERN_BYTES: usize = 4 << 20;

/// A pattern, within bounds.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, SearchError> {
    RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build()
        .map_err(|error| SearchError::BadPattern(error.to_string()))
}

/// Rows with a match and how many they have.
pub(crate) fn search(
    corpus: &Corpus<'_>,
    pattern: &str,
    allowed: &[RowSet],
) -> Result<Vec<(u32, f32)>, SearchError> {
    let regex = compiled(pattern)?;
    let mut found: Vec<(u32, f32)> = Vec::new();
    let mut text: Option<(u32, Arc<str>)> = None;
    let rows = allowed.iter().enumerate();
    let rows = rows.flat_map(|(part, rows)| rows.iter().map(move |row| corpus.row(part, row)));
    for row in rows {
        let file = corpus.file_of_row(row);
        if text.as_ref().is_none_or(|open| open.0 != file) {
            // All of them are looked at once: none is kept.
            text = Some((file, corpus.file_text_once(file)?));
        }
        let Some((_, whole)) = &text else { continue };
        let matches = regex
            .find_iter(corpus.chunk(row).span.bytes.of(whole))
            .count();
        if matches > 0 {
            found.push((row, matches as f32));
        }
    }
    Ok(found)
}
