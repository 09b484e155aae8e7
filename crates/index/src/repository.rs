//! The handle on one repository: bring its index up to date, and ask it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use wherein_core::{Filters, IndexState, Query, SearchAnswer};
use wherein_embed::Embedder;
use wherein_search::{Found, Searcher};
use wherein_store::{RowSet, Snapshot, StatRecord, StoreError, View, Writer, WriterOptions};
use wherein_walk::Checkout;

use crate::error::IndexError;
use crate::locate::Location;
use crate::pipeline::{self, Outcomes, Stages};
use crate::plan;
use crate::progress::{Phase, Progress};
use crate::settings::{Settings, VectorSearch};

/// Hits beyond those asked for, in case some are of files that have changed.
const SPARE_HITS: usize = 10;

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct IndexOptions {
    /// Forget what is there, damaged or not, and build anew.
    pub full: bool,
    /// How long to wait for another process that writes this index.
    pub wait: Duration,
}

/// What a run did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct IndexReport {
    /// The checkout.
    pub repo: String,
    /// The generation now in force.
    pub generation: u64,
    /// Whether every file was seen; false after an interruption.
    pub complete: bool,
    /// Files in the index.
    pub files: u64,
    /// Chunks in the index.
    pub chunks: u64,
    /// Files chunked and embedded in this run.
    pub files_indexed: u64,
    /// Files whose content was in the index already.
    pub files_reused: u64,
    /// Files that did not have to be read.
    pub files_unchanged: u64,
    /// Files that are gone.
    pub files_removed: u64,
    /// Paths passed over, whole folders counted once.
    pub skipped: u64,
    /// Chunks made in this run.
    pub chunks_indexed: u64,
    /// Bytes of source chunked in this run.
    pub bytes_indexed: u64,
    /// Wall time of this run.
    pub seconds: f64,
}

/// One generation, as one checkout sees it.
pub struct Current {
    /// The generation.
    pub snapshot: Snapshot,
    /// The rows of the checkout.
    pub rows: RowSet,
    /// Share of them with a vector of the model.
    vector_coverage: f64,
    /// What `stat` said of each file of the view, by its number.
    stats: FxHashMap<u32, StatRecord>,
}

/// A repository, its index and its model. All methods may be called from any
/// thread; searches never wait for a run.
pub struct Repository {
    location: Location,
    settings: Settings,
    root: String,
    embedder: Option<Arc<dyn Embedder>>,
    current: RwLock<Option<Arc<Current>>>,
    /// Files known to differ from the index since the last look.
    pending: AtomicU64,
    /// Whether the last look found nothing to do.
    checked: AtomicBool,
}

impl Repository {
    /// The repository at `location`; opens what index there is.
    pub fn open(
        location: Location,
        settings: Settings,
        embedder: Option<Arc<dyn Embedder>>,
    ) -> Result<Self, IndexError> {
        let repository = Self::open_without_index(location, settings, embedder);
        repository.reload()?;
        Ok(repository)
    }

    /// The repository at `location`, without looking at its index: for one
    /// that is damaged and about to be built anew.
    pub fn open_without_index(
        location: Location,
        settings: Settings,
        embedder: Option<Arc<dyn Embedder>>,
    ) -> Self {
        Self {
            root: location.checkout.root.to_string_lossy().into_owned(),
            location,
            settings,
            embedder,
            current: RwLock::new(None),
            pending: AtomicU64::new(0),
            checked: AtomicBool::new(false),
        }
    }

