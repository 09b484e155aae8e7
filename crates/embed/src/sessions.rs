//! A small pool of sessions of one model: made when needed, kept, never one a request.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::{EmbedError, backend};

/// Sessions that one model has at most. Each holds a copy of the tables, and
/// one alone is faster than what feeds it, so more would cost memory only.
const MAX_SESSIONS: usize = 4;

/// Where the graph of a model is.
#[derive(Clone, Debug)]
pub(crate) enum Graph {
    /// In the program.
    BuiltIn(&'static [u8]),
    /// In a file.
    File(PathBuf),
}

/// How the cores are shared among sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// One thread a session: the callers' threads are the parallelism.
    Callers,
    /// One session that works on all cores: for models that take long for a batch.
    Session,
}

/// The sessions of one model.
pub(crate) struct Sessions {
    model: String,
    graph: Graph,
    threads: Threads,
    pool: Mutex<Pool>,
    returned: Condvar,
    limit: usize,
}

struct Pool {
    idle: Vec<Session>,
    made: usize,
}

impl Sessions {
    /// Loads the model once; further sessions are made when several threads ask at once.
    pub(crate) fn load(model: &str, graph: Graph, threads: Threads) -> Result<Self, EmbedError> {
        let first = open(model, &graph, threads)?;
        Ok(Self {
            model: model.to_owned(),
            graph,
            threads,
            pool: Mutex::new(Pool {
                idle: vec![first],
                made: 1,
            }),
            returned: Condvar::new(),
            limit: match threads {
                Threads::Callers => cores().min(MAX_SESSIONS),
                Threads::Session => 1,
            },
        })
    }

    /// Runs `work` with a session of its own; waits while all are taken.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, EmbedError>,
    ) -> Result<T, EmbedError> {
        let mut taken = Taken {
            pool: self,
            session: None,
        };
        work(taken.session.insert(self.take()?))
    }

    fn take(&self) -> Result<Session, EmbedError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = pool.idle.pop() {
                return Ok(session);
            }
            if pool.made < self.limit {
                pool.made += 1;
                drop(pool);
                return open(&self.model, &self.graph, self.threads).inspect_err(|_| self.lost());
            }
            pool = self
                .returned
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lost(&self) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.made -= 1;
        self.returned.notify_one();
    }
}

/// Gives the session back, also when the work panics.
struct Taken<'a> {
    pool: &'a Sessions,
    session: Option<Session>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let mut pool = self
                .pool
                .pool
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            pool.idle.push(session);
            self.pool.returned.notify_one();
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn open(model: &str, graph: &Graph, threads: Threads) -> Result<Session, EmbedError> {
    let load = |source| EmbedError::Load {
        model: model.to_owned(),
        source,
    };
    // A graph that is far from its computation is worth optimising; ours is not.
    let (level, intra) = match threads {
        Threads::Callers => (GraphOptimizationLevel::Level1, 1),
        Threads::Session => (GraphOptimizationLevel::Level3, cores()),
    };
    let mut builder = Session::builder(backend::environment()?)
        .map_err(load)?
        .with_optimization_level(level)
        .map_err(|error| load(error.into()))?
        .with_intra_threads(intra)
        .map_err(|error| load(error.into()))?
        // Threads that wait sleep: on idle cores nothing is lost, beside other work
        // a fifth is won.
        .with_intra_op_spinning(false)
        .map_err(|error| load(error.into()))?;
    match graph {
        Graph::BuiltIn(onnx) => builder.commit_from_memory(onnx),
        Graph::File(path) => builder.commit_from_file(path),
    }
    .map_err(load)
}
