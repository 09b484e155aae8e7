//! BM25 over several fields: how well each row and each file matches a query,
//! and with which of its terms.
//!
//! Scores are computed term at a time over all postings, because every
//! candidate's full score is wanted, not only that of the top ten.

use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED};

use crate::error::StoreError;
use crate::lexical::LexicalReader;
use crate::nearest::{Best, Scored};
use crate::rows::RowSet;
use crate::statistics::Statistics;

/// BM25's usual parameters (Robertson & Zaragoza 2009).
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The fields of a chunk's words, in the order of [`LexicalQuery::fields`].
pub const FIELDS: [&str; 5] = ["symbol", "path", "breadcrumb", "doc", "body"];
const SYMBOL: usize = 0;
const PATH: usize = 1;
const BREADCRUMB: usize = 2;
const DOC: usize = 3;
pub(crate) const BODY: usize = 4;

/// Most terms of a query: each has a bit in a mask.
pub const MAX_TERMS: usize = 64;

/// Words to look for, and what each field counts.
#[derive(Clone, Debug, PartialEq)]
pub struct LexicalQuery {
    /// Terms as [`crate::terms`] gives them, each with its weight; those after
    /// the first [`MAX_TERMS`] are not looked for.
    pub terms: Vec<(String, f32)>,
    /// Weights of [`FIELDS`].
    pub fields: [f32; FIELDS.len()],
    /// Terms that the query does not say but may mean, as bits by their number.
    pub guesses: u64,
}

/// A row's evidence.
#[derive(Clone, Copy, Debug, Default)]
struct RowScore {
    score: f32,
    /// Terms in its text, as bits by their number in the query.
    text: u64,
    /// Those of its names and its doc comment.
    heading: u64,
}

/// A file's evidence: all its rows taken as one text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FileScore {
    /// BM25 over the whole text.
    pub score: f32,
    /// Terms in it, as bits by their number in the query.
    pub matched: u64,
}

/// How well every row and file of a snapshot matches one query.
#[derive(Clone, Debug)]
pub struct LexicalScores {
    rows: Vec<RowScore>,
    files: Vec<FileScore>,
    rarity: Vec<f32>,
}

impl LexicalScores {
    /// The BM25 score of a row; 0 when no word matches.
    pub fn of(&self, row: u32) -> f32 {
        self.row(row).score
    }

    /// Terms of the query in a row's text, as bits by their number.
    pub fn matched(&self, row: u32) -> u64 {
        let row = self.row(row);
        row.text | row.heading
    }

    /// Terms of the query in a row's names and doc comment.
    pub fn matched_in_heading(&self, row: u32) -> u64 {
        self.row(row).heading
    }

    /// The evidence for a file as a whole.
    pub fn of_file(&self, file: u32) -> FileScore {
        self.files.get(file as usize).copied().unwrap_or_default()
    }

    /// How rare each term of the query is: the greater, the more it tells.
    pub fn rarity(&self) -> &[f32] {
        &self.rarity
    }

    fn row(&self, row: u32) -> RowScore {
        self.rows.get(row as usize).copied().unwrap_or_default()
    }

    /// The best `limit` of the allowed rows, best first.
    pub fn best(&self, allowed: &RowSet, limit: usize) -> Vec<(u32, f32)> {
        let mut best = Best::new(limit);
        for (row, RowScore { score, .. }) in self.rows.iter().enumerate() {
            let row = row as u32;
            if *score > 0.0 && *score >= best.floor() && allowed.contains(row) {
                best.push(Scored { score: *score, row });
            }
        }
        let sorted = best.into_sorted();
        sorted.into_iter().map(|one| (one.row, one.score)).collect()
    }
}

/// Counts how often one term occurs in each file.
struct FileCounts {
    counts: Vec<f32>,
    touched: Vec<u32>,
}

impl FileCounts {
    fn add(&mut self, file: u32, frequency: f32) {
        if let Some(count) = self.counts.get_mut(file as usize) {
            if *count == 0.0 {
                self.touched.push(file);
            }
            *count += frequency;
        }
    }
}

impl LexicalReader {
    /// The evidence for each row and file of those that were counted.
    pub(crate) fn scores(
        &self,
        query: &LexicalQuery,
        counted: &Statistics,
    ) -> Result<LexicalScores, StoreError> {
        let terms = &query.terms[..query.terms.len().min(MAX_TERMS)];
        let mut scores = LexicalScores {
            rows: vec![RowScore::default(); self.files.len()],
            files: vec![FileScore::default(); self.file_lengths.len()],
            rarity: vec![0.0; terms.len()],
        };
        let mut counts = FileCounts {
            counts: vec![0.0; self.file_lengths.len()],
            touched: Vec::new(),
        };
        let mut most_frequent = vec![0_u64; terms.len()];
        for (number, (text, term_weight)) in terms.iter().enumerate() {
            for (field, field_weight) in query.fields.iter().enumerate().rev() {
                if *field_weight == 0.0 {
                    continue;
                }
                let weight = field_weight * term_weight;
                let frequency = if field == BODY {
                    let weights = (weight, *term_weight);
                    self.score_body(text, number, weights, counted, &mut counts, &mut scores)?
                } else {
                    self.score_field(field, text, number, weight, counted, &mut scores, |_, _| {})?
                };
                most_frequent[number] = most_frequent[number].max(frequency);
                // Names and comments are part of the body: what is not in it is
                // at most in paths, and no guess is worth looking for there.
                if field == BODY && frequency == 0 && query.guesses >> number & 1 == 1 {
                    break;
                }
            }
        }
        for (rarity, frequency) in scores.rarity.iter_mut().zip(most_frequent) {
            *rarity = (1.0 + counted.documents as f32 / (1.0 + frequency as f32)).ln();
        }
        Ok(scores)
    }

