//! BM25 over several fields: how well each row and each file matches a query,
//! and with which of its terms.
//!
//! Scores are computed term at a time over all postings, because every
//! candidate's full score is wanted, not only that of the top ten.

use tantivy::schema::IndexRecordOption;

use crate::error::StoreError;
use crate::lexical::LexicalReader;
use crate::nearest::{Best, Scored};
use crate::rows::RowSet;
use crate::statistics::{Extent, Statistics};

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

/// In how many rows and files the terms of a query are: of one index, or summed over
/// several that are searched as if they were one.
#[derive(Clone, Debug, Default)]
pub struct Frequencies {
    pub(crate) extent: Extent,
    /// Rows with each term, by field.
    pub(crate) rows: Vec<[u64; FIELDS.len()]>,
    /// Files with each term in a body.
    pub(crate) files: Vec<u64>,
}

impl Frequencies {
    /// Counts another index in.
    pub fn add(&mut self, other: &Self) {
        self.extent.add(&other.extent);
        self.rows.resize(other.rows.len(), [0; FIELDS.len()]);
        self.files.resize(other.files.len(), 0);
        for (sums, more) in self.rows.iter_mut().zip(&other.rows) {
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += more;
            }
        }
        for (sum, more) in self.files.iter_mut().zip(&other.files) {
            *sum += more;
        }
    }
}

/// Which terms a row has: one bit for each, by its number in the query.
#[derive(Clone, Copy, Debug, Default)]
struct RowTerms {
    /// In its text.
    text: u64,
    /// In its names and its doc comment.
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

/// How well every row and file of a snapshot matches one query. Scores and terms lie in
/// arrays of their own: what is looked at for each row stays in the cache.
#[derive(Clone, Debug)]
pub struct LexicalScores {
    scores: Vec<f32>,
    terms: Vec<RowTerms>,
    files: Vec<FileScore>,
    rarity: Vec<f32>,
}

impl LexicalScores {
    /// The BM25 score of a row; 0 when no word matches.
    pub fn of(&self, row: u32) -> f32 {
        self.scores.get(row as usize).copied().unwrap_or_default()
    }

    /// Terms of the query in a row's text, as bits by their number.
    pub fn matched(&self, row: u32) -> u64 {
        let terms = self.terms_of(row);
        terms.text | terms.heading
    }

    /// Terms of the query in a row's names and doc comment.
    pub fn matched_in_heading(&self, row: u32) -> u64 {
        self.terms_of(row).heading
    }

    /// The evidence for a file as a whole.
    pub fn of_file(&self, file: u32) -> FileScore {
        self.files.get(file as usize).copied().unwrap_or_default()
    }

    /// How rare each term of the query is: the greater, the more it tells.
    pub fn rarity(&self) -> &[f32] {
        &self.rarity
    }

    fn terms_of(&self, row: u32) -> RowTerms {
        self.terms.get(row as usize).copied().unwrap_or_default()
    }

    /// The best `limit` of the allowed rows, best first.
    pub fn best(&self, allowed: &RowSet, limit: usize) -> Vec<(u32, f32)> {
        let mut best = Best::new(limit);
        for (rows, scores) in (0_u32..).zip(self.scores.chunks(SCORES_AT_ONCE)) {
            // Most have nothing that could be among the best.
            let most = scores.iter().fold(0.0_f32, |most, score| most.max(*score));
            if most <= 0.0 || most < best.floor() {
                continue;
            }
            let first = rows * SCORES_AT_ONCE as u32;
            for (row, score) in (first..).zip(scores) {
                if *score > 0.0 && *score >= best.floor() && allowed.contains(row) {
                    best.push(Scored { score: *score, row });
                }
            }
        }
        let sorted = best.into_sorted();
        sorted.into_iter().map(|one| (one.row, one.score)).collect()
    }
}

/// Scores whose greatest is looked at before each.
const SCORES_AT_ONCE: usize = 64;

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

/// By what one index is scored.
#[derive(Clone, Copy)]
struct Scale<'a> {
    counted: &'a Statistics,
    /// Of all that is searched.
    extent: &'a Extent,
    /// Of all that is searched, where `counted` is not all.
    among: Option<&'a Frequencies>,
    /// By field.
    norms: &'a [LengthNorms; FIELDS.len()],
}

