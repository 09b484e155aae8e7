//! Index jobs: a bounded queue, one job for each repository, a few at a time on
//! threads of their own, and what became of the last ones.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use wherein_index::{IndexError, IndexOptions, IndexReport, Repository};

use crate::filler::Filler;
use crate::job::{self, Job, Run, RunEnd, Wish};
use crate::metrics::Metrics;
use crate::process;
use crate::served::Served;
use crate::unfinished::{Entry, Unfinished};

/// Most jobs that wait.
pub(crate) const MAX_QUEUED: usize = 64;
/// Finished jobs that are remembered.
const MAX_FINISHED: usize = 256;
/// Jobs that run at once: each takes all cores, two let a small one pass.
const MAX_RUNNING: usize = 2;
/// How long after the last job its memory counts as not needed any more.
const REST: Duration = Duration::from_millis(100);
/// How long after a job could not begin it is tried again, since another process writes
/// its index; others go first meanwhile.
const LATER: Duration = Duration::from_millis(250);
/// The longest such time: each is as long as the job has waited already.
const MAX_LATER: Duration = Duration::from_secs(10);

/// Services that may end while a job runs before it is taken for what ends them.
const MAX_ATTEMPTS: u32 = 3;

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
    /// Those that wait for another process, and when they are tried again.
    later: Vec<(Instant, Arc<Job>)>,
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
    /// Told when there may be something for a worker that waits.
    changed: Condvar,
    workers: watch::Sender<usize>,
    /// Where those are written down that are not done.
    unfinished: Option<Unfinished>,
    metrics: Arc<Metrics>,
    /// Whether jobs go behind searches.
    are_behind: bool,
    /// Told when the first job begins and when the last one has ended.
    at_work: OnceLock<fn(bool)>,
    filler: Arc<Filler>,
}

impl Jobs {
    pub(crate) fn new(
        unfinished: Option<Unfinished>,
        metrics: Arc<Metrics>,
        are_behind: bool,
    ) -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Arc::new(Self {
            start: now.map_or(0, |now| now.as_millis() as u64),
            table: Mutex::new(Table::default()),
            changed: Condvar::new(),
            are_behind,
            unfinished,
            metrics,
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
        if table.is_closed || served.is_gone() {
            return Err(Refused::Closed);
        }
        if let Some(job) = table.of(served) {
            match question {
                Some(_) => job.join_waiting(),
                None => job.join(wish),
            }
            if matches!(wish, Wish::Asked { .. }) {
                self.write_down(&table);
            }
            return Ok(job);
        }
        table.made += 1;
        let id = format!("{:x}-{}", self.start, table.made);
        let job = Job::new(id, Arc::clone(served), wish, None);
        if let Some(question) = question {
            job.begin_for(question);
        }
        self.queue(&mut table, job)
    }

    /// Goes on with a job that the service before has not done; the same id names it.
    pub(crate) fn resume(
        self: &Arc<Self>,
        served: &Arc<Served>,
        entry: Entry,
    ) -> Result<Arc<Job>, Refused> {
        let mut table = self.table();
        if let Some(job) = table.of(served) {
            return Ok(job);
        }
        let wish = Wish::Asked { full: entry.full };
        let mut job = Job::new(entry.id, Arc::clone(served), wish, Some(entry.created_at));
        job.attempts = entry.attempts;
        self.queue(&mut table, job)
    }

    /// Jobs that the service before has not done.
    pub(crate) fn left(&self) -> Vec<Entry> {
        let left = self.unfinished.as_ref();
        let mut left = left.map_or(Vec::new(), Unfinished::load);
        left.retain(|entry| {
            let goes_on = entry.attempts < MAX_ATTEMPTS;
            if !goes_on {
                tracing::error!(
                    repo = entry.repo,
                    id = entry.id,
                    "an index job has ended the service more than once and is left out"
                );
            }
            goes_on
        });
        left
    }

    /// Writes down what is not done.
    fn write_down(&self, table: &Table) {
        if let Some(unfinished) = self.unfinished.as_ref().filter(|_| !table.is_closed) {
            unfinished.save(table.active.iter().filter_map(|job| job.entry()).collect());
        }
    }

    fn queue(self: &Arc<Self>, table: &mut Table, job: Job) -> Result<Arc<Job>, Refused> {
        if table.waiting.len() + table.later.len() >= MAX_QUEUED {
            return Err(Refused::Full);
        }
        let job = Arc::new(job);
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
        self.changed.notify_one();
        if job.record().is_known {
            self.write_down(table);
        }
        Ok(job)
    }

    /// How many run, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let table = self.table();
        let waiting = table.waiting.len() + table.later.len();
        (table.active.len() - waiting, waiting)
    }

