//! What a repository does to be asked: its part of what is searched, its filters, its
//! working tree. How one or several are asked stands in `joint`.

use std::collections::HashSet;
use std::sync::Arc;

use wherein_core::{Filters, IndexState, Query, SearchAnswer};
use wherein_embed::Embedder;
use wherein_pack::SpanId;
use wherein_search::{Corpus, Feature, Part, Purpose, Ranking, Searcher};
use wherein_store::View;

use crate::error::IndexError;
use crate::joint::{self, Member};
use crate::repository::{Current, Repository};

/// A candidate of a query with its features, in the order of
/// [`RankerShape::features`].
#[derive(Clone, Debug)]
pub struct CandidateSpan {
    /// Path of its file.
    pub path: String,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, inclusive.
    pub end_line: u32,
    /// What a ranker sees.
    pub features: Vec<f32>,
}

/// All candidates of a query.
#[derive(Clone, Debug)]
pub struct CandidateSpans {
    /// Whether the query is nothing but one name.
    pub is_symbol: bool,
    /// In no particular order.
    pub rows: Vec<CandidateSpan>,
}

/// What a ranker is trained with: the features, and where training starts.
#[derive(Clone, Debug)]
pub struct RankerShape {
    /// Names of the features.
    pub features: Vec<&'static str>,
    /// The sign that each weight must have: 1, -1, or 0 for either.
    pub signs: Vec<i8>,
    /// Weights set by hand for queries that are one name.
    pub symbol: Vec<f32>,
    /// Those for all others.
    pub question: Vec<f32>,
}

/// What a ranker is trained with, with or without a second model.
pub fn ranker_shape(has_quality: bool) -> RankerShape {
    let by_hand = Ranking::by_hand(has_quality);
    RankerShape {
        features: Feature::ALL.iter().map(|feature| feature.name()).collect(),
        signs: wherein_search::signs().to_vec(),
        symbol: by_hand.symbol.weights().to_vec(),
        question: by_hand.question.weights().to_vec(),
    }
}

/// Share of the chunks that must have a vector of the second model before it is
/// asked: below it would be guessed at more often than not, see the guesses of
/// `wherein-search`.
const LEAST_COVERAGE: f64 = 0.5;

/// Starts the threads that searches share their parts out to, unless they run.
pub fn start_threads() {
    rayon::current_num_threads();
    rayon::spawn(|| {});
}

/// What else a search may be asked for.
#[derive(Clone, Debug, Default)]
pub struct SearchOptions {
    /// Spans that the reader has already: hits that lie in them are left out.
    pub exclude: Vec<SpanId>,
    /// Most lines to list of those where exactly the query stands, when it is a name
    /// or a regular expression; 0 lists none.
    pub exact_lines: usize,
    /// Whether hits far behind the best one are left out: they are more likely noise than
    /// answer, and a reader pays for each.
    pub only_near: bool,
}

impl Repository {
    /// Answers a query from the generation that is open. Hits of files that
    /// are no longer as they were indexed are left out and counted.
    pub fn search(&self, query: &Query) -> Result<SearchAnswer, IndexError> {
        self.search_with(query, &SearchOptions::default())
    }

    /// As [`Repository::search`], with more asked for.
    pub fn search_with(
        &self,
        query: &Query,
        options: &SearchOptions,
    ) -> Result<SearchAnswer, IndexError> {
        let joint = joint::search(&[self.alone()], query, options);
        joint
            .map(|joint| joint.answer)
            .map_err(|failed| failed.error)
    }

    /// What is open, or that there is nothing.
    pub(crate) fn current_or_none(&self) -> Result<Arc<Current>, IndexError> {
        self.current().ok_or_else(|| IndexError::NotIndexed {
            root: self.checkout().root.clone(),
        })
    }

    /// How fresh an answer from `current` is, with so many files known to differ.
    pub(crate) fn state_of(
        &self,
        current: &Current,
        view: Option<&View>,
        pending: u64,
    ) -> IndexState {
        IndexState {
            repo: self.root.clone(),
            generation: current.snapshot.generation(),
            head: view.and_then(|view| view.head.clone()),
            fresh: pending == 0 && self.is_fresh() && view.is_some_and(|view| view.complete),
            pending_files: pending,
            vector_coverage: match self.quality() {
                Some(_) => current.quality_coverage,
                None => current.vector_coverage,
            },
            model: match self.quality() {
                Some(model) => model.model_id().to_owned(),
                None => self.model_id().to_owned(),
            },
        }
    }