    /// One term of the body: rows, and files with their own frequencies.
    fn score_body(
        &self,
        text: &str,
        number: usize,
        (row_weight, file_weight): (f32, f32),
        counted: &Statistics,
        counts: &mut FileCounts,
        scores: &mut LexicalScores,
    ) -> Result<u64, StoreError> {
        let of_row = |row: u32, frequency| counts.add(self.files[row as usize], frequency);
        let frequency =
            self.score_field(BODY, text, number, row_weight, counted, scores, of_row)?;
        let touched = counts.touched.len() as u64;
        let weight = file_weight * idf(counted.files, touched) * (K1 + 1.0);
        let mean = counted.mean_file_length;
        for file in counts.touched.drain(..) {
            let count = std::mem::take(&mut counts.counts[file as usize]);
            let norm = length_norm(self.file_lengths[file as usize], mean);
            let score = &mut scores.files[file as usize];
            score.score += weight * count / (count + norm);
            score.matched |= 1 << number;
        }
        Ok(frequency)
    }

    /// One term of one field; gives the number of rows that hold it.
    #[expect(clippy::too_many_arguments, reason = "the one inner loop of scoring")]
    fn score_field(
        &self,
        field: usize,
        text: &str,
        number: usize,
        weight: f32,
        counted: &Statistics,
        scores: &mut LexicalScores,
        mut each: impl FnMut(u32, f32),
    ) -> Result<u64, StoreError> {
        let io = |source| StoreError::Io {
            action: "read",
            path: self.path.clone(),
            source,
        };
        let term = self.term(field, text);
        let mut found = Vec::new();
        let mut frequency = 0_u64;
        for segment in &self.segments {
            let inverted = &segment.fields[field].inverted;
            if let Some(info) = inverted.get_term_info(&term).map_err(io)? {
                frequency += u64::from(info.doc_freq);
                found.push((segment, info));
            }
        }
        let norm_of = length_norms(counted.mean_lengths[field]);
        let bit = 1_u64 << number;
        let (text_bit, heading_bit) = match field {
            PATH => (0, 0),
            SYMBOL | BREADCRUMB | DOC => (bit, bit),
            _ => (bit, 0),
        };
        let mut score = |row: u32, weight: f32, term_frequency: f32, norm: f32| {
            if let Some(score) = scores.rows.get_mut(row as usize) {
                score.score += weight * term_frequency / (term_frequency + norm);
                score.text |= text_bit;
                score.heading |= heading_bit;
                each(row, term_frequency);
            }
        };
        let weight_of = |frequency| weight * idf(counted.documents, frequency) * (K1 + 1.0);
        // Where other rows hold the term too, how many of ours do is known at the end.
        let weight = counted.are_all.then(|| weight_of(frequency));
        let mut held = Vec::new();
        for (segment, info) in found {
            let field = &segment.fields[field];
            let mut postings = field
                .inverted
                .read_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)
                .map_err(io)?;
            let mut doc = postings.doc();
            while doc != TERMINATED {
                let row = segment.rows[doc as usize];
                let norm = norm_of[field.norms.fieldnorm_id(doc) as usize];
                let term_frequency = postings.term_freq() as f32;
                match weight {
                    Some(weight) => score(row, weight, term_frequency, norm),
                    None if counted.rows.contains(row) => held.push((row, term_frequency, norm)),
                    None => {}
                }
                doc = postings.advance();
            }
        }
        if counted.are_all {
            return Ok(frequency);
        }
        let frequency = held.len() as u64;
        let weight = weight_of(frequency);
        for (row, term_frequency, norm) in held {
            score(row, weight, term_frequency, norm);
        }
        Ok(frequency)
    }
}

fn idf(documents: u64, frequency: u64) -> f32 {
    let (n, f) = (documents as f32, frequency as f32);
    (1.0 + (n - f + 0.5) / (f + 0.5)).ln()
}

/// `k1 * (1 - b + b * length / mean)`.
fn length_norm(length: f32, mean: f32) -> f32 {
    K1 * (1.0 - B + B * length / mean)
}

/// [`length_norm`] for each coded length.
fn length_norms(mean: f32) -> [f32; 256] {
    std::array::from_fn(|id| {
        let length = tantivy::fieldnorm::FieldNormReader::id_to_fieldnorm(id as u8);
        length_norm(length as f32, mean)
    })
}
