//! What a run did.

use std::time::Instant;

use wherein_store::Catalog;

use crate::pipeline::Outcomes;
use crate::plan::Plan;
use crate::progress::{Phase, Progress};
use crate::repository::Repository;

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

/// What a generation holds of a checkout.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    generation: u64,
    files: u64,
    chunks: u64,
    skipped: u64,
}

impl Counted {
    pub(crate) fn of(catalog: &Catalog, root: &str, generation: u64) -> Self {
        let Some(view) = catalog.view(root) else {
            return Self::default();
        };
        let versions = view.files.iter().filter_map(|file| catalog.file(file.id));
        Self {
            generation,
            files: view.files.len() as u64,
            chunks: versions.map(|version| u64::from(version.chunks)).sum(),
            skipped: view.skips.len() as u64,
        }
    }
}

impl Repository {
    /// The report of a run that found nothing to do.
    pub(crate) fn unchanged(
        &self,
        started: Instant,
        plan: &Plan,
        progress: &Progress,
    ) -> IndexReport {
        progress.enter(Phase::Done);
        let kept = plan.kept + plan.to_read.len() as u64;
        self.report(started, self.counted(), Outcomes::nothing(), kept, 0)
    }

    /// What the generation holds that is open.
    pub(crate) fn counted(&self) -> Counted {
        self.current().map_or_else(Counted::default, |current| {
            let snapshot = &current.snapshot;
            Counted::of(snapshot.catalog(), &self.root, snapshot.generation())
        })
    }

    pub(crate) fn report(
        &self,
        started: Instant,
        counted: Counted,
        outcomes: Outcomes,
        kept: u64,
        removed: u64,
    ) -> IndexReport {
        IndexReport {
            repo: self.root.clone(),
            generation: counted.generation,
            complete: outcomes.complete,
            files: counted.files,
            chunks: counted.chunks,
            files_indexed: outcomes.added,
            files_reused: outcomes.reused,
            files_unchanged: kept + outcomes.unchanged,
            files_removed: removed,
            skipped: counted.skipped,
            chunks_indexed: outcomes.chunks,
            bytes_indexed: outcomes.bytes,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}
