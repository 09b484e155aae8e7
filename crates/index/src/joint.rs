//! Asking one repository, or several as if they were one: a query is answered from the
//! generations that are open, ranked on one scale, and checked against the working
//! trees before it is shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use wherein_core::{IndexState, Mode, Query, SearchAnswer, limits};
use wherein_pack::SpanId;
use wherein_search::{
    Corpus, Found, Purpose, RankedSpan, Ranking, Rerank, Searcher, StageClock, StageTimes, Texts,
};

use crate::asking::SearchOptions;
use crate::error::IndexError;
use crate::known::Known;
use crate::repository::{Current, Repository};

/// Hits beyond those asked for, in case some are of files that have changed.
const SPARE_HITS: usize = 10;

/// A repository that is asked.
#[derive(Clone, Copy)]
pub struct Member<'r> {
    /// It must have an index.
    pub repository: &'r Repository,
    /// What hits and blocks of it carry as `repo`.
    pub name: Option<&'r str>,
}

/// An answer of one repository or of several.
#[derive(Clone, Debug)]
pub struct Joint<A> {
    /// The answer; its `index` is that of the one, or made of all.
    pub answer: A,
    /// The state of each index, in the order in which they were asked.
    pub states: Vec<IndexState>,
    /// How long each stage took: filter, embed, candidates, rank, condense, verify, show.
    pub stages: StageTimes,
}

/// Why several give no answer.
#[derive(Debug)]
pub struct JointError {
    /// The number of the one that cannot answer, among those asked, where it is known.
    pub member: Option<usize>,
    /// Why.
    pub error: IndexError,
}

impl JointError {
    fn of(member: usize) -> impl Fn(IndexError) -> Self {
        move |error| Self {
            member: Some(member),
            error,
        }
    }
}

impl<E: Into<IndexError>> From<E> for JointError {
    fn from(error: E) -> Self {
        Self {
            member: None,
            error: error.into(),
        }
    }
}

/// A repository that was asked.
pub(crate) struct AskedOf<'r> {
    pub(crate) repository: &'r Repository,
    pub(crate) name: Option<&'r str>,
    /// The generation that answered.
    pub(crate) current: Arc<Current>,
    pub(crate) index: IndexState,
}

/// The number of a repository among those asked, and a span of it.
type SpanOf = (usize, RankedSpan);

/// A query, answered but not yet shown.
pub(crate) struct Asked<'r> {
    pub(crate) of: Vec<AskedOf<'r>>,
    pub(crate) mode: Mode,
    /// Best first: the number of the repository, and the span with its rows as they
    /// are there.
    pub(crate) spans: Vec<SpanOf>,
    /// Whether no word of the query was found.
    pub(crate) by_meaning_alone: bool,
    pub(crate) stages: StageTimes,
    /// Texts that were looked at.
    texts: Texts,
}

impl Asked<'_> {
    /// The state of what was asked: of several, `repo` is empty, `head` null,
    /// `generation` and `pending_files` are sums, `fresh` says whether all are,
    /// `vector_coverage` is the mean by chunks, `model` names each once.
    pub(crate) fn index(&self) -> IndexState {
        if let [only] = self.of.as_slice() {
            return only.index.clone();
        }
        let parts = self.of.iter();
        state_of_all(parts.map(|one| (&one.index, one.current.rows.count())))
    }

    /// With the answer that was made of it since `shown`.
    pub(crate) fn joint<A>(self, answer: A, shown: Instant) -> Joint<A> {
        let mut stages = self.stages;
        stages.push(("show", shown.elapsed()));
        Joint {
            answer,
            states: self.of.into_iter().map(|one| one.index).collect(),
            stages,
        }
    }
}

