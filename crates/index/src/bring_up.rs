//! Bringing an index up to date with the working tree.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wherein_store::{Nearest, StatRecord};
use wherein_walk::{Listing, Unread};

use crate::error::IndexError;
use crate::look::Look;
use crate::pipeline::{self, Stages};
use crate::plan::{self, Basis, Plan};
use crate::progress::{Phase, Progress};
use crate::report::{Counted, IndexReport};
use crate::repository::Repository;
use crate::settings::VectorSearch;

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct IndexOptions {
    /// Make everything anew. What is there answers until that is done; a
    /// damaged index is thrown away first.
    pub full: bool,
    /// How long to wait for another process that writes this index.
    pub wait: Duration,
}

/// Bytes to be read below which a run is a small one.
const LITTLE: u64 = 8 << 20;

/// Files of which `stat` proves nothing, up to which they are read before the
/// lock is taken: a search need not become a writer for them.
const EXAMINED: usize = 256;

/// What reading the doubtful files has shown.
#[derive(Clone, Copy, Debug, Default)]
struct Examined {
    /// Files that differ from the index.
    changed: u64,
    /// Whether `stat` would now prove what it did not.
    is_worth_noting: bool,
}

impl Repository {
    fn basis(&self, chunk: &wherein_chunk::Options, full: bool) -> Basis {
        let short = |text: String| {
            let mut first = [0; 8];
            first.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
            u64::from_le_bytes(first)
        };
        let chunker = wherein_chunk::CHUNKER_VERSION;
        // Without the model what is there was made as it should be.
        let made_before = self
            .model_error()
            .and_then(|_| Some(self.current()?.snapshot.catalog().files.last()?.recipe));
        let max_file_bytes = self.settings.index.max_file_bytes;
        Basis {
            recipe: made_before
                .unwrap_or_else(|| short(format!("{chunker}/{chunk:?}/{}", self.model_id()))),
            gates: short(format!("{}/{max_file_bytes}", wherein_walk::GATES_VERSION)),
            full,
        }
    }

    /// Which chunker, options and model make file versions here, as a key.
    pub(crate) fn recipe(&self) -> u64 {
        self.basis(&wherein_chunk::Options::default(), false).recipe
    }

    /// Brings the index up to date with the working tree. When nothing has
    /// changed nothing is written, and no lock is taken.
    pub fn index(
        &self,
        options: IndexOptions,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        self.index_as(options, false, None, progress)
    }

    /// As [`Repository::index`], where somebody waits for an answer and there is no index
    /// yet: files that have the words of the question come first, and what is done is
    /// committed early and often. Open it meanwhile with [`Repository::open_newest`].
    pub fn index_for(
        &self,
        question: &str,
        options: IndexOptions,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        let question = Some(question).filter(|_| !self.is_indexed());
        self.index_as(options, false, question, progress)
    }

    /// As [`Repository::index`], where nobody asks meanwhile: what is open is closed
    /// before a lot is written, so that it is not in memory twice. Afterwards
    /// [`Repository::open_newest`] opens it again.
    pub fn index_alone(
        &self,
        options: IndexOptions,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        self.index_as(options, true, None, progress)
    }

