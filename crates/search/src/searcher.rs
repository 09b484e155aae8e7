//! The search itself: one query against all that is searched.

use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;
use wherein_core::{ByteRange, Contribution, Explanation, Filters, Hit, Mode, Query, words};
use wherein_embed::Embedder;
use wherein_store::RowSet;

use crate::candidates::{self, Candidate, Candidates, QueryVector, QueryVectors, SymbolMatch};
use crate::condense::condense;
use crate::corpus::Corpus;
use crate::describe::{Described, describe};
use crate::diversify::{Loss, diversify};
use crate::error::SearchError;
use crate::explain;
use crate::filter;
use crate::pattern;
use crate::rank::Ranking;
use crate::rerank::{self, Rerank};
use crate::stages::{StageClock, StageTimes};
use crate::understand::Understanding;

/// What a query found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The mode that answered.
    pub mode: Mode,
    /// Best first.
    pub spans: Vec<RankedSpan>,
    /// Whether no word of the query was found, so that all that is here is near
    /// in meaning alone.
    pub by_meaning_alone: bool,
    /// How long each stage took: embed, candidates, rank, condense.
    pub stages: StageTimes,
}

/// A ranked chunk.
#[derive(Clone, Debug)]
pub struct RankedSpan {
    /// Row within the corpus of the best chunk: the hit is named after it.
    pub row: u32,
    /// All rows of the hit: chunks of one file that follow each other.
    pub rows: RangeInclusive<u32>,
    /// Comparable within one answer.
    pub score: f32,
    /// When it was asked for.
    pub explain: Option<Explanation>,
    /// Which of the chunk's definitions was asked for, when it is not the one
    /// that the chunk is named by: small siblings share a chunk.
    pub definition: Option<usize>,
}

impl RankedSpan {
    pub(crate) fn of(row: u32, score: f32, parts: Option<Vec<Contribution>>) -> Self {
        Self {
            row,
            rows: row..=row,
            score,
            explain: parts.map(|contributions| Explanation {
                contributions,
                matched_words: Vec::new(),
            }),
            definition: None,
        }
    }
}

/// What the spans are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A list: each further span of a file says less than the one before.
    #[default]
    List,
    /// A context: what a file says is read together, so that only its first
    /// span is ahead of others.
    Context,
}

/// Everything that a search needs.
pub struct Searcher<'a> {
    /// What is searched.
    pub corpus: Corpus<'a>,
    /// Embeds the query; `None` answers by words alone.
    pub embedder: Option<&'a dyn Embedder>,
    /// The second model, whose vectors some of the chunks have.
    pub quality: Option<&'a dyn Embedder>,
    /// Reads the first candidates beside the question.
    pub rerank: Option<Rerank<'a>>,
    /// What the spans are for.
    pub purpose: Purpose,
}

/// What a ranker gets to see of a query.
#[derive(Clone, Debug)]
pub struct CandidateSet {
    /// Whether the query is nothing but one name.
    pub is_symbol: bool,
    /// In no particular order.
    pub candidates: Vec<Described>,
}

/// A query as one model sees it.
fn seen_by<'a>(
    embedder: Option<&'a dyn Embedder>,
    query: &Query,
    scans: bool,
) -> Result<Option<QueryVector<'a>>, SearchError> {
    let Some(embedder) = embedder else {
        return Ok(None);
    };
    Ok(Some(QueryVector {
        model: embedder.model_id(),
        vector: embedder.embed_queries(&[&query.text])?,
        is_known: embedder.knows_any(&query.text),
        scans,
    }))
}

