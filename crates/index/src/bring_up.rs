//! Bringing an index up to date with the working tree.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wherein_store::{Nearest, Snapshot, StoreError, Writer, WriterOptions};
use wherein_walk::Listing;

use crate::error::IndexError;
use crate::pipeline::{self, Outcomes, Stages};
use crate::plan::{self, Basis, Plan};
use crate::progress::{Phase, Progress};
use crate::repository::Repository;
use crate::settings::VectorSearch;

/// How often it is tried again while another process writes the index.
const POLL: Duration = Duration::from_millis(50);

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct IndexOptions {
    /// Make everything anew. What is there answers until that is done; a
    /// damaged index is thrown away first.
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

/// A run that found nothing to do.
const UNCHANGED: Outcomes = Outcomes::nothing();

impl Repository {
    fn basis(&self, chunk: &wherein_chunk::Options, full: bool) -> Basis {
        let short = |text: String| {
            let mut first = [0; 8];
            first.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
            u64::from_le_bytes(first)
        };
        let chunker = wherein_chunk::CHUNKER_VERSION;
        let max_file_bytes = self.settings.index.max_file_bytes;
        Basis {
            recipe: short(format!("{chunker}/{chunk:?}/{}", self.model_id())),
            gates: short(format!("{}/{max_file_bytes}", wherein_walk::GATES_VERSION)),
            full,
        }
    }

    /// Brings the index up to date with the working tree. When nothing has
    /// changed nothing is written, and no lock is taken.
    pub fn index(
        &self,
        options: IndexOptions,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        let started = Instant::now();
        progress.begin();
        let chunk_options = wherein_chunk::Options::default();
        let basis = self.basis(&chunk_options, options.full);
        let head = self.checkout().head();
        let listing = self.list()?;
        if !options.full
            && let Some(plan) = self.look(&listing, basis)?
            && plan.is_done(self.view_now().as_ref(), head.as_deref())
        {
            self.link(progress)?;
            progress.enter(Phase::Done);
            let kept = plan.kept.len() as u64;
            return Ok(self.report(started, UNCHANGED, kept, 0));
        }
        let from_scratch = options.full && !self.is_sound()?;
        let mut writer = self.writer(options.wait, from_scratch, started, progress)?;
        progress.enter(Phase::Walking);
        let plan = plan::plan(&listing, writer.catalog(), &self.root, basis);
        let (kept, removed) = (plan.kept.len() as u64, plan.removed);
        let must_commit = !plan.is_settled(writer.catalog().view(&self.root), head.as_deref());
        let walk_options = self.walk_options();
        let stages = Stages {
            checkout: self.checkout(),
            walk: &walk_options,
            chunk: &chunk_options,
            embedder: self.embedder(),
            recipe: basis.recipe,
            reuse: !options.full,
            threads: self.threads(),
            checkpoint_bytes: self.settings.index.checkpoint_bytes,
        };
        let root = self.root.clone();
        let outcomes = pipeline::run(
            &stages,
            plan,
            must_commit,
            root,
            head,
            &mut writer,
            progress,
        );
        // Gives its lock and the space of what it did not commit back.
        drop(writer);
        let outcomes = outcomes?;
        if from_scratch {
            self.reload_all()?;
        } else {
            self.reload()?;
        }
        self.pending.store(0, Ordering::Relaxed);
        self.checked.store(outcomes.complete, Ordering::Relaxed);
        self.link(progress)?;
        progress.enter(Phase::Done);
        Ok(self.report(started, outcomes, kept, removed))
    }

    /// Compares the working tree with the newest generation and notes how they
    /// stand; `None` when there is no index.
    fn look(&self, listing: &Listing, basis: Basis) -> Result<Option<Plan>, IndexError> {
        let newest = self
            .current()
            .is_some_and(|current| current.snapshot.is_newest(&self.location.index));
        if !newest {
            self.reload()?;
        }
        let Some(current) = self.current() else {
            return Ok(None);
        };
        let catalog = current.snapshot.catalog();
        let plan = plan::plan(listing, catalog, &self.root, basis);
        let head = self.checkout().head();
        self.pending
            .store(plan.to_read.len() as u64 + plan.removed, Ordering::Relaxed);
        let is_done = plan.is_done(catalog.view(&self.root), head.as_deref());
        self.checked.store(is_done, Ordering::Relaxed);
        Ok(Some(plan))
    }

    /// Looks how far the working tree is from the index, and changes nothing.
    pub(crate) fn look_only(&self) -> Result<(), IndexError> {
        let basis = self.basis(&wherein_chunk::Options::default(), false);
        let listing = self.list()?;
        let Some(plan) = self.look(&listing, basis)? else {
            return Ok(());
        };
        let Some(current) = self.current() else {
            return Ok(());
        };
        // Of files that were touched just before they were read, `stat` proves
        // nothing: their content does.
        let differs = |file: &wherein_store::ViewFile| {
            let number = current.snapshot.file_number(file.id);
            number.is_none_or(|number| !self.is_as_indexed(&current, number))
        };
        let changed = plan
            .to_read
            .iter()
            .filter(|entry| match plan.before.get(&entry.path) {
                Some(file) => differs(file),
                None => !plan.skips_before.contains_key(&entry.path),
            });
        let pending = changed.count() as u64 + plan.removed;
        let is_settled =
            plan.is_settled(self.view_now().as_ref(), self.checkout().head().as_deref());
        self.pending.store(pending, Ordering::Relaxed);
        self.checked
            .store(pending == 0 && is_settled, Ordering::Relaxed);
        Ok(())
    }

    fn view_now(&self) -> Option<wherein_store::View> {
        self.with_view(|_, view| view.clone())
    }

    /// Whether every byte of the index is as it was written, or there is none.
    fn is_sound(&self) -> Result<bool, IndexError> {
        let whole = Snapshot::open(&self.location.index, None)
            .and_then(|snapshot| snapshot.map_or(Ok(()), |snapshot| snapshot.check()));
        match whole {
            Ok(()) => Ok(true),
            Err(error) if error.is_mended_by_rebuild() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Becomes the one writer; waits for another as long as it may and until
    /// the run is stopped.
    fn writer(
        &self,
        wait: Duration,
        from_scratch: bool,
        started: Instant,
        progress: &Progress,
    ) -> Result<Writer, IndexError> {
        let options = WriterOptions {
            threads: self.threads().div_ceil(2).min(4),
            model: self
                .embedder()
                .map(|embedder| (embedder.model_id().to_owned(), embedder.dimensions())),
            from_scratch,
        };
        loop {
            match Writer::open(&self.location.index, &options) {
                Err(StoreError::Locked { .. })
                    if started.elapsed() < wait && !progress.is_stopped() =>
                {
                    progress.enter(Phase::Waiting);
                    std::thread::sleep(POLL);
                }
                opened => return Ok(opened?),
            }
        }
    }

    /// How the nearest vectors are found.
    pub(crate) fn nearest(&self) -> Nearest {
        match self.settings.search.vectors {
            VectorSearch::Exact => Nearest::Exact,
            VectorSearch::Auto | VectorSearch::Graph => Nearest::Graph,
        }
    }

    /// Builds the graph over the vectors, where it is wanted and missing.
    fn link(&self, progress: &Progress) -> Result<(), IndexError> {
        let least = match self.settings.search.vectors {
            VectorSearch::Exact => return Ok(()),
            VectorSearch::Graph => 1,
            VectorSearch::Auto => self.settings.search.graph_above,
        };
        if let Some(current) = self.current() {
            progress.enter(Phase::Linking);
            let (root, stop) = (&self.location.index, progress.stop_flag());
            match current
                .snapshot
                .build_graph(root, self.model_id(), least, stop)
            {
                Ok(true) => self.reload()?,
                Ok(false) => {}
                // The index is whole without it, and answers by the exact scan.
                Err(error) => tracing::warn!(%error, "the graph over the vectors is not built"),
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
}