    fn index_as(
        &self,
        options: IndexOptions,
        is_alone: bool,
        question: Option<&str>,
        progress: &Progress,
    ) -> Result<IndexReport, IndexError> {
        let started = Instant::now();
        progress.begin();
        if self.model_error().is_some() && self.is_indexed() && !options.full {
            // Without the model a run would throw the vectors away. What has
            // changed is counted, and left out of answers.
            self.look_only()?;
            return Ok(self.unchanged(started, &Plan::default(), progress));
        }
        let chunk_options = wherein_chunk::Options::default();
        let basis = self.basis(&chunk_options, options.full);
        let head = self.checkout().head();
        let mut look = self.look_around(basis)?;
        let mut planned = self.compare(&look, basis).filter(|_| !options.full);
        // Whether the index only lacks proof that it is right.
        let mut is_right = false;
        if let Some(plan) = &planned
            && self.is_settled(plan, head.as_deref())
            && plan.to_read.len() <= EXAMINED
        {
            let examined = self.examine(plan, basis)?;
            self.note(examined.changed + plan.removed);
            is_right = examined.changed == 0;
            if is_right && !examined.is_worth_noting {
                self.link(progress)?;
                look.settle(self);
                return Ok(self.unchanged(started, plan, progress));
            }
        }
        let compared = self.current().map_or(0, |one| one.snapshot.generation());
        let bytes = planned.as_ref().map(Plan::bytes_to_read);
        let is_little = bytes.is_some_and(|bytes| bytes < LITTLE);
        let is_closed = is_alone && bytes.is_none_or(|bytes| bytes > LITTLE / 8);
        if is_closed {
            self.close();
        }
        let opened = self.writer(options, is_little, started, progress);
        let (mut writer, waited) = match opened {
            // What would be written down can be found out again.
            Err(error) if is_right && (error.is_locked() || error.is_unwritable()) => {
                self.open_newest()?;
                return Ok(self.unchanged(started, &Plan::default(), progress));
            }
            other => other?,
        };
        progress.enter(Phase::Walking);
        if waited || writer.generation() != compared {
            // The tree has gone on, and so has the index.
            look = self.look_at_everything()?;
            planned = None;
        }
        let plan = planned.unwrap_or_else(|| {
            let covered = look.covered.as_ref();
            plan::plan(&look.listing, covered, writer.catalog(), &self.root, basis)
        });
        // Of a large repository it takes as much as the plan.
        look.listing = Listing::default();
        let (kept, removed) = (plan.kept, plan.removed);
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
            question,
        };
        let outcomes = pipeline::run(
            &stages,
            plan,
            must_commit,
            &self.root,
            head,
            &mut writer,
            progress,
        );
        // When it failed, the writer gives back the space of what it did not commit.
        let outcomes = outcomes?;
        if is_closed && self.nearest() != Nearest::Graph && writer.holds_view(&self.root) {
            // Whoever asks opens it; until then it takes no memory.
            let counted = Counted::of(writer.catalog(), &self.root, writer.generation());
            if let Err(error) = writer.writer.end_tidily() {
                tracing::info!(%error, "the postings stay in many pieces");
            }
            self.seen(outcomes.complete);
            progress.enter(Phase::Done);
            return Ok(self.report(started, counted, outcomes, kept, removed));
        }
        if writer.is_wiped() {
            drop(writer);
            self.reload_all()?;
        } else {
            self.reload_committed(writer.writer.into_committed())?;
        }
        // Not before it is what answers.
        self.seen(outcomes.complete);
        if outcomes.complete {
            look.settle(self);
        }
        self.link(progress)?;
        progress.enter(Phase::Done);
        Ok(self.report(started, self.counted(), outcomes, kept, removed))
    }

    /// Notes that a run is over, and whether it saw every file.
    fn seen(&self, complete: bool) {
        self.pending.store(0, Ordering::Relaxed);
        self.checked.store(complete, Ordering::Relaxed);
    }

    /// Notes how many files differ from the index.
    fn note(&self, pending: u64) {
        self.pending.store(pending, Ordering::Relaxed);
        self.checked.store(pending == 0, Ordering::Relaxed);
    }

    /// Compares the working tree with the generation that is open; `None` when
    /// there is none.
    fn compare(&self, look: &Look, basis: Basis) -> Option<Plan> {
        let current = self.current()?;
        let catalog = current.snapshot.catalog();
        let covered = look.covered.as_ref();
        let plan = plan::plan(&look.listing, covered, catalog, &self.root, basis);
        self.note(plan.to_read.len() as u64 + plan.removed);
        Some(plan)
    }

    /// Looks how far the working tree is from the index, and changes nothing.
    pub(crate) fn look_only(&self) -> Result<(), IndexError> {
        let basis = self.basis(&wherein_chunk::Options::default(), false);
        let look = self.look_around(basis)?;
        if let Some(plan) = self.compare(&look, basis) {
            let examined = self.examine(&plan, basis)?;
            self.note(examined.changed + plan.removed);
            let head = self.checkout().head();
            if !self.is_settled(&plan, head.as_deref()) {
                self.checked.store(false, Ordering::Relaxed);
            } else if examined.changed == 0 {
                look.settle(self);
            }
        }
        Ok(())
    }

    /// Reads the files of which `stat` proves nothing, and says which of them
    /// really differ from the index.
    fn examine(&self, plan: &Plan, basis: Basis) -> Result<Examined, IndexError> {
        let options = self.walk_options();
        let current = self.current();
        let catalog = current.as_ref().map(|current| current.snapshot.catalog());
        let mut examined = Examined::default();
        for entry in &plan.to_read {
            let read_at = pipeline::now_ns();
            let read = wherein_walk::read(self.checkout(), &entry.path, &options);
            let before = plan.before.get(&entry.path);
            let before = before.and_then(|file| catalog?.file(file.id));
            let (same, is_proof) = match (read, before, plan.skips_before.get(&entry.path)) {
                (Ok(file), Some(version), _) => (
                    version.hash == file.hash.0 && version.recipe == basis.recipe,
                    !StatRecord::new(file.stat, read_at).is_racy(),
                ),
                (Err(Unread::Skipped(skip)), None, Some(before)) => (
                    before.reason() == skip.reason && before.detail == skip.detail,
                    pipeline::is_of_content(skip.reason)
                        && !StatRecord::new(entry.stat, read_at).is_racy(),
                ),
                (Err(Unread::Failed(error)), ..) => return Err(error.into()),
                _ => (false, false),
            };
            if same {
                examined.is_worth_noting |= is_proof;
            } else {
                examined.changed += 1;
            }
        }
        Ok(examined)
    }

    /// See [`Plan::is_settled`], for the view that is open.
    fn is_settled(&self, plan: &Plan, head: Option<&str>) -> bool {
        self.with_view(|_, view| plan.is_settled(Some(view), head))
            .unwrap_or(false)
    }

    /// How the nearest vectors are found.
    pub(crate) fn nearest(&self) -> Nearest {
        match self.settings.search.vectors {
            VectorSearch::Exact => Nearest::Exact,
            VectorSearch::Signs => Nearest::Signs,
            VectorSearch::Auto | VectorSearch::Graph => Nearest::Graph,
        }
    }

    /// Builds the graph over the vectors, where it is wanted and missing.
    fn link(&self, progress: &Progress) -> Result<(), IndexError> {
        let least = match self.settings.search.vectors {
            VectorSearch::Exact | VectorSearch::Signs => return Ok(()),
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
                Err(error) => tracing::info!(%error, "the graph over the vectors is not built"),
            }
        }
        Ok(())
    }
}
