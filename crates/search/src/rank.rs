//! The ranking stage: features to a score, by weights that were learned from
//! labelled queries (`config/ranking.toml`, made by `make rank`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::feature::{FEATURES, Feature, Features};

/// The file of learned weights, part of the program.
const SHIPPED: &str = include_str!("../../../config/ranking.toml");

static RANKING: LazyLock<Ranking> =
    LazyLock::new(|| Ranking::parse(SHIPPED).unwrap_or_else(|_| Ranking::by_hand(false)));

/// The weights where a second model has its vectors, too.
const WITH_QUALITY: &str = include_str!("../../../config/ranking-quality.toml");

static RANKING_WITH_QUALITY: LazyLock<Ranking> =
    LazyLock::new(|| Ranking::parse(WITH_QUALITY).unwrap_or_else(|_| Ranking::by_hand(true)));

/// Turns features into a score: a weighted sum, so that what each feature adds
/// is all there is to explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranker {
    weights: Features,
}

impl Ranker {
    /// What each feature adds, by [`Feature`].
    pub fn contributions(&self, features: &Features) -> Features {
        let mut added = *features;
        for (value, weight) in added.iter_mut().zip(self.weights) {
            *value *= weight;
        }
        added
    }

    /// The score: the sum of the contributions.
    pub fn score(&self, features: &Features) -> f32 {
        self.contributions(features).iter().sum()
    }

    /// The weight of each feature.
    pub fn weights(&self) -> &Features {
        &self.weights
    }
}

/// All weights of the ranking stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// For queries that are one name.
    pub symbol: Ranker,
    /// For all others.
    pub question: Ranker,
    /// What each further chunk of a file loses.
    pub same_file: f32,
    /// How far behind the best a span may be and still be context.
    pub within: f32,
}

#[derive(Deserialize)]
struct File {
    diversity: Diversity,
    context: Context,
    symbol: BTreeMap<String, f32>,
    question: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct Diversity {
    same_file: f32,
}

#[derive(Deserialize)]
struct Context {
    within: f32,
}

impl Ranking {
    /// The learned weights; those set by hand should the file not fit.
    pub fn shipped() -> &'static Self {
        &RANKING
    }

    /// Those where a second model takes part.
    pub fn with_quality() -> &'static Self {
        &RANKING_WITH_QUALITY
    }

    /// Reads a file of weights: one for each feature, and for no other.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let ranker = |section: &str, mut named: BTreeMap<String, f32>| {
            let mut weights = [0.0; FEATURES];
            for feature in Feature::ALL {
                let weight = named
                    .remove(feature.name())
                    .ok_or_else(|| format!("[{section}] has no {}", feature.name()))?;
                if !weight.is_finite() {
                    return Err(format!("[{section}] {} is not a number", feature.name()));
                }
                weights[*feature as usize] = weight;
            }
            match named.keys().next() {
                Some(name) => Err(format!("[{section}] {name} is no feature")),
                None => Ok(Ranker { weights }),
            }
        };
        Ok(Self {
            symbol: ranker("symbol", file.symbol)?,
            question: ranker("question", file.question)?,
            same_file: file.diversity.same_file,
            within: file.context.within,
        })
    }

    /// Weights set by hand, from what each group of features was measured to be
    /// worth: where the training starts, and the fallback.
    pub fn by_hand(has_quality: bool) -> Self {
        Self {
            symbol: Ranker {
                weights: hand_weights(true, has_quality),
            },
            question: Ranker {
                weights: hand_weights(false, has_quality),
            },
            same_file: 3.0,
            within: 8.0,
        }
    }

    /// The weights for a query.
    pub fn of(&self, is_symbol: bool) -> &Ranker {
        if is_symbol {
            &self.symbol
        } else {
            &self.question
        }
    }
}