/// Whether a term is a guess that no body has. Names and comments are part of the body:
/// what is not in it is at most in paths, and no guess is worth looking for there.
fn is_vain_guess(query: &LexicalQuery, number: usize, field: usize, frequency: u64) -> bool {
    field == BODY && frequency == 0 && query.guesses >> number & 1 == 1
}

impl LexicalReader {
    /// In how many of the counted rows and files each term of a query is.
    pub(crate) fn frequencies(
        &self,
        query: &LexicalQuery,
        counted: &Statistics,
    ) -> Result<Frequencies, StoreError> {
        let terms = &query.terms[..query.terms.len().min(MAX_TERMS)];
        let mut found = Frequencies {
            extent: counted.extent,
            rows: vec![[0; FIELDS.len()]; terms.len()],
            files: vec![0; terms.len()],
        };
        let mut seen_in = vec![0_u32; self.file_lengths.len()];
        for (number, (text, _)) in terms.iter().enumerate() {
            for (field, weight) in query.fields.iter().enumerate().rev() {
                if *weight == 0.0 {
                    continue;
                }
                let mark = number as u32 + 1;
                let (mut rows, mut files) = (0, 0);
                self.each_row_with(field, text, |row| {
                    if !counted.rows.contains(row) {
                        return;
                    }
                    rows += 1;
                    if field == BODY {
                        let seen = &mut seen_in[self.files[row as usize] as usize];
                        files += u64::from(std::mem::replace(seen, mark) != mark);
                    }
                })?;
                found.rows[number][field] = rows;
                found.files[number] += files;
            }
        }
        Ok(found)
    }