impl Searcher<'_> {
    /// The candidates of a query with their features, not ranked: what a
    /// ranker is trained on.
    pub fn candidates(&self, query: &Query) -> Result<CandidateSet, SearchError> {
        let allowed = self.allowed_in_all(&query.filters)?;
        let understanding = Understanding::of(&query.text);
        let vectors = self.query_vectors(query, Mode::Hybrid)?;
        let candidates = candidates::gather(
            &self.corpus,
            &understanding,
            &vectors,
            &allowed,
            Mode::Hybrid,
            query.k,
        )?;
        Ok(CandidateSet {
            is_symbol: understanding.is_symbol,
            candidates: describe(&self.corpus, &understanding, &candidates, &vectors)?,
        })
    }

    fn query_vectors(&self, query: &Query, mode: Mode) -> Result<QueryVectors<'_>, SearchError> {
        if !matches!(mode, Mode::Hybrid | Mode::Semantic) {
            return Ok(QueryVectors::default());
        }
        Ok(QueryVectors {
            first: seen_by(self.embedder, query, false)?,
            quality: seen_by(self.quality, query, true)?,
        })
    }

    /// The rows of a part that a query with these filters may see.
    pub fn allowed(&self, part: usize, filters: &Filters) -> Result<RowSet, SearchError> {
        let part = self.corpus.parts()[part];
        filter::allowed(part.snapshot, part.view, filters)
    }

    fn allowed_in_all(&self, filters: &Filters) -> Result<Vec<RowSet>, SearchError> {
        let parts = 0..self.corpus.parts().len();
        parts.map(|part| self.allowed(part, filters)).collect()
    }

    /// Answers a query from the rows of each part that its filters let through, as
    /// [`Searcher::allowed`] gives them.
    pub fn search(&self, query: &Query, allowed: &[RowSet]) -> Result<Found, SearchError> {
        let mut clock = StageClock::default();
        let mode = match query.mode {
            Mode::Auto => Mode::Hybrid,
            given => given,
        };
        if mode == Mode::Regex {
            return self.by_pattern(query, allowed);
        }
        let understanding = Understanding::of(&query.text);
        let understanding = if mode == Mode::Symbol && understanding.names.is_empty() {
            Understanding::of(&query.text.split_whitespace().collect::<Vec<_>>().join("_"))
        } else {
            understanding
        };
        let vectors = self.query_vectors(query, mode)?;
        clock.ended("embed");
        let candidates = candidates::gather(
            &self.corpus,
            &understanding,
            &vectors,
            allowed,
            mode,
            query.k,
        )?;
        clock.ended("candidates");
        let ranked = match mode {
            Mode::Hybrid => self.ranked(query, &understanding, &candidates, &vectors)?,
            one_arm => self.by_one_arm(query, one_arm, &candidates.rows),
        };
        clock.ended("rank");
        let by_meaning_alone = mode == Mode::Hybrid && candidates.no_words && !ranked.is_empty();
        let mut spans = self.condensed(query, ranked)?;
        for span in &mut spans {
            span.definition = self.definition_meant(span.row, &understanding, query);
        }
        clock.ended("condense");
        Ok(Found {
            mode,
            spans,
            by_meaning_alone,
            stages: clock.times(),
        })
    }

    fn ranked(
        &self,
        query: &Query,
        understanding: &Understanding,
        candidates: &Candidates,
        vectors: &QueryVectors<'_>,
    ) -> Result<Vec<RankedSpan>, SearchError> {
        let ranking = match candidates.guess {
            Some(_) => Ranking::with_quality(),
            None => Ranking::shipped(),
        };
        let ranker = ranking.of(understanding.is_symbol);
        let described = describe(&self.corpus, understanding, candidates, vectors)?;
        let mut scored: Vec<(f32, Described)> = described
            .into_iter()
            .map(|one| (ranker.score(&one.features), one))
            .collect();
        self.sort(&mut scored);
        let mut added: FxHashMap<u32, f32> = FxHashMap::default();
        // A name is found by its definition; there is nothing to read.
        if let Some(rerank) = self.rerank.filter(|_| !understanding.is_symbol) {
            let read = rerank::added(&self.corpus, &query.text, &scored, rerank)?;
            for ((score, one), more) in scored.iter_mut().zip(read) {
                *score += more;
                added.insert(one.row, more);
            }
            self.sort(&mut scored);
        }
        let pairs: Vec<(f32, u32)> = scored.iter().map(|one| (one.0, one.1.file)).collect();
        let loss = self.loss(ranking.same_file);
        Ok(diversify(&pairs, loss)
            .into_iter()
            .map(|(at, lost)| {
                let (score, one) = &scored[at];
                let parts = query.explain.then(|| {
                    let more = added.get(&one.row).copied();
                    explain::of_features(ranker, &one.features, more, lost, loss.each)
                });
                RankedSpan::of(one.row, score - lost, parts)
            })
            .collect())
    }

    /// Best first.
    fn sort(&self, scored: &mut [(f32, Described)]) {
        scored.sort_by(|a, b| {
            b.0.total_cmp(&a.0)
                .then_with(|| self.by_place(a.1.row, b.1.row))
        });
    }

    /// The hits of ranked chunks, with the words that they match.
    fn condensed(
        &self,
        query: &Query,
        ranked: Vec<RankedSpan>,
    ) -> Result<Vec<RankedSpan>, SearchError> {
        let mut spans = condense(&self.corpus, ranked.into_iter(), query.k)?;
        for span in &mut spans {
            let rows = span.rows.clone();
            if let Some(explain) = &mut span.explain {
                let first = self.corpus.chunk(*rows.start());
                let bytes = ByteRange {
                    start: first.span.bytes.start,
                    end: self.corpus.chunk(*rows.end()).span.bytes.end,
                };
                let text = self.corpus.file_text(first.file)?;
                explain.matched_words =
                    explain::matched_words(&query.text, bytes.of(&text), first.path);
            }
        }
        Ok(spans)
    }

    fn loss(&self, same_file: f32) -> Loss {
        match self.purpose {
            Purpose::List => Loss {
                each: same_file,
                most: f32::INFINITY,
            },
            Purpose::Context => Loss {
                each: same_file,
                most: same_file,
            },
        }
    }

    /// One arm alone: its own score is the score.
    fn by_one_arm(&self, query: &Query, mode: Mode, rows: &[Candidate]) -> Vec<RankedSpan> {
        let (name, score): (_, fn(&Candidate) -> f32) = match mode {
            Mode::Semantic => ("meaning", |one| one.quality.or(one.cosine).unwrap_or(0.0)),
            Mode::Symbol => ("symbol", |one| match one.symbol {
                SymbolMatch::None => 0.0,
                SymbolMatch::Partial => 0.4 * one.part,
                SymbolMatch::Loose => 0.5,
                SymbolMatch::Exact => 0.9,
                SymbolMatch::Qualified => 1.0,
            }),
            _ => ("words", |one| one.lexical),
        };
        let mut scored: Vec<(u32, f32)> = rows.iter().map(|one| (one.row, score(one))).collect();
        scored.retain(|one| one.1 > 0.0);
        self.listed(query, name, scored)
    }

    fn by_pattern(&self, query: &Query, allowed: &[RowSet]) -> Result<Found, SearchError> {
        let mut clock = StageClock::default();
        let scored = pattern::search(&self.corpus, &query.text, allowed)?;
        clock.ended("candidates");
        let spans = self.condensed(query, self.listed(query, "matches", scored))?;
        clock.ended("condense");
        Ok(Found {
            mode: Mode::Regex,
            spans,
            by_meaning_alone: false,
            stages: clock.times(),
        })
    }

    fn listed(&self, query: &Query, name: &str, mut scored: Vec<(u32, f32)>) -> Vec<RankedSpan> {
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| self.by_place(a.0, b.0)));
        let pairs: Vec<(f32, u32)> = scored
            .iter()
            .map(|(row, score)| (*score, self.corpus.file_of_row(*row)))
            .collect();
        // An arm's scores have a scale of their own.
        let loss = self.loss(scored.first().map_or(0.0, |best| best.1.abs() * 0.5));
        diversify(&pairs, loss)
            .into_iter()
            .map(|(at, lost)| {
                let (row, score) = scored[at];
                let parts = query
                    .explain
                    .then(|| explain::of_arm(name, score, lost, loss.each));
                RankedSpan::of(row, score - lost, parts)
            })
            .collect()
    }

    /// The definition within a chunk that the query names or whose kind it asks
    /// for, unless the chunk itself is that.
    fn definition_meant(&self, row: u32, meant: &Understanding, query: &Query) -> Option<usize> {
        let kinds = &query.filters.kinds;
        if meant.names.is_empty() && kinds.is_empty() {
            return None;
        }
        let chunk = self.corpus.chunk(row);
        let keys: Vec<String> = meant
            .names
            .iter()
            .map(|name| words::identifier_key(&name.last))
            .collect();
        let is_named = |name: &str| keys.contains(&words::identifier_key(name));
        let is_of_kind = |kind| kinds.is_empty() || kinds.contains(&kind);
        let symbols = self.corpus.chunk_symbols(row);
        if let Some(at) = symbols
            .iter()
            .position(|symbol| is_named(symbol.name) && is_of_kind(symbol.kind))
        {
            let is_chunk = chunk.symbol == Some(symbols[at].name) && chunk.kind == symbols[at].kind;
            return (!is_chunk).then_some(at);
        }
        if is_of_kind(chunk.kind) {
            return None;
        }
        symbols.iter().position(|symbol| is_of_kind(symbol.kind))
    }

    /// Order of equals: by part, by path, then by line.
    fn by_place(&self, a: u32, b: u32) -> std::cmp::Ordering {
        let place = |row: u32| {
            let (part, _) = self.corpus.part_of_row(row);
            let chunk = self.corpus.chunk(row);
            (part, chunk.path, chunk.span.start_line, chunk.span.end_line)
        };
        place(a).cmp(&place(b))
    }

    /// A ranked span as it is shown.
    pub fn hit(&self, rank: usize, span: &RankedSpan) -> Result<Hit, SearchError> {
        let chunk = self.corpus.chunk(span.row);
        let first = self.corpus.chunk(*span.rows.start()).span;
        let last = self.corpus.chunk(*span.rows.end()).span;
        let bytes = ByteRange {
            start: first.bytes.start,
            end: last.bytes.end,
        };
        let text = self.corpus.file_text(chunk.file)?;
        let symbols = self.corpus.chunk_symbols(span.row);
        let meant = span.definition.and_then(|at| symbols.get(at));
        let (kind, symbol, breadcrumb) = match meant {
            Some(meant) => (meant.kind, Some(meant.name), meant.breadcrumb),
            None => (chunk.kind, chunk.symbol, chunk.breadcrumb),
        };
        Ok(Hit {
            rank,
            score: span.score,
            repo: None,
            path: chunk.path.to_owned(),
            start_line: first.start_line,
            end_line: last.end_line,
            language: chunk.language.name().to_owned(),
            kind,
            symbol: symbol.map(str::to_owned),
            breadcrumb: breadcrumb.to_owned(),
            text: bytes.of(&text).to_owned(),
            explain: span.explain.clone(),
        })
    }
}
