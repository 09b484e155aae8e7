//! What the second model would say of chunks that have no vector of it yet.
//!
//! Its vectors stream in behind those of the first model, and a file that was
//! changed a moment ago lacks them too. Such chunks are neither ahead nor behind
//! for that: their cosine is guessed from the first model's, by the line that
//! fits the candidates that have both.

use crate::candidates::Candidate;

/// Share of the candidates that must have a vector of the second model, or it
/// takes no part: too much would be guesses.
const LEAST_SHARE: f32 = 0.5;

/// A line from the first model's cosine to the second's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Guess {
    slope: f32,
    mean: (f32, f32),
}

impl Guess {
    /// By least squares over `(first, second)`; never falling.
    fn fit(pairs: &[(f32, f32)]) -> Option<Self> {
        let count = pairs.len() as f32;
        if pairs.is_empty() {
            return None;
        }
        let mean = (
            pairs.iter().map(|pair| pair.0).sum::<f32>() / count,
            pairs.iter().map(|pair| pair.1).sum::<f32>() / count,
        );
        let (mut with, mut own) = (0.0, 0.0);
        for (first, second) in pairs {
            with += (first - mean.0) * (second - mean.1);
            own += (first - mean.0) * (first - mean.0);
        }
        let slope = if own > 1e-9 {
            (with / own).max(0.0)
        } else {
            0.0
        };
        Some(Self { slope, mean })
    }

    /// The second model's cosine where the first one's is `first`.
    pub(crate) fn of(self, first: f32) -> f32 {
        self.mean.1 + self.slope * (first - self.mean.0)
    }
}

/// Gives all candidates a cosine by the second model, or none.
pub(crate) fn fill_in(rows: &mut [Candidate]) -> Option<Guess> {
    let first = |row: &Candidate| row.cosine.unwrap_or(0.0);
    let both: Vec<(f32, f32)> = rows
        .iter()
        .filter_map(|row| Some((first(row), row.quality?)))
        .collect();
    if (both.len() as f32) < LEAST_SHARE * rows.len() as f32 || both.is_empty() {
        for row in rows {
            row.quality = None;
        }
        return None;
    }
    let guess = Guess::fit(&both)?;
    for row in rows {
        row.quality
            .get_or_insert(guess.of(row.cosine.unwrap_or(0.0)));
    }
    Some(guess)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(cosine: f32, quality: Option<f32>) -> Candidate {
        Candidate {
            cosine: Some(cosine),
            quality,
            ..Candidate::default()
        }
    }

    #[test]
    fn a_chunk_without_a_vector_gets_what_its_like_have() {
        let mut rows: Vec<Candidate> = (0..10)
            .map(|at| at as f32 / 10.0)
            .map(|cosine| candidate(cosine, Some(0.5 + cosine / 4.0)))
            .collect();
        rows.push(candidate(0.4, None));
        assert!(fill_in(&mut rows).is_some());
        let guessed = rows[10].quality.expect("a guess");
        assert!((guessed - 0.6).abs() < 1e-5, "{guessed}");
        assert_eq!(rows[3].quality, Some(0.575), "what is known stays");
    }

    #[test]
    fn where_most_lack_one_none_has_one() {
        let mut rows = vec![
            candidate(0.1, Some(0.7)),
            candidate(0.2, None),
            candidate(0.3, None),
        ];
        assert_eq!(fill_in(&mut rows), None);
        assert!(rows.iter().all(|row| row.quality.is_none()));
        assert_eq!(fill_in(&mut []), None);
    }

    #[test]
    fn a_line_never_falls() {
        let guess = Guess::fit(&[(0.1, 0.9), (0.9, 0.1)]).expect("a line");
        assert!((guess.of(0.0) - 0.5).abs() < 1e-6 && (guess.of(1.0) - 0.5).abs() < 1e-6);
    }
}
