//! How far a run is: counters that the workers raise and anyone may read.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for another process that writes the index.
    Waiting,
    /// Looking for files.
    Walking,
    /// Reading, chunking, embedding.
    Indexing,
    /// Making it durable.
    Committing,
    /// Building graphs over large segments.
    Linking,
    /// Giving chunks their vectors of a second model.
    Embedding,
    /// Finished.
    Done,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Walking,
        Self::Indexing,
        Self::Committing,
        Self::Linking,
        Self::Embedding,
        Self::Done,
    ];

    /// For progress lines and job states.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Walking => "walking",
            Self::Indexing => "indexing",
            Self::Committing => "committing",
            Self::Linking => "linking",
            Self::Embedding => "embedding",
            Self::Done => "done",
        }
    }
}

/// Counters of one run, and the flag that stops it.
#[derive(Debug, Default)]
pub struct Progress {
    /// The number of a [`Phase`].
    phase: AtomicU8,
    /// Files to be read in this run.
    pub files_total: AtomicU64,
    /// Bytes to be read in this run.
    pub bytes_total: AtomicU64,
    /// Files done.
    pub files: AtomicU64,
    /// Bytes of source done.
    pub bytes: AtomicU64,
    /// Chunks made.
    pub chunks: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// What the run is doing.
    pub fn phase(&self) -> Phase {
        Phase::ALL[(self.phase.load(Ordering::Relaxed) as usize).min(Phase::ALL.len() - 1)]
    }

    /// Sets the counters back: a run begins, perhaps again.
    pub(crate) fn begin(&self) {
        for counter in [
            &self.files_total,
            &self.bytes_total,
            &self.files,
            &self.bytes,
            &self.chunks,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.enter(Phase::Walking);
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Asks the run to stop: it commits what is done and returns.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }
}
