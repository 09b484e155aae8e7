//! Spans that resemble another one, by the vectors that both have.

use wherein_store::RowSet;

use crate::condense::condense;
use crate::corpus::{Corpus, Part};
use crate::diversify::{Loss, diversify};
use crate::error::SearchError;
use crate::searcher::RankedSpan;

/// Below this cosine two chunks have the language in common and little else.
const LEAST_COSINE: f32 = 0.35;
/// Rows that are looked at for each that is wanted: neighbours merge, copies go.
const LOOKED_AT: usize = 4;
/// What each further span of a file loses.
const SAME_FILE: f32 = 0.05;

/// What to look for.
pub struct Similar<'a> {
    /// Rows of the span.
    pub rows: &'a [u32],
    /// The model whose vectors are compared.
    pub model: &'a str,
    /// Most spans.
    pub k: usize,
}

/// The spans most like the given one, best first, itself and its copies left out.
pub fn similar(
    part: Part<'_>,
    allowed: &RowSet,
    wanted: &Similar<'_>,
) -> Result<Vec<RankedSpan>, SearchError> {
    let snapshot = part.snapshot;
    let mut mean: Vec<f32> = Vec::new();
    for row in wanted.rows {
        if let Some(vector) = snapshot.vector(*row, wanted.model)? {
            mean.resize(vector.len(), 0.0);
            for (sum, value) in mean.iter_mut().zip(vector) {
                *sum += value;
            }
        }
    }
    let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length == 0.0 {
        return Ok(Vec::new());
    }
    for value in &mut mean {
        *value /= length;
    }
    let mut others = allowed.clone();
    for row in wanted.rows {
        others.remove(*row);
    }
    let limit = wanted.k.saturating_mul(LOOKED_AT).max(40);
    let mut near = snapshot.dense(&mean, wanted.model, &others, limit, part.nearest)?;
    near.retain(|(_, cosine)| *cosine >= LEAST_COSINE);
    let pairs: Vec<(f32, u32)> = near
        .iter()
        .map(|(row, cosine)| (*cosine, snapshot.file_of_row(*row)))
        .collect();
    let loss = Loss {
        each: SAME_FILE,
        most: f32::INFINITY,
    };
    let ranked = diversify(&pairs, loss).into_iter().map(|(at, lost)| {
        let (row, cosine) = near[at];
        RankedSpan::of(row, cosine - lost, None)
    });
    // Copies of the span itself say nothing new.
    let own = wanted
        .rows
        .first()
        .map(|row| RankedSpan::of(*row, 2.0, None));
    let corpus = Corpus::one(part);
    let spans = condense(&corpus, own.into_iter().chain(ranked), wanted.k + 1)?;
    Ok(spans
        .into_iter()
        .filter(|span| !wanted.rows.iter().any(|row| span.rows.contains(row)))
        .take(wanted.k)
        .collect())
}
