//! Gives the chunks of served repositories their vectors of the model in use
//! beside the built-in one: one repository after the other, on a thread of its
//! own, behind the answers and the index jobs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wherein_index::Progress;

use crate::served::Served;

#[derive(Default)]
struct State {
    waiting: VecDeque<Arc<Served>>,
    /// The one at hand, and what stops it.
    now: Option<(Arc<Served>, Arc<Progress>)>,
    is_closed: bool,
}

/// The thread, started when there is something to do.
pub(crate) struct Filler {
    state: Mutex<State>,
    is_running: watch::Sender<bool>,
}

impl Filler {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            is_running: watch::Sender::new(false),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a repository in the queue when chunks of it lack vectors.
    pub(crate) fn ask(self: &Arc<Self>, served: &Arc<Served>) {
        let lacks = served
            .opened()
            .is_some_and(wherein_index::Repository::lacks_vectors);
        let mut state = self.state();
        let waits = state.waiting.iter().any(|one| Arc::ptr_eq(one, served));
        if !lacks || waits || state.is_closed {
            return;
        }
        state.waiting.push_back(Arc::clone(served));
        if *self.is_running.borrow() {
            return;
        }
        let filler = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("wherein-vectors".to_owned())
            .spawn(move || filler.work());
        match spawned {
            Ok(_) => {
                self.is_running.send_replace(true);
            }
            Err(error) => {
                tracing::error!(%error, "no thread for vectors");
                state.waiting.clear();
            }
        }
    }

    /// A repository is no longer served.
    pub(crate) fn cancel(&self, served: &Arc<Served>) {
        let mut state = self.state();
        state.waiting.retain(|one| !Arc::ptr_eq(one, served));
        if let Some((_, progress)) = state.now.as_ref().filter(|now| Arc::ptr_eq(&now.0, served)) {
            progress.stop();
        }
    }

    /// Ends: what is done is committed.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.waiting.clear();
        if let Some((_, progress)) = &state.now {
            progress.stop();
        }
    }

    /// Returns when nothing is at hand.
    pub(crate) async fn idle(&self) {
        let mut running = self.is_running.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = running.wait_for(|is| !*is).await;
    }

    fn work(&self) {
        loop {
            let (served, progress) = {
                let mut state = self.state();
                state.now = None;
                let Some(served) = state.waiting.pop_front() else {
                    self.is_running.send_replace(false);
                    return;
                };
                let progress = Arc::new(Progress::default());
                state.now = Some((Arc::clone(&served), Arc::clone(&progress)));
                (served, progress)
            };
            let filled = catch_unwind(AssertUnwindSafe(|| served.repository()?.fill(&progress)));
            match filled {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(repo = served.name, %error, "chunks lack their vectors");
                }
                Err(_) => tracing::error!(repo = served.name, "making vectors panicked"),
            }
        }
    }
}
