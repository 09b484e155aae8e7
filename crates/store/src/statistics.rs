//! What BM25 has to know of the chunks that are searched: how many there are, and
//! how long. Counted over the rows of one checkout alone, so that its answers are
//! the same whatever else the index holds: older versions, other worktrees.

use crate::lexical::LexicalReader;
use crate::rows::RowSet;
use crate::scoring::{BODY, FIELDS};

/// The counts of a set of rows.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The rows.
    pub(crate) rows: RowSet,
    /// Whether these are all that the postings know, deleted ones included: then
    /// the frequencies that tantivy keeps are those of the set.
    pub(crate) are_all: bool,
    pub(crate) documents: u64,
    pub(crate) files: u64,
    /// Words of a row in each field.
    pub(crate) mean_lengths: [f32; FIELDS.len()],
    /// Words of a file's bodies.
    pub(crate) mean_file_length: f32,
}

impl LexicalReader {
    /// Counts a set of rows that holds whole files.
    pub(crate) fn statistics(&self, rows: &RowSet) -> Statistics {
        let mut lengths = [0_u64; FIELDS.len()];
        let (mut documents, mut all) = (0_u64, 0_u64);
        let mut has_rows = vec![false; self.file_lengths.len()];
        for segment in &self.segments {
            all += segment.rows.len() as u64;
            for (doc, row) in segment.rows.iter().enumerate() {
                if !rows.contains(*row) {
                    continue;
                }
                documents += 1;
                has_rows[self.files[*row as usize] as usize] = true;
                for (field, length) in segment.fields.iter().zip(&mut lengths) {
                    *length += u64::from(field.norms.fieldnorm(doc as u32));
                }
            }
        }
        let files = has_rows.iter().filter(|has| **has).count() as u64;
        let mean = |sum: u64, count: u64| (sum as f32 / count.max(1) as f32).max(1.0);
        Statistics {
            rows: rows.clone(),
            are_all: documents == all,
            documents,
            files,
            mean_lengths: lengths.map(|sum| mean(sum, documents)),
            mean_file_length: mean(lengths[BODY], files),
        }
    }
}