    /// The evidence for each row and file of those that were counted; weighed by
    /// `among`, where these are not all that is searched.
    pub(crate) fn scores(
        &self,
        query: &LexicalQuery,
        counted: &Statistics,
        among: Option<&Frequencies>,
    ) -> Result<LexicalScores, StoreError> {
        let terms = &query.terms[..query.terms.len().min(MAX_TERMS)];
        let mut scores = LexicalScores {
            scores: vec![0.0; self.files.len()],
            terms: vec![RowTerms::default(); self.files.len()],
            files: vec![FileScore::default(); self.file_lengths.len()],
            rarity: vec![0.0; terms.len()],
        };
        let mut counts = FileCounts {
            counts: vec![0.0; self.file_lengths.len()],
            touched: Vec::new(),
        };
        let extent = among.map_or(&counted.extent, |among| &among.extent);
        let norms = std::array::from_fn(|field| LengthNorms::new(extent.mean_length(field)));
        let scale = Scale {
            counted,
            extent,
            among,
            norms: &norms,
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
                    self.score_body(text, number, weights, scale, &mut counts, &mut scores)?
                } else {
                    self.score_field(field, text, number, weight, scale, &mut scores, |_, _| {})?
                };
                most_frequent[number] = most_frequent[number].max(frequency);
                if is_vain_guess(query, number, field, frequency) {
                    break;
                }
            }
        }
        for (rarity, frequency) in scores.rarity.iter_mut().zip(most_frequent) {
            *rarity = (1.0 + extent.documents as f32 / (1.0 + frequency as f32)).ln();
        }
        Ok(scores)
    }

    /// One term of the body: rows, and files with their own frequencies.
    fn score_body(
        &self,
        text: &str,
        number: usize,
        (row_weight, file_weight): (f32, f32),
        scale: Scale<'_>,
        counts: &mut FileCounts,
        scores: &mut LexicalScores,
    ) -> Result<u64, StoreError> {
        let of_row = |row: u32, frequency| counts.add(self.files[row as usize], frequency);
        let frequency = self.score_field(BODY, text, number, row_weight, scale, scores, of_row)?;
        let touched = scale
            .among
            .map_or(counts.touched.len() as u64, |among| among.files[number]);
        let weight = file_weight * idf(scale.extent.files, touched) * (K1 + 1.0);
        let mean = scale.extent.mean_file_length();
        for file in counts.touched.drain(..) {
            let count = std::mem::take(&mut counts.counts[file as usize]);
            let norm = length_norm(self.file_lengths[file as usize], mean);
            let score = &mut scores.files[file as usize];
            score.score += weight * count / (count + norm);
            score.matched |= 1 << number;
        }
        Ok(frequency)
    }

    /// One term of one field; gives the number of rows of all that is searched that
    /// hold it.
    #[expect(clippy::too_many_arguments, reason = "the one inner loop of scoring")]
    fn score_field(
        &self,
        field: usize,
        text: &str,
        number: usize,
        weight: f32,
        scale: Scale<'_>,
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
        let Scale {
            counted,
            extent,
            among,
            norms,
        } = scale;
        let LengthNorms { of: norm_of, once } = &norms[field];
        let bit = 1_u64 << number;
        let (text_bit, heading_bit) = match field {
            PATH => (0, 0),
            SYMBOL | BREADCRUMB | DOC => (bit, bit),
            _ => (bit, 0),
        };
        let LexicalScores {
            scores: row_scores,
            terms: row_terms,
            ..
        } = scores;
        let mut score = |row: u32, weight: f32, term_frequency: u32, norm: u8| {
            let at = row as usize;
            let (Some(score), Some(terms)) = (row_scores.get_mut(at), row_terms.get_mut(at)) else {
                return;
            };
            *score += weight
                * if term_frequency == 1 {
                    once[norm as usize]
                } else {
                    let term_frequency = term_frequency as f32;
                    term_frequency / (term_frequency + norm_of[norm as usize])
                };
            terms.text |= text_bit;
            terms.heading |= heading_bit;
            each(row, term_frequency as f32);
        };
        let weight_of = |frequency| weight * idf(extent.documents, frequency) * (K1 + 1.0);
        // Where other rows hold the term too, how many of ours do is known at the end.
        let known = match among {
            Some(among) => Some(among.rows[number][field]),
            None => counted.are_all.then_some(frequency),
        };
        let weight = known.map(weight_of);
        let mut held = Vec::new();
        for (segment, info) in found {
            let field = &segment.fields[field];
            let mut postings = field
                .inverted
                .read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)
                .map_err(io)?;
            while postings.block_len() > 0 {
                for (doc, term_frequency) in postings.docs().iter().zip(postings.freqs()) {
                    let row = segment.rows[*doc as usize];
                    let norm = field.norms.fieldnorm_id(*doc);
                    match weight {
                        Some(weight) if counted.are_all || counted.rows.contains(row) => {
                            score(row, weight, *term_frequency, norm);
                        }
                        None if counted.rows.contains(row) => {
                            held.push((row, *term_frequency, norm));
                        }
                        _ => {}
                    }
                }
                postings.advance();
            }
        }
        if let Some(known) = known {
            return Ok(known);
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

/// What the length of a text does to its score, for each coded length.
struct LengthNorms {
    of: [f32; 256],
    /// Of a word that stands once in the text, as most do: `1 / (1 + norm)`.
    once: [f32; 256],
}

impl LengthNorms {
    fn new(mean: f32) -> Self {
        let of: [f32; 256] = std::array::from_fn(|id| {
            let length = tantivy::fieldnorm::FieldNormReader::id_to_fieldnorm(id as u8);
            length_norm(length as f32, mean)
        });
        Self {
            once: of.map(|norm| 1.0 / (1.0 + norm)),
            of,
        }
    }
}