    /// Filters as they are meant here and now: revisions as files, and kept to the
    /// folder that was named.
    pub(crate) fn meant(
        &self,
        mut filters: Filters,
        current: &Current,
    ) -> Result<Filters, IndexError> {
        if let Some(revision) = filters.changed_since.take() {
            filters.only_files = Some(self.changed_since(&revision, current)?);
        }
        if let Some(folder) = filters.below.take() {
            filters = below(&folder, filters, current);
            if filters.only_files.as_ref().is_some_and(Vec::is_empty) {
                return Err(IndexError::NoSuchPlace {
                    place: folder,
                    reason: "no indexed file lies below it; give a folder as answers show it, or \
                             none for all"
                        .to_owned(),
                });
            }
        }
        if !self.location.below.is_empty() {
            filters = below(&self.location.below, filters, current);
        }
        Ok(filters)
    }

    /// The candidates of a query, before they are ranked: for training.
    pub fn candidates(&self, query: &Query) -> Result<CandidateSpans, IndexError> {
        let current = self.current_or_none()?;
        let found = self.searcher(&current).candidates(query)?;
        let span = |one: wherein_search::Described| {
            let chunk = current.snapshot.chunk(one.row);
            CandidateSpan {
                path: chunk.path.to_owned(),
                start_line: chunk.span.start_line,
                end_line: chunk.span.end_line,
                features: one.features.to_vec(),
            }
        };
        Ok(CandidateSpans {
            is_symbol: found.is_symbol,
            rows: found.candidates.into_iter().map(span).collect(),
        })
    }

    /// Asked by itself.
    pub(crate) fn alone(&self) -> Member<'_> {
        Member {
            repository: self,
            name: None,
        }
    }

    /// Its index as a part of what is searched.
    pub(crate) fn part<'a>(&self, current: &'a Current) -> Part<'a> {
        Part {
            snapshot: &current.snapshot,
            view: &current.rows,
            counted: &current.counted,
            nearest: self.nearest(),
        }
    }

    pub(crate) fn searcher<'a>(&'a self, current: &'a Current) -> Searcher<'a> {
        Searcher {
            corpus: Corpus::one(self.part(current)),
            embedder: self.embedder(),
            quality: self.quality_at(current.quality_coverage),
            rerank: None,
            purpose: Purpose::List,
        }
    }

    /// The second model, where so large a share of the chunks has its vectors that it
    /// can be asked.
    pub(crate) fn quality_at(&self, coverage: f64) -> Option<&dyn Embedder> {
        let model = self.quality().filter(|_| coverage >= LEAST_COVERAGE)?;
        if let Err(error) = model.warm() {
            tracing::warn!(%error, "the shipped model alone answers");
            let _ = self.quality_error.set(error.to_string());
            return None;
        }
        Some(model)
    }

    /// Files of the view that differ from a revision of git.
    fn changed_since(&self, revision: &str, current: &Current) -> Result<Vec<String>, IndexError> {
        let snapshot = &current.snapshot;
        let files: Vec<&str> = current.held().map(|file| snapshot.file(file).0).collect();
        let (checkout, options) = (self.checkout(), self.walk_options());
        Ok(wherein_walk::changed_since(
            checkout, revision, &files, &options,
        )?)
    }

    /// By `stat`, and by content where that proves nothing.
    pub(crate) fn is_as_indexed(&self, current: &Current, file: u32) -> bool {
        let (path, hash, _) = current.snapshot.file(file);
        let Some(now) = wherein_walk::stat(self.checkout(), path) else {
            return false;
        };
        let recorded = current.stat(file);
        if recorded.is_some_and(|stat| stat.proves_unchanged(now)) {
            return true;
        }
        wherein_walk::read(self.checkout(), path, &self.walk_options())
            .is_ok_and(|read| read.hash == hash)
    }
}

/// Keeps hits to a folder, whatever other path filters there are.
fn below(folder: &str, mut filters: Filters, current: &Current) -> Filters {
    let prefix = format!("{folder}/");
    let snapshot = &current.snapshot;
    let mut inside: Vec<String> = Vec::new();
    let mut last = None;
    for row in current.rows.iter() {
        let file = snapshot.file_of_row(row);
        if last != Some(file) {
            last = Some(file);
            let (path, _, _) = snapshot.file(file);
            if path.starts_with(&prefix) {
                inside.push(path.to_owned());
            }
        }
    }
    if let Some(only) = &filters.only_files {
        let only: HashSet<&String> = only.iter().collect();
        inside.retain(|path| only.contains(path));
    }
    filters.only_files = Some(inside);
    filters
}
