//! The optional re-ranker: a cross-encoder reads the first candidates beside the
//! question, for as long as it may.

use std::time::{Duration, Instant};

use wherein_core::words;
use wherein_embed::Reranker;

use crate::corpus::Corpus;
use crate::describe::Described;
use crate::error::SearchError;

/// Candidates that are read at most.
const READ: usize = 30;
/// What a unit of the re-ranker's score (a logit) adds to a candidate's score. Swept
/// once by hand, NDCG@10 over files on the benchmark's development part and on 400
/// own questions: 0 gives .908 and .861, .1 .912 and .864, .15 .911 and .865, .3
/// .912 and .859, .8 .899 and .844.
const WEIGHT: f32 = 0.15;

/// A re-ranker, and how long it may take.
#[derive(Clone, Copy)]
pub struct Rerank<'a> {
    /// The model.
    pub model: &'a Reranker,
    /// From the start of its work.
    pub within: Duration,
}

/// What the re-ranker adds to the scores of the first candidates; `ranked` is
/// best first. Nothing is ever taken away, so those that were not reached in
/// time stay behind those that were ahead of them.
pub(crate) fn added(
    corpus: &Corpus<'_>,
    question: &str,
    ranked: &[(f32, Described)],
    rerank: Rerank<'_>,
) -> Result<Vec<f32>, SearchError> {
    let until = Instant::now() + rerank.within;
    let mut texts = Vec::new();
    for (_, one) in ranked.iter().take(READ) {
        let chunk = corpus.chunk(one.row);
        let text = corpus.file_text(one.file)?;
        // Names as words: the model was trained on prose.
        let names = words::lower_parts(&format!("{} {}", chunk.path, chunk.breadcrumb)).join(" ");
        texts.push(format!("{names}\n{}", chunk.span.bytes.of(&text)));
    }
    let scores = rerank.model.scores(question, &texts, until)?;
    let least = scores.iter().copied().fold(f32::INFINITY, f32::min);
    Ok(scores
        .iter()
        .map(|score| WEIGHT * (score - least))
        .collect())
}