    /// All that are known outside: those that are not over, then the last ones that are,
    /// the newest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        let table = self.table();
        let active = table.active.iter().filter(|job| job.record().is_known);
        active.chain(table.finished.iter().rev()).cloned().collect()
    }

    /// Stops a job: what is done is kept.
    pub(crate) fn stop(&self, job: &Arc<Job>) {
        let mut table = self.table();
        if table.active.iter().any(|one| Arc::ptr_eq(one, job)) {
            self.stop_in(&mut table, job);
        }
    }

    fn stop_in(&self, table: &mut Table, job: &Arc<Job>) {
        table.stop(job);
        if job.state().is_over() {
            self.metrics.job(job.state().name(), Duration::ZERO);
        }
        self.write_down(table);
        self.changed.notify_all();
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
        served.is_gone.store(true, Ordering::SeqCst);
        self.filler.cancel(served);
        let mut table = self.table();
        if let Some(job) = table.of(served) {
            self.stop_in(&mut table, &job);
        }
    }

    /// Stops a job that was made for those who waited for an answer, when the last of
    /// them has gone and nobody else wants it.
    pub(crate) fn give_up(&self, job: &Arc<Job>, waiting: &AtomicUsize) {
        let mut table = self.table();
        let is_active = table.active.iter().any(|one| Arc::ptr_eq(one, job));
        if is_active && job.is_for_waiters() && waiting.load(Ordering::SeqCst) == 0 {
            self.stop_in(&mut table, job);
        }
    }

    /// Takes no more jobs and stops those there are.
    pub(crate) fn close(&self) {
        self.filler.close();
        let mut table = self.table();
        table.is_closed = true;
        table.waiting.clear();
        table.later.clear();
        self.changed.notify_all();
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
        if self.are_behind {
            process::go_behind();
        }
        if let Some(at_work) = self.at_work.get() {
            at_work(true);
        }
        loop {
            let (next, is_last) = {
                let next = self.next();
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
            if !job.state().is_over() {
                continue;
            }
            // Whoever waited for it goes on meanwhile.
            if let Some(repository) = job.served.opened() {
                let tidied = catch_unwind(AssertUnwindSafe(|| repository.tidy(false)));
                if tidied.is_err() {
                    tracing::error!(repo = job.served.name, "upkeep panicked");
                }
            }
        }
    }

    /// The next job that can begin. Waits for those that are tried later; a worker that
    /// gets none has ended.
    fn next(&self) -> Option<Arc<Job>> {
        let mut table = self.table();
        loop {
            if let Some(job) = table.waiting.pop_front() {
                return Some(job);
            }
            let now = Instant::now();
            let due = table.later.iter().position(|(at, _)| *at <= now);
            if let Some(at) = due {
                return Some(table.later.swap_remove(at).1);
            }
            let Some(until) = table.later.iter().map(|(at, _)| *at).min() else {
                self.workers.send_modify(|count| *count -= 1);
                return None;
            };
            let waited = self.changed.wait_timeout(table, until - now);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// One run; `true` when another one has to follow at once.
    fn run(&self, job: &Arc<Job>) -> bool {
        let Some(run) = job.begin() else {
            let mut table = self.table();
            // Whoever stopped it may have ended it.
            if table.active.iter().any(|one| Arc::ptr_eq(one, job)) {
                self.end(&mut table, job);
            }
            return false;
        };
        if job.record().is_known {
            // Whether it had begun is to be known when it ends the process.
            self.write_down(&self.table());
        }
        let began = job.served.look_begins();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let repository = job.served.repository()?;
            let report = bring_up_to_date(repository, &run)?;
            let is_known = job.record().is_known;
            let skips = is_known.then(|| job::skips(repository));
            Ok((report, skips.unwrap_or_default()))
        }));
        self.filler.ask(&job.served);
        // From here on no wish can join a job that ends.
        let mut table = self.table();
        let ended = if let Ok(result) = result {
            match &result {
                Ok((Some(report), _)) if report.complete => {
                    job.served.look_was_complete(began);
                }
                Ok(_) => {}
                Err(_) if run.progress.is_stopped() => {}
                Err(error) => tracing::warn!(repo = job.served.name, %error, "an index job failed"),
            }
            match result {
                Ok((report, skips)) => job.end(Ok(report), skips),
                Err(error) => job.end(Err(error), Vec::new()),
            }
        } else {
            tracing::error!(repo = job.served.name, "an index job panicked");
            job.fail("the job ended by a bug of wherein; see the log");
            RunEnd::Over
        };
        match ended {
            RunEnd::Again => return true,
            RunEnd::Later if !table.is_closed => {
                let pause = job.has_waited().clamp(LATER, MAX_LATER);
                table.later.push((Instant::now() + pause, Arc::clone(job)));
            }
            RunEnd::Later | RunEnd::Over => self.end(&mut table, job),
        }
        false
    }

    /// A job is over.
    fn end(&self, table: &mut Table, job: &Arc<Job>) {
        table.finish(job);
        self.metrics.job(job.state().name(), job.took());
        if job.record().is_known {
            self.write_down(table);
        }
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
        self.later.retain(|(_, one)| !Arc::ptr_eq(one, job));
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

/// Indexes what has changed, and builds a damaged index anew. `None` when another process
/// writes it and that is as good.
fn bring_up_to_date(repository: &Repository, run: &Run) -> Result<Option<IndexReport>, IndexError> {
    let index = |full| {
        let options = IndexOptions {
            full,
            wait: Duration::ZERO,
        };
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
