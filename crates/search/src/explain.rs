//! Why a hit has its score.

use rustc_hash::FxHashSet;
use wherein_core::{Contribution, words};
use wherein_store::{each_term, terms};

use crate::abbreviations;
use crate::feature::{Feature, Features};
use crate::rank::Ranker;
use crate::terms::content_words;

/// What a hit's place in the list cost it: so much for each hit of its file
/// that is before it.
fn with_place(mut contributions: Vec<Contribution>, lost: f32, each: f32) -> Vec<Contribution> {
    if lost > 0.0 {
        contributions.push(Contribution {
            feature: "same_file".to_owned(),
            value: (lost / each).round(),
            added: -lost,
        });
    }
    contributions
}

/// Of a ranked hit: each feature that counted.
pub(crate) fn of_features(
    ranker: &Ranker,
    features: &Features,
    reranked: Option<f32>,
    lost: f32,
    each: f32,
) -> Vec<Contribution> {
    let mut contributions: Vec<Contribution> = Feature::ALL
        .iter()
        .zip(features.iter().zip(ranker.contributions(features)))
        .filter(|(_, (_, added))| *added != 0.0)
        .map(|(feature, (value, added))| Contribution {
            feature: feature.name().to_owned(),
            value: *value,
            added,
        })
        .collect();
    contributions.extend(reranked.map(|added| Contribution {
        feature: "reranker".to_owned(),
        value: added,
        added,
    }));
    with_place(contributions, lost, each)
}

/// Of a hit of one arm alone.
pub(crate) fn of_arm(name: &str, score: f32, lost: f32, each: f32) -> Vec<Contribution> {
    let all = Contribution {
        feature: name.to_owned(),
        value: score,
        added: score,
    };
    with_place(vec![all], lost, each)
}

/// Words of the query that a text or its path holds, whole or by all of their
/// parts, or by what they are short for; stop words only when the query has no
/// others, as they count for nothing else.
pub(crate) fn matched_words(query: &str, text: &str, path: &str) -> Vec<String> {
    let mut held: FxHashSet<String> = FxHashSet::default();
    let folders = path.rsplit_once('.').map_or(path, |one| one.0);
    for text in [text, folders] {
        each_term(text, |term| {
            held.insert(term.to_owned());
        });
    }
    let holds = |word: &str| {
        let all = terms(word);
        // The whole identifier comes last, after its parts.
        let Some((whole, parts)) = all.split_last() else {
            return false;
        };
        held.contains(whole) || !parts.is_empty() && parts.iter().all(|part| held.contains(part))
    };
    let means = |word: &str| {
        let parts = words::lower_parts(word);
        let mut meant = parts.iter().flat_map(|part| abbreviations::of(part));
        meant.any(holds)
    };
    let mut matched: Vec<String> = Vec::new();
    for word in content_words(query) {
        if !matched.iter().any(|one| one == word) && (holds(word) || means(word)) {
            matched.push(word.to_owned());
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_when_they_are_there() {
        let matched = |query: &str| {
            matched_words(
                query,
                "fn verify_cookie(session: &Session) // authentication",
                "src/web/login.py",
            )
        };
        assert_eq!(
            matched("where is the session cookie signed"),
            ["session", "cookie"]
        );
        assert_eq!(matched("auth of the web login"), ["auth", "web", "login"]);
        // A part of a name is not the name, and an extension is no word.
        assert!(matched("verifyPassword py of is the").is_empty());
        assert_eq!(matched("verifyCookie"), ["verifyCookie"]);
        assert!(matched("").is_empty());
    }

    #[test]
    fn what_a_place_costs_is_told_with_its_reason() {
        let all = of_arm("words", 4.0, 6.0, 3.0);
        assert_eq!(all.len(), 2);
        assert!((all[1].value - 2.0).abs() < 1e-6 && (all[1].added + 6.0).abs() < 1e-6);
        assert_eq!(of_arm("words", 4.0, 0.0, 0.0).len(), 1);
    }
}
