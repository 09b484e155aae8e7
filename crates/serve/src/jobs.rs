//! Index jobs: a bounded queue, one job for each repository, a few at a time on
//! threads of their own, and what became of the last ones.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use wherein_index::{IndexError, IndexOptions, IndexReport, Repository};

use crate::filler::Filler;
use crate::job::{Job, Run, Wish};
use crate::served::Served;

/// Most jobs that wait.
pub(crate) const MAX_QUEUED: usize = 64;
/// Finished jobs that are remembered.
const MAX_FINISHED: usize = 256;
/// Jobs that run at once: each takes all cores, two let a small one pass.
const MAX_RUNNING: usize = 2;
/// How long after the last job its memory counts as not needed any more.
const REST: Duration = Duration::from_millis(100);
/// How long a run waits for another process that writes an index.
const LOCK_PATIENCE: Duration = Duration::from_mins(10);

/// Why a job is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// [`MAX_QUEUED`] wait already, or no thread can be had.
    Full,
    /// The service ends.
    Closed,
}

#[derive(Default)]
struct Table {
    waiting: VecDeque<Arc<Job>>,
    /// Waiting and running ones.
    active: Vec<Arc<Job>>,
    finished: VecDeque<Arc<Job>>,
    made: u64,
    is_closed: bool,
}

/// All jobs of the service.
pub(crate) struct Jobs {
    /// Tells the jobs of one start of the service from those of another.
    start: u64,
    table: Mutex<Table>,
    workers: watch::Sender<usize>,
    /// Told when the first job begins and when the last one has ended.
    at_work: OnceLock<fn(bool)>,
    filler: Arc<Filler>,
}

impl Jobs {
    pub(crate) fn new() -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Arc::new(Self {
            start: now.map_or(0, |now| now.as_secs()),
            table: Mutex::new(Table::default()),
            workers: watch::Sender::new(0),
            at_work: OnceLock::new(),
            filler: Filler::new(),
        })
    }

    /// Has somebody told when jobs run.
    pub(crate) fn tell_work(&self, at_work: fn(bool)) {
        let _ = self.at_work.set(at_work);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job, or joins the one that waits or runs for this repository.
    pub(crate) fn ask(
        self: &Arc<Self>,
        served: &Arc<Served>,
        wish: Wish,
    ) -> Result<Arc<Job>, Refused> {
        self.ask_for(served, wish, None)
    }

    /// As [`Jobs::ask`], where somebody waits for the answer to a question.
    pub(crate) fn ask_for(
        self: &Arc<Self>,
        served: &Arc<Served>,
        wish: Wish,
        question: Option<&str>,
    ) -> Result<Arc<Job>, Refused> {
        let mut table = self.table();
        if table.is_closed {
            return Err(Refused::Closed);
        }
        if let Some(job) = table.of(served) {
            match question {
                Some(_) => job.join_waiting(),
                None => job.join(wish),
            }
            return Ok(job);
        }
        if table.waiting.len() >= MAX_QUEUED {
            return Err(Refused::Full);
        }
        table.made += 1;
        let id = format!("{:x}-{}", self.start, table.made);
        let job = Arc::new(Job::new(id, Arc::clone(served), wish));
        if let Some(question) = question {
            job.begin_for(question);
        }
        let running = *self.workers.borrow();
        if running < MAX_RUNNING {
            let jobs = Arc::clone(self);
            let spawned = std::thread::Builder::new()
                .name("wherein-job".to_owned())
                .spawn(move || jobs.work());
            match spawned {
                Ok(_) => self.workers.send_modify(|count| *count += 1),
                Err(error) if running == 0 => {
                    tracing::error!(%error, "no thread for index jobs");
                    return Err(Refused::Full);
                }
                Err(_) => {}
            }
        }
        table.waiting.push_back(Arc::clone(&job));
        table.active.push(Arc::clone(&job));
        Ok(job)
    }

    /// The job that waits or runs for a repository.
    pub(crate) fn active(&self, served: &Arc<Served>) -> Option<Arc<Job>> {
        self.table().of(served)
    }

    /// A job by its id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Job>> {
        let table = self.table();
        let mut all = table.active.iter().chain(&table.finished);
        all.find(|job| job.id == id).map(Arc::clone)
    }

    /// Stops the job of a repository that is no longer served.
    pub(crate) fn cancel(&self, served: &Arc<Served>) {
        self.filler.cancel(served);
        let mut table = self.table();
        if let Some(job) = table.of(served) {
            table.stop(&job);
        }
    }

    /// Stops a job that was made for those who waited for an answer, when the last of
    /// them has gone and nobody else wants it.
    pub(crate) fn give_up(&self, job: &Arc<Job>, waiting: &AtomicUsize) {
        let mut table = self.table();
        let is_active = table.active.iter().any(|one| Arc::ptr_eq(one, job));
        if is_active && job.is_for_waiters() && waiting.load(Ordering::SeqCst) == 0 {
            table.stop(job);
        }
    }

    /// Takes no more jobs and stops those there are.
    pub(crate) fn close(&self) {
        self.filler.close();
        let mut table = self.table();
        table.is_closed = true;
        table.waiting.clear();
        for job in table.active.clone() {
            job.stop();
            if job.state().is_over() {
                table.finish(&job);
            }
        }
    }

    /// Returns when no job runs.
    pub(crate) async fn idle(&self) {
        let mut workers = self.workers.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = workers.wait_for(|count| *count == 0).await;
        self.filler.idle().await;
    }

    /// A worker: runs jobs until none waits.
    fn work(&self) {
        if let Some(at_work) = self.at_work.get() {
            at_work(true);
        }
        loop {
            let (next, is_last) = {
                let mut table = self.table();
                let next = table.waiting.pop_front();
                if next.is_none() {
                    self.workers.send_modify(|count| *count -= 1);
                }
                (next, *self.workers.borrow() == 0)
            };
            let Some(job) = next else {
                if let (Some(at_work), true) = (self.at_work.get(), is_last) {
                    // Threads of the run are ending too.
                    std::thread::sleep(REST);
                    let _table = self.table();
                    if *self.workers.borrow() == 0 {
                        at_work(false);
                    }
                }
                return;
            };
            while self.run(&job) {}
            // Whoever waited for it goes on meanwhile.
            if let Some(repository) = job.served.opened() {
                let tidied = catch_unwind(AssertUnwindSafe(|| repository.tidy(false)));
                if tidied.is_err() {
                    tracing::error!(repo = job.served.name, "upkeep panicked");
                }
            }
        }
    }

    /// One run; `true` when another one has to follow.
    fn run(&self, job: &Arc<Job>) -> bool {
        let Some(run) = job.begin() else {
            self.table().finish(job);
            return false;
        };
        let began = job.served.look_begins();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let repository = job.served.repository()?;
            bring_up_to_date(repository, &run)
        }));
        self.filler.ask(&job.served);
        // From here on no wish can join a job that ends.
        let mut table = self.table();
        let is_again = if let Ok(result) = result {
            match &result {
                Ok(Some(report)) if report.complete => job.served.look_was_complete(began),
                Ok(_) => {}
                Err(_) if run.progress.is_stopped() => {}
                Err(error) => tracing::warn!(repo = job.served.name, %error, "an index job failed"),
            }
            job.end(result)
        } else {
            tracing::error!(repo = job.served.name, "an index job panicked");
            job.fail("the job ended by a bug of wherein; see the log");
            false
        };
        if !is_again {
            table.finish(job);
        }
        is_again
    }
}

