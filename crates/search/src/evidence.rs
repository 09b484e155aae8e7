//! BM25 of every row and file that is searched, on one scale for all parts.
//!
//! What makes scores of several indexes comparable is that each is weighed by how rare
//! its words are in all of them together, as if there were one ("distributed IDF"): a
//! word that is rare in one and common in the others would else lift what has it there.

use rayon::prelude::*;
use wherein_store::{FileScore, Frequencies, LexicalQuery, LexicalScores, RowSet, StoreError};

use crate::corpus::{Corpus, Places};

/// How well every row and file of a corpus matches one query by its words.
pub(crate) struct Evidence {
    parts: Vec<LexicalScores>,
    places: Places,
}

impl Evidence {
    pub(crate) fn of(corpus: &Corpus<'_>, query: &LexicalQuery) -> Result<Self, StoreError> {
        let parts = corpus.parts();
        let among = if parts.len() > 1 {
            let all: Result<Vec<Frequencies>, StoreError> = parts
                .par_iter()
                .map(|part| part.snapshot.frequencies(query, part.counted))
                .collect();
            let mut sum = Frequencies::default();
            for one in &all? {
                sum.add(one);
            }
            Some(sum)
        } else {
            None
        };
        let scores: Result<Vec<LexicalScores>, StoreError> = parts
            .par_iter()
            .map(|part| part.snapshot.lexical(query, part.counted, among.as_ref()))
            .collect();
        Ok(Self {
            parts: scores?,
            places: corpus.places().clone(),
        })
    }

    /// The BM25 score of a row; 0 when no word matches.
    pub(crate) fn of_row(&self, row: u32) -> f32 {
        let (part, row) = self.places.of_row(row);
        self.parts[part].of(row)
    }

    /// Terms of the query in a row's text, as bits by their number.
    pub(crate) fn matched(&self, row: u32) -> u64 {
        let (part, row) = self.places.of_row(row);
        self.parts[part].matched(row)
    }

    /// Terms of the query in a row's names and doc comment.
    pub(crate) fn matched_in_heading(&self, row: u32) -> u64 {
        let (part, row) = self.places.of_row(row);
        self.parts[part].matched_in_heading(row)
    }

    /// The evidence for a file as a whole.
    pub(crate) fn of_file(&self, file: u32) -> FileScore {
        let (part, file) = self.places.of_file(file);
        self.parts[part].of_file(file)
    }

    /// How rare each term of the query is in all parts together.
    pub(crate) fn rarity(&self) -> &[f32] {
        self.parts.first().map_or(&[], LexicalScores::rarity)
    }

    /// The best `limit` of the allowed rows, best first.
    pub(crate) fn best(
        &self,
        corpus: &Corpus<'_>,
        allowed: &[RowSet],
        limit: usize,
    ) -> Vec<(u32, f32)> {
        let each = self.parts.iter().zip(allowed);
        let each = each.map(|(scores, allowed)| scores.best(allowed, limit));
        best_of(corpus, each, limit)
    }
}

/// The best `limit` of what each part has best, by score, then by row.
pub(crate) fn best_of(
    corpus: &Corpus<'_>,
    parts: impl Iterator<Item = Vec<(u32, f32)>>,
    limit: usize,
) -> Vec<(u32, f32)> {
    let mut all: Vec<(u32, f32)> = Vec::new();
    for (part, rows) in parts.enumerate() {
        all.extend(
            rows.into_iter()
                .map(|(row, score)| (corpus.row(part, row), score)),
        );
    }
    if corpus.parts().len() > 1 {
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(limit);
    }
    all
}