fn state_of_all<'a>(parts: impl Iterator<Item = (&'a IndexState, usize)>) -> IndexState {
    let mut state = IndexState {
        fresh: true,
        ..IndexState::default()
    };
    let (mut covered, mut chunks) = (0.0, 0);
    let mut models: Vec<&str> = Vec::new();
    for (index, count) in parts {
        state.generation += index.generation;
        state.fresh &= index.fresh;
        state.pending_files += index.pending_files;
        covered += index.vector_coverage * count as f64;
        chunks += count;
        if !models.contains(&index.model.as_str()) {
            models.push(&index.model);
        }
    }
    state.vector_coverage = if chunks == 0 {
        1.0
    } else {
        covered / chunks as f64
    };
    state.model = models.join(", ");
    state
}

/// Searches all of them as if they were one.
pub fn search(
    members: &[Member<'_>],
    query: &Query,
    options: &SearchOptions,
) -> Result<Joint<SearchAnswer>, JointError> {
    let started = Instant::now();
    if options.exclude.len() > limits::MAX_EXCLUDED {
        return Err(IndexError::TooManyExcluded(options.exclude.len()).into());
    }
    let asked = ask(members, query, Purpose::List, &options.exclude)?;
    let shown = Instant::now();
    let searchers: Vec<Searcher<'_>> = asked
        .of
        .iter()
        .enumerate()
        .map(|(number, one)| {
            let searcher = one.repository.searcher(&one.current);
            Searcher {
                corpus: searcher.corpus.with_texts(&asked.texts, number),
                ..searcher
            }
        })
        .collect();
    let mut hits = Vec::with_capacity(asked.spans.len());
    let best = asked.spans.first().map_or(0.0, |(_, span)| span.score);
    for (number, span) in &asked.spans {
        let is_far = best - span.score > Ranking::shipped().within;
        if is_far && options.only_near && asked.mode == Mode::Hybrid {
            break;
        }
        let mut hit = searchers[*number].hit(hits.len() + 1, span)?;
        hit.repo = asked.of[*number].name.map(str::to_owned);
        hits.push(hit);
    }
    // The places of several would be told by paths of one.
    let exact = match (options.exact_lines, members) {
        (1.., [only]) => only.repository.exact(query, &asked, options.exact_lines)?,
        _ => None,
    };
    let answer = SearchAnswer {
        exact,
        query: query.text.clone(),
        mode: asked.mode,
        index: asked.index(),
        hits,
        by_meaning_alone: asked.by_meaning_alone,
        took_ms: started.elapsed().as_secs_f64() * 1000.0,
    };
    drop(searchers);
    Ok(asked.joint(answer, shown))
}

/// The ranked spans of a query whose files are as they were indexed, and that do not
/// lie in what the reader knows.
pub(crate) fn ask<'r>(
    members: &[Member<'r>],
    query: &Query,
    purpose: Purpose,
    known: &[SpanId],
) -> Result<Asked<'r>, JointError> {
    let Some(Member {
        repository: first, ..
    }) = members.first()
    else {
        return Ok(Asked {
            of: Vec::new(),
            mode: query.mode,
            spans: Vec::new(),
            by_meaning_alone: false,
            stages: StageTimes::new(),
            texts: Texts::default(),
        });
    };
    let mut of = Vec::with_capacity(members.len());
    for (number, Member { repository, name }) in members.iter().enumerate() {
        let current = repository
            .current_or_none()
            .map_err(JointError::of(number))?;
        of.push(AskedOf {
            repository,
            name: *name,
            current,
            index: IndexState::default(),
        });
    }
    let parts = of.iter().map(|one| one.repository.part(&one.current));
    let mut searcher = Searcher {
        corpus: Corpus::of(parts.collect())?,
        // One process has one model, and one beside it.
        embedder: first.embedder(),
        quality: first.quality_at(quality_coverage(&of)),
        rerank: None,
        purpose,
    };
    if let Some(within) = query.rerank {
        let model = first.added.reranker.as_deref();
        let model = model.ok_or(IndexError::NoReranker)?;
        searcher.rerank = Some(Rerank { model, within });
    }
    let mut wider = query.clone();
    wider.k = query.k + SPARE_HITS + known.len();
    let mut filtering = StageClock::default();
    let mut allowed = Vec::with_capacity(of.len());
    for (number, one) in of.iter().enumerate() {
        let filters = one.repository.meant(query.filters.clone(), &one.current);
        let filters = filters.map_err(JointError::of(number))?;
        allowed.push(searcher.allowed(number, &filters)?);
    }
    filtering.ended("filter");
    // On the threads that its parts are shared out to: several searches at once then take
    // turns there, and do not wait for each other's parts.
    // One that takes long keeps those threads from no other.
    let takes_long = query.mode == Mode::Regex || query.rerank.is_some();
    let mut found = if takes_long {
        searcher.search(&wider, &allowed)?
    } else {
        rayon::scope(|_| searcher.search(&wider, &allowed))?
    };
    let mut verifying = StageClock::default();
    let mut stages = filtering.times();
    stages.append(&mut found.stages);
    let (mode, by_meaning_alone) = (found.mode, found.by_meaning_alone);
    let (spans, stale) = verified(&of, &searcher.corpus, found, query.k, known)?;
    let texts = searcher.corpus.texts();
    drop(searcher);
    for (one, stale) in of.iter_mut().zip(stale) {
        let view = one.current.snapshot.catalog().view(&one.repository.root);
        let pending = one.repository.pending_files().max(stale);
        if stale > 0 {
            one.repository.checked.store(false, Ordering::Relaxed);
        }
        one.index = one.repository.state_of(&one.current, view, pending);
    }
    verifying.ended("verify");
    stages.extend(verifying.times());
    Ok(Asked {
        of,
        mode,
        spans,
        by_meaning_alone,
        stages,
        texts,
    })
}

