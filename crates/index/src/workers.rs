//! Threads that read, chunk and embed: kept for the next run, since a service makes
//! many small ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use wherein_core::limits;

use crate::error::IndexError;

/// Those that nobody uses; runs at the same time have some each, so that a small one
/// need not wait for a large one.
static IDLE: Mutex<Vec<Pool>> = Mutex::new(Vec::new());
/// Most of each sort that are kept.
const MAX_IDLE: usize = 2;

fn idle() -> MutexGuard<'static, Vec<Pool>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What threads are for: those that index may go behind all others, since threads have
/// the order of the one that started them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Indexing,
    Answering,
}

struct Pool {
    threads: ThreadPool,
    of: For,
}

/// The threads of one run.
pub(crate) struct Workers(Option<Pool>);

/// So many threads.
pub(crate) fn of(threads: usize, of: For) -> Result<Workers, IndexError> {
    let mut idle = idle();
    if let Some(at) = idle
        .iter()
        .position(|pool| pool.of == of && pool.threads.current_num_threads() == threads)
    {
        return Ok(Workers(Some(idle.swap_remove(at))));
    }
    drop(idle);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(limits::PARSE_STACK_BYTES)
        .thread_name(|number| format!("index-{number}"))
        .build()
        .map_err(|error| IndexError::Threads(error.to_string()))?;
    Ok(Workers(Some(Pool { threads: pool, of })))
}

impl Workers {
    /// Lets the threads go after this run: what they have freed in a large one would stay
    /// with them.
    pub(crate) fn keep_none(mut self) {
        self.0.take();
    }

    /// Runs `work` on one of the threads; what it shares out goes to all of them.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Option<T> {
        self.0.as_ref().map(|pool| pool.threads.install(work))
    }

    /// Runs `work` on each thread, and returns when all have ended.
    pub(crate) fn each(&self, work: impl Fn() + Sync) {
        if let Some(pool) = &self.0 {
            pool.threads.broadcast(|_| work());
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut idle = idle();
        let Some(pool) = self.0.take() else {
            return;
        };
        if idle.iter().filter(|one| one.of == pool.of).count() < MAX_IDLE {
            idle.push(pool);
        }
    }
}
