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
    pub(crate) extent: Extent,
}

/// How many rows and files there are, and how many words they have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    pub(crate) documents: u64,
    pub(crate) files: u64,
    /// Words of all rows in each field.
    lengths: [u64; FIELDS.len()],
}

impl Extent {
    pub(crate) fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.files += other.files;
        for (sum, more) in self.lengths.iter_mut().zip(other.lengths) {
            *sum += more;
        }
    }

    /// Words of a row in a field.
    pub(crate) fn mean_length(&self, field: usize) -> f32 {
        mean(self.lengths[field], self.documents)
    }

    /// Words of a file's bodies.
    pub(crate) fn mean_file_length(&self) -> f32 {
        mean(self.lengths[BODY], self.files)
    }
}

fn mean(sum: u64, count: u64) -> f32 {
    (sum as f32 / count.max(1) as f32).max(1.0)
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
        Statistics {
            rows: rows.clone(),
            are_all: documents == all,
            extent: Extent {
                documents,
                files,
                lengths,
            },
        }
    }
}