    /// Where checkout and index lie.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The checkout.
    pub fn checkout(&self) -> &Checkout {
        &self.location.checkout
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The model.
    pub fn embedder(&self) -> Option<&dyn Embedder> {
        self.embedder.as_deref()
    }

    fn model_id(&self) -> &str {
        self.embedder().map_or("", Embedder::model_id)
    }

    /// Reads the newest generation; what is open keeps answering until then.
    pub fn reload(&self) -> Result<(), IndexError> {
        let previous = self.current();
        let opened = Snapshot::open(
            &self.location.index,
            previous.as_ref().map(|current| &current.snapshot),
        )?;
        let current = opened.and_then(|snapshot| {
            let view = snapshot.catalog().view(&self.root)?;
            let rows = snapshot.view_rows(view);
            let with_vectors = snapshot.rows_with_vectors(self.model_id(), &rows);
            let vector_coverage = match rows.count() {
                0 => 1.0,
                all => with_vectors as f64 / all as f64,
            };
            let stats = view
                .files
                .iter()
                .filter_map(|file| Some((snapshot.file_number(file.id)?, file.stat)))
                .collect();
            Some(Arc::new(Current {
                snapshot,
                rows,
                vector_coverage,
                stats,
            }))
        });
        *self
            .current
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = current;
        Ok(())
    }

    /// The generation that answers now; `None` before the first run.
    pub fn current(&self) -> Option<Arc<Current>> {
        self.current
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Whether there is an index to search.
    pub fn is_indexed(&self) -> bool {
        self.current().is_some()
    }

    pub(crate) fn walk_options(&self) -> wherein_walk::Options {
        wherein_walk::Options {
            max_file_bytes: self.settings.index.max_file_bytes,
            ..wherein_walk::Options::default()
        }
    }

    fn threads(&self) -> usize {
        match self.settings.index.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            given => given,
        }
    }

    /// Whatever changes what is made of the same content.
    fn recipe(&self, chunk: &wherein_chunk::Options) -> u64 {
        let text = format!(
            "{}/{chunk:?}/{}",
            wherein_chunk::CHUNKER_VERSION,
            self.model_id()
        );
        let mut first = [0; 8];
        first.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
        u64::from_le_bytes(first)
    }

    /// Brings the index up to date with the working tree. When nothing has
    /// changed nothing is written, and no lock is taken.
    pub fn index(
        &self,
        options: IndexOptions,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        let started = Instant::now();
        let chunk_options = wherein_chunk::Options::default();
        let walk_options = self.walk_options();
        let recipe = self.recipe(&chunk_options);
        progress.enter(Phase::Walking);
        let head = self.checkout().head();
        let listing = wherein_walk::list(self.checkout(), &walk_options)?;
        if !options.full {
            let newest = self
                .current()
                .is_some_and(|current| current.snapshot.is_newest(&self.location.index));
            if !newest {
                self.reload()?;
            }
            if let Some(current) = self.current() {
                let catalog = current.snapshot.catalog();
                let plan = plan::plan(&listing, catalog, &self.root, recipe);
                self.pending
                    .store(plan.to_read.len() as u64 + plan.removed, Ordering::Relaxed);
                if plan.is_done(catalog.view(&self.root), head.as_deref()) {
                    self.checked.store(true, Ordering::Relaxed);
                    self.link(progress)?;
                    progress.enter(Phase::Done);
                    let kept = plan.kept.len() as u64;
                    return Ok(self.report(
                        started,
                        Outcomes {
                            complete: true,
                            ..Outcomes::default()
                        },
                        kept,
                        0,
                    ));
                }
                self.checked.store(false, Ordering::Relaxed);
            }
        }
        let mut writer = Writer::open(
            &self.location.index,
            &WriterOptions {
                wait: options.wait,
                threads: self.threads().div_ceil(2).min(4),
                model: self
                    .embedder()
                    .map(|embedder| (embedder.model_id().to_owned(), embedder.dimensions())),
                from_scratch: options.full,
            },
        )?;
        let plan = plan::plan(&listing, writer.catalog(), &self.root, recipe);
        let (kept, removed) = (plan.kept.len() as u64, plan.removed);
        let must_commit = !plan.is_settled(writer.catalog().view(&self.root), head.as_deref());
        let stages = Stages {
            checkout: self.checkout(),
            walk: &walk_options,
            chunk: &chunk_options,
            embedder: self.embedder(),
            recipe,
            threads: self.threads(),
            checkpoint_bytes: self.settings.index.checkpoint_bytes,
        };
        let outcomes = pipeline::run(
            &stages,
            plan,
            must_commit,
            self.root.clone(),
            head,
            &mut writer,
            progress,
        )?;
        drop(writer);
        self.reload()?;
        self.pending.store(0, Ordering::Relaxed);
        self.checked.store(outcomes.complete, Ordering::Relaxed);
        self.link(progress)?;
        progress.enter(Phase::Done);
        Ok(self.report(started, outcomes, kept, removed))
    }

    /// Builds graphs over large segments, where they are wanted and missing.
    fn link(&self, progress: &Progress) -> Result<(), IndexError> {
        if self.settings.search.vectors == VectorSearch::Exact {
            return Ok(());
        }
        if let Some(current) = self.current() {
            progress.enter(Phase::Linking);
            let threshold = self.settings.search.graph_above;
            let built = current.snapshot.build_graphs(
                &self.location.index,
                threshold,
                progress.stop_flag(),
            )?;
            if built > 0 {
                self.reload()?;
            }
        }
        Ok(())
    }

    fn report(&self, started: Instant, outcomes: Outcomes, kept: u64, removed: u64) -> IndexReport {
        let current = self.current();
        let view = current
            .as_ref()
            .and_then(|current| current.snapshot.catalog().view(&self.root));
        IndexReport {
            repo: self.root.clone(),
            generation: current.as_ref().map_or(0, |one| one.snapshot.generation()),
            complete: outcomes.complete,
            files: view.map_or(0, |view| view.files.len() as u64),
            chunks: current.as_ref().map_or(0, |one| one.rows.count() as u64),
            files_indexed: outcomes.added,
            files_reused: outcomes.reused,
            files_unchanged: kept + outcomes.unchanged,
            files_removed: removed,
            skipped: view.map_or(0, |view| view.skips.len() as u64),
            chunks_indexed: outcomes.chunks,
            bytes_indexed: outcomes.bytes,
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    /// Brings the index up to date as well as may be before a search: an index
    /// that another process is writing answers as it is, a damaged one is built
    /// anew.
    pub fn refresh(&self, progress: &Progress) -> Result<Option<IndexReport>, IndexError> {
        let options = IndexOptions {
            full: false,
            wait: Duration::ZERO,
        };
        match self.index(options, progress) {
            Ok(report) => Ok(Some(report)),
            Err(error) if error.is_locked() && self.is_indexed() => Ok(None),
            Err(error) if error.is_locked() => {
                // Nothing to answer from yet: wait for the other's first commit.
                let wait = Duration::from_mins(10);
                self.index(IndexOptions { full: false, wait }, progress)
                    .map(Some)
            }
            Err(error) if error.is_mended_by_rebuild() => {
                tracing::warn!(%error, "the index is built anew");
                let wait = Duration::from_mins(10);
                self.index(IndexOptions { full: true, wait }, progress)
                    .map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// Answers a query from the generation that is open. Hits of files that
    /// are no longer as they were indexed are left out and counted.
    pub fn search(&self, query: &Query) -> Result<SearchAnswer, IndexError> {
        let started = Instant::now();
        let current = self.current().ok_or_else(|| IndexError::NotIndexed {
            root: self.checkout().root.clone(),
        })?;
        let mut wider = query.clone();
        wider.k = query.k + SPARE_HITS;
        if !self.location.below.is_empty() {
            wider.filters = below(&self.location.below, wider.filters, &current);
        }
        let searcher = Searcher {
            snapshot: &current.snapshot,
            view: &current.rows,
            embedder: self.embedder(),
        };
        let found = searcher.search(&wider)?;
        let (hits, stale) = self.verified(&searcher, &current, &found, query.k)?;
        let view = current.snapshot.catalog().view(&self.root);
        let pending = self.pending.load(Ordering::Relaxed).max(stale);
        if stale > 0 {
            self.checked.store(false, Ordering::Relaxed);
        }
        Ok(SearchAnswer {
            query: query.text.clone(),
            mode: found.mode,
            index: IndexState {
                repo: self.root.clone(),
                generation: current.snapshot.generation(),
                head: view.and_then(|view| view.head.clone()),
                fresh: pending == 0
                    && self.checked.load(Ordering::Relaxed)
                    && view.is_some_and(|view| view.complete),
                pending_files: pending,
                vector_coverage: current.vector_coverage,
                model: self.model_id().to_owned(),
            },
            hits,
            took_ms: started.elapsed().as_secs_f64() * 1000.0,
        })
    }

    /// The first `k` hits whose files are as they were indexed, and how many
    /// files among those looked at are not.
    fn verified(
        &self,
        searcher: &Searcher<'_>,
        current: &Current,
        found: &Found,
        k: usize,
    ) -> Result<(Vec<wherein_core::Hit>, u64), IndexError> {
        let mut hits = Vec::new();
        let mut stale: Vec<u32> = Vec::new();
        let mut right: Vec<u32> = Vec::new();
        for span in &found.spans {
            if hits.len() == k {
                break;
            }
            let file = current.snapshot.file_of_row(span.row);
            if stale.contains(&file) {
                continue;
            }
            if !right.contains(&file) {
                if !self.is_as_indexed(current, file) {
                    stale.push(file);
                    continue;
                }
                right.push(file);
            }
            hits.push(searcher.hit(hits.len() + 1, span)?);
        }
        Ok((hits, stale.len() as u64))
    }

    /// By `stat`, and by content where that proves nothing.
    fn is_as_indexed(&self, current: &Current, file: u32) -> bool {
        let (path, hash, _) = current.snapshot.file(file);
        let Some(now) = wherein_walk::stat(self.checkout(), path) else {
            return false;
        };
        let recorded = current.stats.get(&file);
        if recorded.is_some_and(|stat| stat.proves_unchanged(now)) {
            return true;
        }
        wherein_walk::read(self.checkout(), path, &self.walk_options())
            .is_ok_and(|read| read.hash == hash)
    }

    /// Takes this checkout out of the index; the last one takes the index along.
    pub fn remove(&self) -> Result<(), IndexError> {
        let options = WriterOptions {
            wait: Duration::from_secs(10),
            threads: 1,
            model: None,
            from_scratch: false,
        };
        let mut writer = Writer::open(&self.location.index, &options)?;
        writer.remove_view(&self.root)?;
        let is_last = writer.catalog().views.is_empty();
        drop(writer);
        if is_last {
            remove_folder(&self.location.index)?;
        }
        self.reload()
    }

    /// The view of this checkout, if there is an index.
    pub fn with_view<T>(&self, look: impl FnOnce(&Current, &View) -> T) -> Option<T> {
        let current = self.current()?;
        let view = current.snapshot.catalog().view(&self.root)?;
        Some(look(&current, view))
    }

    /// Files known to differ from the index at the last look.
    pub fn pending_files(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
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
        inside.retain(|path| only.contains(path));
    }
    filters.only_files = Some(inside);
    filters
}

fn remove_folder(path: &Path) -> Result<(), IndexError> {
    // First what makes it an index, so that half a removal is no damaged one.
    let meta: PathBuf = path.join("lexical").join("meta.json");
    for result in [std::fs::remove_file(&meta), std::fs::remove_dir_all(path)] {
        if let Err(error) = result
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(StoreError::Io {
                action: "remove",
                path: path.to_owned(),
                source: error,
            }
            .into());
        }
    }
    Ok(())
}
