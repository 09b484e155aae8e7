//! Becoming the one writer of an index, in this process and among all; and upkeep.

use std::ops::{Deref, DerefMut};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wherein_store::{StoreError, Writer, WriterOptions};

use crate::bring_up::IndexOptions;
use crate::error::IndexError;
use crate::progress::{Phase, Progress};
use crate::repository::Repository;

/// How often it is tried again while another process writes the index.
const POLL: Duration = Duration::from_millis(50);

/// Pieces of postings above which a search in haste puts them together.
const MAX_PIECES: usize = 40;

/// The one writer, in this process and among all.
pub(crate) struct OwnWriter<'a> {
    pub(crate) writer: Writer,
    // After the writer has given its lock back.
    _turn: MutexGuard<'a, ()>,
}

impl Deref for OwnWriter<'_> {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for OwnWriter<'_> {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl Repository {
    /// Becomes the one writer, of a little or a lot; waits for another as long as it
    /// may and until the run is stopped, and says whether it had to.
    pub(crate) fn writer(
        &self,
        run: IndexOptions,
        is_little: bool,
        started: Instant,
        progress: &Progress,
    ) -> Result<(OwnWriter<'_>, bool), IndexError> {
        let turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = self.threads().div_ceil(2).min(4);
        let options = WriterOptions {
            threads: if is_little { 0 } else { threads },
            model: self
                .embedder()
                .map(|embedder| (embedder.model_id().to_owned(), embedder.dimensions())),
            mend: run.full,
        };
        let mut waited = false;
        loop {
            let current = self.current();
            let known = current.as_ref().map(|current| &current.snapshot);
            match Writer::open_after(known, &self.location.index, &options) {
                Err(StoreError::Locked { .. })
                    if started.elapsed() < run.wait && !progress.is_stopped() =>
                {
                    waited = true;
                    progress.enter(Phase::Waiting);
                    std::thread::sleep(POLL);
                }
                opened => {
                    let writer = OwnWriter {
                        writer: opened?,
                        _turn: turn,
                    };
                    return Ok((writer, waited));
                }
            }
        }
    }

    /// Puts pieces of the postings together when there are many: to be called when
    /// nobody waits, since it takes the longer, the more was added. With `haste` only
    /// when there are so many that searches are slow. What fails is left as it is.
    pub fn tidy(&self, haste: bool) {
        let untidy = self.current().is_some_and(|current| {
            let pieces = current.snapshot.pieces();
            pieces.can_be_fewer && (!haste || pieces.count > MAX_PIECES)
        });
        if !untidy || self.model_error().is_some() {
            return;
        }
        let turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let tidied = Writer::open(&self.location.index, &WriterOptions::default())
            .and_then(|mut writer| writer.tidy())
            .map_err(IndexError::from)
            .and_then(|()| self.reload());
        drop(turn);
        if let Err(error) = tidied {
            tracing::info!(%error, "the postings stay in many pieces");
        }
    }
}
