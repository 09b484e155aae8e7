//! What the reader of an answer has already.

use rustc_hash::FxHashMap;
use wherein_pack::{SpanId, is_known};
use wherein_search::RankedSpan;

use crate::error::IndexError;
use crate::repository::Current;

/// What the reader has, by file.
pub(crate) struct Known<'a>(FxHashMap<&'a str, Vec<&'a SpanId>>);

impl<'a> Known<'a> {
    /// Of spans whose paths are as the index has them.
    pub(crate) fn of(ids: &'a [SpanId]) -> Self {
        let mut by_path: FxHashMap<&'a str, Vec<&'a SpanId>> = FxHashMap::default();
        for id in ids {
            by_path.entry(id.path.as_str()).or_default().push(id);
        }
        Self(by_path)
    }

    /// Whether the reader has all lines of a span.
    pub(crate) fn has(
        &self,
        current: &Current,
        file: u32,
        span: &RankedSpan,
    ) -> Result<bool, IndexError> {
        let snapshot = &current.snapshot;
        let Some(ids) = self.0.get(snapshot.file(file).0) else {
            return Ok(false);
        };
        let first = snapshot.chunk(*span.rows.start()).span;
        let last = snapshot.chunk(*span.rows.end()).span;
        let text = snapshot.file_text(file)?;
        Ok(is_known(&text, ids, &(first.start_line..=last.end_line)))
    }
}