/// Share of all chunks with a vector of the second model.
fn quality_coverage(of: &[AskedOf<'_>]) -> f64 {
    let (mut covered, mut all) = (0.0, 0.0);
    for AskedOf { current, .. } in of {
        let rows = current.rows.count() as f64;
        covered += current.quality_coverage * rows;
        all += rows;
    }
    if all == 0.0 { 1.0 } else { covered / all }
}

/// The first `k` spans that are not known and whose files are as they were indexed,
/// and of each repository how many files among those looked at are not.
fn verified(
    of: &[AskedOf<'_>],
    corpus: &Corpus<'_>,
    found: Found,
    k: usize,
    known: &[SpanId],
) -> Result<(Vec<SpanOf>, Vec<u64>), IndexError> {
    let excluded: Vec<Vec<SpanId>> = of
        .iter()
        .map(|one| one.repository.excluded(&one.current, known).0)
        .collect();
    let known: Vec<Known<'_>> = excluded.iter().map(|ids| Known::of(ids)).collect();
    let mut spans = Vec::new();
    let mut stale: Vec<(usize, u32)> = Vec::new();
    let mut right: Vec<(usize, u32)> = Vec::new();
    for span in found.spans {
        if spans.len() == k {
            break;
        }
        let (number, span) = corpus.own(span);
        let one = &of[number];
        let file = one.current.snapshot.file_of_row(span.row);
        let place = (number, file);
        if stale.contains(&place) {
            continue;
        }
        if !right.contains(&place) {
            if !one.repository.is_as_indexed(&one.current, file) {
                stale.push(place);
                continue;
            }
            right.push(place);
        }
        if !known[number].has(&one.current, file, &span)? {
            spans.push((number, span));
        }
    }
    let count = |number| stale.iter().filter(|place| place.0 == number).count() as u64;
    Ok((spans, (0..of.len()).map(count).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_several_is_made_of_theirs() {
        let state = |fresh, vector_coverage| IndexState {
            repo: "/a".to_owned(),
            generation: 2,
            head: Some("x".to_owned()),
            fresh,
            pending_files: 3,
            vector_coverage,
            model: "m".to_owned(),
        };
        let all = state_of_all([(&state(true, 1.0), 3), (&state(false, 0.0), 1)].into_iter());
        let expected = IndexState {
            repo: String::new(),
            generation: 4,
            head: None,
            fresh: false,
            pending_files: 6,
            vector_coverage: 0.75,
            model: "m".to_owned(),
        };
        assert_eq!(all, expected);
    }
}
