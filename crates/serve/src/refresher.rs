//! Keeps served repositories up to date as a watcher tells of changes: once it has
//! been quiet for a moment, or at once when a search wants to know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::timeout;
use wherein_index::{Repository, Watcher};

use crate::job::{Job, JobState, Wish};
use crate::jobs::{Jobs, Refused};
use crate::served::Served;

/// How long nothing has changed before a run begins: a checkout, a formatter or an
/// editor writes many files.
const QUIET: Duration = Duration::from_millis(100);
/// How long one waits for quiet.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a search waits for what has just changed.
const SEARCH_PATIENCE: Duration = Duration::from_millis(500);
/// Longest time between two tries while runs fail.
const MAX_BACK_OFF: Duration = Duration::from_mins(1);

/// Starts runs for repositories that have changed.
pub(crate) struct Refresher {
    watcher: Watcher,
    jobs: Arc<Jobs>,
    runtime: Handle,
}

impl Refresher {
    /// `None` where changes cannot be watched. Within a runtime.
    pub(crate) fn start(jobs: &Arc<Jobs>) -> Option<Arc<Self>> {
        let watcher = Watcher::new()
            .inspect_err(|error| tracing::warn!(%error, "repositories are looked at now and then"));
        Some(Arc::new(Self {
            watcher: watcher.ok()?,
            jobs: Arc::clone(jobs),
            runtime: Handle::current(),
        }))
    }

    /// Follows a repository that has just been opened.
    pub(crate) fn follow(self: &Arc<Self>, served: &Arc<Served>, repository: &Repository) {
        let (refresher, served) = (Arc::downgrade(self), Arc::downgrade(served));
        let attended = Arc::new(AtomicBool::new(false));
        let on_change = move || {
            let Some(refresher) = refresher.upgrade() else {
                return;
            };
            if !attended.swap(true, Ordering::SeqCst) {
                let work = attend(
                    Arc::clone(&refresher.jobs),
                    Weak::clone(&served),
                    Arc::clone(&attended),
                );
                refresher.runtime.spawn(work);
            }
        };
        if let Err(error) = repository.follow(&self.watcher, on_change) {
            tracing::info!(%error, "it is looked at now and then");
        }
    }

    /// Brings small changes in before a search answers; blocks for a moment at most.
    pub(crate) fn bring_in(&self, repositories: &[Arc<Served>]) {
        let began = Instant::now();
        let followed = |served: &&Arc<Served>| {
            let repository = served.opened();
            repository.is_some_and(|one| one.is_followed() && one.is_indexed())
        };
        let followed: Vec<&Arc<Served>> = repositories.iter().filter(followed).collect();
        if followed.is_empty() {
            return;
        }
        if !self.watcher.catch_up() {
            // It is behind: what was written just now may be among what it has not told.
            for served in &followed {
                served.opened().inspect(|one| one.doubt());
            }
        }
        // A run that was under way may have passed what has changed: one more.
        for _ in 0..2 {
            let jobs: Vec<Arc<Job>> = followed
                .iter()
                .filter(|served| served.opened().is_some_and(Repository::has_changes))
                .filter_map(|served| self.jobs.ask(served, Wish::Refresh).ok())
                .collect();
            for job in &jobs {
                let rest = SEARCH_PATIENCE
                    .saturating_sub(began.elapsed())
                    .saturating_sub(job.has_run_for());
                if !rest.is_zero() {
                    let _ = self.runtime.block_on(timeout(rest, over(job)));
                }
            }
            if jobs.is_empty() {
                return;
            }
        }
    }
}

/// Returns when a job has ended.
pub(crate) async fn over(job: &Job) {
    // The sender lives in the job, so this cannot fail.
    let _ = job
        .states()
        .wait_for(|state| JobState::is_over(*state))
        .await;
}

/// Has runs made until nothing is left to be looked at.
async fn attend(jobs: Arc<Jobs>, served: Weak<Served>, attended: Arc<AtomicBool>) {
    let mut back_off = QUIET;
    loop {
        let began = Instant::now();
        let is_quiet = || {
            let served = served.upgrade()?;
            Some(served.opened()?.changed_last()?.elapsed() >= QUIET)
        };
        tokio::time::sleep(back_off).await;
        while began.elapsed() < PATIENCE && is_quiet() == Some(false) {
            tokio::time::sleep(QUIET / 4).await;
        }
        // What changes from here on is told again.
        attended.store(false, Ordering::SeqCst);
        let has_changes = || {
            let served = served.upgrade().filter(|served| !served.is_gone())?;
            served.opened()?.has_changes().then_some(served)
        };
        let Some(served) = has_changes() else {
            return;
        };
        match jobs.ask(&served, Wish::Refresh) {
            Ok(job) => over(&job).await,
            Err(Refused::Full) => {}
            Err(Refused::Closed) => return,
        }
        drop(served);
        if has_changes().is_none() || attended.swap(true, Ordering::SeqCst) {
            return;
        }
        // It failed, another process writes, or there is no end of changes.
        back_off = (back_off * 4).min(MAX_BACK_OFF);
    }
}
