//! Why a hit has its score.

use wherein_core::{Contribution, Explanation, words};
use wherein_store::Snapshot;

use crate::feature::{Feature, Features};
use crate::rank::Ranker;

/// What a hit's place in the list cost it.
fn with_place(mut contributions: Vec<Contribution>, lost: f32) -> Vec<Contribution> {
    if lost > 0.0 {
        contributions.push(Contribution {
            feature: "same_file".to_owned(),
            value: 1.0,
            added: -lost,
        });
    }
    contributions
}

/// Of a ranked hit: each feature that counted.
pub(crate) fn of_features(ranker: &Ranker, features: &Features, lost: f32) -> Vec<Contribution> {
    let contributions = Feature::ALL
        .iter()
        .zip(features.iter().zip(ranker.contributions(features)))
        .filter(|(_, (_, added))| *added != 0.0)
        .map(|(feature, (value, added))| Contribution {
            feature: feature.name().to_owned(),
            value: *value,
            added,
        })
        .collect();
    with_place(contributions, lost)
}

/// Of a hit of one arm alone.
pub(crate) fn of_arm(name: &str, score: f32, lost: f32) -> Vec<Contribution> {
    let all = Contribution {
        feature: name.to_owned(),
        value: score,
        added: score,
    };
    with_place(vec![all], lost)
}

/// With the words of the query that the chunk holds.
pub(crate) fn explanation(
    snapshot: &Snapshot,
    query: &str,
    row: u32,
    contributions: Vec<Contribution>,
) -> Explanation {
    Explanation {
        contributions,
        matched_words: matched_words(snapshot, query, row),
    }
}

/// Words of the query whose terms the chunk's text or path holds.
fn matched_words(snapshot: &Snapshot, query: &str, row: u32) -> Vec<String> {
    let chunk = snapshot.chunk(row);
    let text = snapshot.file_text(chunk.file).unwrap_or_default();
    let mut held = wherein_store::terms(chunk.span.bytes.of(&text));
    held.extend(wherein_store::terms(chunk.path));
    let mut matched: Vec<String> = Vec::new();
    for (_, word) in words::words(query) {
        let terms = wherein_store::terms(word);
        let known = matched.iter().any(|one| one == word);
        if !known && !terms.is_empty() && terms.iter().any(|term| held.contains(term)) {
            matched.push(word.to_owned());
        }
    }
    matched
}