impl Table {
    fn of(&self, served: &Arc<Served>) -> Option<Arc<Job>> {
        let mut active = self.active.iter();
        active
            .find(|job| Arc::ptr_eq(&job.served, served))
            .map(Arc::clone)
    }

    /// Stops a job; one that waits is over with that.
    fn stop(&mut self, job: &Arc<Job>) {
        job.stop();
        self.waiting.retain(|one| !Arc::ptr_eq(one, job));
        if job.state().is_over() {
            self.finish(job);
        }
    }

    /// Moves a job to the finished ones. A look that nobody knows of is
    /// forgotten, so that it does not push out what someone asked for.
    fn finish(&mut self, job: &Arc<Job>) {
        self.active.retain(|one| !Arc::ptr_eq(one, job));
        if !job.record().is_known {
            return;
        }
        self.finished.push_back(Arc::clone(job));
        while self.finished.len() > MAX_FINISHED {
            self.finished.pop_front();
        }
    }
}

/// Indexes what has changed; waits for another process that writes, and builds
/// a damaged index anew. `None` when it did not wait.
fn bring_up_to_date(repository: &Repository, run: &Run) -> Result<Option<IndexReport>, IndexError> {
    let wait = if run.is_patient {
        LOCK_PATIENCE
    } else {
        Duration::ZERO
    };
    let index = |full| {
        let options = IndexOptions { full, wait };
        match &run.question {
            Some(question) => repository.index_for(question, options, &run.progress),
            None => repository.index(options, &run.progress),
        }
    };
    let result = match index(run.full) {
        Err(error) if error.is_mended_by_rebuild() && !run.full => {
            tracing::warn!(%error, "the index is built anew");
            index(true)
        }
        other => other,
    };
    match result {
        Err(error) if error.is_locked() && !run.is_patient => Ok(None),
        other => other.map(Some),
    }
}