fn hand_weights(is_symbol: bool, has_quality: bool) -> Features {
    let mut weights = [0.0; FEATURES];
    let mut set = |feature: Feature, weight: f32| weights[feature as usize] = weight;
    set(Feature::Words, 2.4);
    set(Feature::Meaning, 1.8);
    set(Feature::FileBest, 1.8);
    if has_quality {
        set(Feature::Quality, 1.8);
        set(Feature::FileQuality, 0.9);
    }
    set(Feature::Path, 1.2);
    set(Feature::FileName, 0.6);
    set(Feature::FileNameAsked, 0.6);
    set(Feature::SymbolWords, 0.9);
    set(Feature::SymbolIs, 0.9);
    set(Feature::SymbolLoose, if is_symbol { 3.0 } else { 0.6 });
    set(Feature::SymbolExact, if is_symbol { 6.0 } else { 1.5 });
    set(Feature::SymbolQualified, if is_symbol { 7.2 } else { 2.1 });
    set(Feature::PathAsked, 3.0);
    set(Feature::LineAsked, 6.0);
    set(Feature::Phrase, 3.0);
    set(Feature::IsType, 0.3);
    set(Feature::IsFunction, 0.3);
    set(Feature::Test, -1.8);
    set(Feature::Example, -1.5);
    set(Feature::Vendored, -1.5);
    set(Feature::Built, -2.0);
    set(Feature::Prose, -1.2);
    set(Feature::Data, -1.5);
    weights
}

/// The sign that a feature's weight must have, by [`Feature`]: 1, -1, or 0 for
/// either.
pub fn signs() -> [i8; FEATURES] {
    let mut signs = [1; FEATURES];
    for feature in Feature::ALL {
        signs[*feature as usize] = match feature {
            Feature::IsType
            | Feature::IsFunction
            | Feature::IsImpl
            | Feature::IsLoose
            | Feature::IsFirst
            | Feature::FileSize
            | Feature::Depth
            | Feature::UntoldName
            | Feature::Declares
            | Feature::Inner
            | Feature::RoleAsked => 0,
            // Of two chunks that answer alike the shorter one is the better.
            Feature::Size
            | Feature::Test
            | Feature::Example
            | Feature::Vendored
            | Feature::Built
            | Feature::Prose
            | Feature::Data
            | Feature::MixedName
            | Feature::Past
            | Feature::OtherPlatform => -1,
            _ => 1,
        };
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_weights_fit_the_features() {
        let parsed = Ranking::parse(SHIPPED);
        assert_eq!(parsed.as_ref(), Ok(Ranking::shipped()), "{parsed:?}");
        assert_ne!(*Ranking::shipped(), Ranking::by_hand(false));
        assert_ne!(*Ranking::with_quality(), Ranking::by_hand(true));
    }

    #[test]
    fn learned_weights_have_the_sign_that_their_feature_must_have() {
        for ranking in [
            Ranking::shipped(),
            Ranking::with_quality(),
            &Ranking::by_hand(true),
        ] {
            for ranker in [&ranking.symbol, &ranking.question] {
                for (feature, (sign, weight)) in Feature::ALL
                    .iter()
                    .zip(signs().iter().zip(ranker.weights()))
                {
                    assert!(
                        *sign == 0 || f32::from(*sign) * weight >= 0.0,
                        "{} is {weight}",
                        feature.name()
                    );
                }
            }
        }
    }

    #[test]
    fn a_file_that_does_not_fit_says_why() {
        let with = |line: &str| {
            Ranking::parse(&SHIPPED.replacen("[symbol]", &format!("[symbol]\n{line}"), 1))
        };
        assert!(with("luck = 1.0").expect_err("no feature").contains("luck"));
        let without = SHIPPED.replace("meaning = ", "meening = ");
        assert!(Ranking::parse(&without).is_err());
        assert!(Ranking::parse("[symbol]").is_err());
        assert!(Ranking::parse("").is_err());
    }

    #[test]
    fn the_sum_of_the_contributions_is_the_score() {
        let features: Features = std::array::from_fn(|at| at as f32 / 10.0);
        for is_symbol in [false, true] {
            let ranker = Ranking::shipped().of(is_symbol);
            let sum: f32 = ranker.contributions(&features).iter().sum();
            assert_eq!(sum.to_bits(), ranker.score(&features).to_bits());
        }
    }
}
