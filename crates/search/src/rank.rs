//! The ranking stage: features to a score. Learned weights go in here.

use crate::features::{FEATURES, Features};

/// Turns features into a score; the sum of the contributions is the score, so
/// an explanation is never an approximation.
pub trait Ranker: Send + Sync {
    /// What each feature adds, in the order of [`FEATURES`].
    fn contributions(&self, features: &Features) -> Features;

    /// The score.
    fn score(&self, features: &Features) -> f32 {
        self.contributions(features).iter().sum()
    }
}

/// A weighted sum.
#[derive(Clone, Debug)]
pub struct LinearRanker {
    weights: Features,
}

impl LinearRanker {
    /// Weights set by hand, from what each group of features was measured to
    /// be worth.
    pub fn by_hand(is_symbol: bool) -> Self {
        let mut weights = [0.0; FEATURES.len()];
        let mut set = |name: &str, weight: f32| {
            if let Some(at) = FEATURES.iter().position(|one| *one == name) {
                weights[at] = weight;
            }
        };
        set("words", 0.40);
        set("meaning", 0.30);
        set("file_words", 0.30);
        set("path_words", 0.20);
        set("file_name", 0.25);
        set("symbol_words", 0.15);
        set("symbol_loose", if is_symbol { 0.5 } else { 0.1 });
        set("symbol_exact", if is_symbol { 1.0 } else { 0.25 });
        set("symbol_qualified", if is_symbol { 1.2 } else { 0.35 });
        set("definition", 0.05);
        set("test", -0.30);
        set("example_or_vendored", -0.25);
        set("prose", -0.20);
        set("data", -0.25);
        Self { weights }
    }
}

impl Ranker for LinearRanker {
    fn contributions(&self, features: &Features) -> Features {
        let mut added = *features;
        for (value, weight) in added.iter_mut().zip(self.weights) {
            *value *= weight;
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_weight_and_the_sum_is_the_score() {
        for is_symbol in [false, true] {
            let ranker = LinearRanker::by_hand(is_symbol);
            assert!(ranker.weights.iter().all(|weight| *weight != 0.0));
            let features: Features = std::array::from_fn(|at| at as f32 / 10.0);
            let sum: f32 = ranker.contributions(&features).iter().sum();
            assert_eq!(sum.to_bits(), ranker.score(&features).to_bits());
        }
    }
}
