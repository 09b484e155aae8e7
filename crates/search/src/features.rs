//! Features of a candidate: numbers between 0 and 1 that a ranker weighs.

use rustc_hash::{FxHashMap, FxHashSet};
use wherein_core::{ChunkKind, words};
use wherein_store::{Snapshot, terms};

use crate::candidates::{Candidates, SymbolMatch};
use crate::file_role::FileRole;
use crate::understand::Understanding;

/// Names of the features, in the order of [`Features`].
pub const FEATURES: [&str; 14] = [
    "words",
    "meaning",
    "file_words",
    "path_words",
    "file_name",
    "symbol_words",
    "symbol_loose",
    "symbol_exact",
    "symbol_qualified",
    "definition",
    "test",
    "example_or_vendored",
    "prose",
    "data",
];

/// One candidate's features, in the order of [`FEATURES`].
pub type Features = [f32; FEATURES.len()];

/// A candidate with its features.
pub(crate) struct Described {
    pub(crate) row: u32,
    pub(crate) file: u32,
    pub(crate) features: Features,
}

/// How much each term of the query tells, by how rare it is: sums to 1.
fn term_shares(snapshot: &Snapshot, understanding: &Understanding) -> FxHashMap<String, f32> {
    let rows = snapshot.rows() as f32;
    let mut shares: FxHashMap<String, f32> = FxHashMap::default();
    for (term, weight) in &understanding.terms {
        let frequency = snapshot
            .term_frequencies(term)
            .map_or(0, |by_field| by_field.iter().copied().max().unwrap_or(0));
        let rarity = (1.0 + rows / (1.0 + frequency as f32)).ln();
        shares.insert(term.clone(), weight * rarity);
    }
    let sum: f32 = shares.values().sum();
    for share in shares.values_mut() {
        *share /= sum.max(f32::MIN_POSITIVE);
    }
    shares
}

fn share_of(shares: &FxHashMap<String, f32>, text: &str) -> f32 {
    let distinct: FxHashSet<String> = terms(text).into_iter().collect();
    let mut sum = 0.0;
    // In a fixed order: floating point sums depend on it.
    let mut matched: Vec<&String> = distinct
        .iter()
        .filter(|term| shares.contains_key(*term))
        .collect();
    matched.sort_unstable();
    for term in matched {
        sum += shares.get(term).copied().unwrap_or(0.0);
    }
    sum.min(1.0)
}

struct FileFacts {
    words: f32,
    path: f32,
    name: f32,
    role: FileRole,
}

fn file_facts(
    snapshot: &Snapshot,
    file: u32,
    candidates: &Candidates,
    shares: &FxHashMap<String, f32>,
) -> FileFacts {
    let (path, _, language) = snapshot.file(file);
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    // The best three chunks of a file speak for it: long files have many that
    // match a little.
    let words = candidates.lexical.as_ref().map_or(0.0, |scores| {
        let mut best = [0.0_f32; 3];
        for row in snapshot.file_rows(file) {
            let score = scores.of(row);
            if score > best[2] {
                best[2] = score;
                best.sort_unstable_by(|a, b| b.total_cmp(a));
            }
        }
        best.iter().sum()
    });
    // A name that is all in the query says more than one that shares a word.
    let stem_terms: FxHashSet<String> = terms(&words::lower_parts(stem).join(" "))
        .into_iter()
        .collect();
    let matched = stem_terms
        .iter()
        .filter(|term| shares.contains_key(*term))
        .count();
    FileFacts {
        words,
        path: share_of(shares, path),
        name: if stem_terms.is_empty() {
            0.0
        } else {
            matched as f32 / stem_terms.len() as f32 * share_of(shares, stem).sqrt()
        },
        role: FileRole::of(path, language),
    }
}

/// Describes all candidates.
pub(crate) fn describe(
    snapshot: &Snapshot,
    understanding: &Understanding,
    candidates: &Candidates,
) -> Vec<Described> {
    let shares = term_shares(snapshot, understanding);
    let files: Vec<u32> = candidates
        .rows
        .iter()
        .map(|candidate| snapshot.file_of_row(candidate.row))
        .collect();
    let mut facts: FxHashMap<u32, FileFacts> = FxHashMap::default();
    for file in &files {
        facts
            .entry(*file)
            .or_insert_with(|| file_facts(snapshot, *file, candidates, &shares));
    }
    let most = |value: &dyn Fn(usize) -> f32| {
        (0..candidates.rows.len())
            .map(value)
            .fold(0.0_f32, f32::max)
            .max(f32::MIN_POSITIVE)
    };
    let best_words = most(&|at| candidates.rows[at].lexical);
    let best_file = most(&|at| facts[&files[at]].words);
    let best_cosine = most(&|at| candidates.rows[at].cosine.unwrap_or(0.0));
    candidates
        .rows
        .iter()
        .zip(&files)
        .map(|(candidate, file)| {
            let chunk = snapshot.chunk(candidate.row);
            let file_facts = &facts[file];
            let flag = |holds: bool| f32::from(u8::from(holds));
            let is_definition = !matches!(
                chunk.kind,
                ChunkKind::Code | ChunkKind::Text | ChunkKind::Section | ChunkKind::Key
            );
            let role = file_facts.role;
            let aside = matches!(role, FileRole::Example | FileRole::Vendored);
            Described {
                row: candidate.row,
                file: *file,
                features: [
                    candidate.lexical / best_words,
                    candidate.cosine.unwrap_or(0.0).max(0.0) / best_cosine,
                    file_facts.words / best_file,
                    file_facts.path,
                    file_facts.name,
                    share_of(&shares, chunk.symbol.unwrap_or("")),
                    flag(candidate.symbol == SymbolMatch::Loose),
                    flag(candidate.symbol == SymbolMatch::Exact),
                    flag(candidate.symbol == SymbolMatch::Qualified),
                    flag(is_definition),
                    flag(
                        (role == FileRole::Test || chunk.kind == ChunkKind::Test)
                            && !understanding.wants_tests,
                    ),
                    flag(aside && !understanding.wants_examples),
                    flag(role == FileRole::Prose && !understanding.wants_prose),
                    flag(role == FileRole::Data && !understanding.wants_data),
                ],
            }
        })
        .collect()
}
