//! Waits until there is something to answer from: a missing index is built on first use,
//! with progress told, and the first answer comes from what is ready.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio_util::sync::CancellationToken;
use wherein_index::Repository;

use crate::job::{Job, Wish};
use crate::problem::Problem;
use crate::refresher::over;
use crate::served::Served;
use crate::state::AppState;

/// How often it is looked whether something is ready.
const TICK: Duration = Duration::from_millis(40);
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(250);
/// A build that is done by then is waited for; afterwards what is ready answers.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The same where a part of it answers already.
const SHORT_PATIENCE: Duration = Duration::from_millis(200);
/// How long the first answer waits for what has changed since the index was made.
const LOOK_PATIENCE: Duration = Duration::from_millis(500);
/// How long the very first files are waited for.
const LONGEST: Duration = Duration::from_mins(1);

/// Who wants to hear how far a build is.
pub(super) struct Listener {
    pub(super) peer: Peer<RoleServer>,
    pub(super) token: Option<ProgressToken>,
    pub(super) cancelled: CancellationToken,
}

/// Counts the calls that wait for a build that was made for them; when the last one gives
/// up, it ends.
struct Waiting<'a> {
    state: &'a AppState,
    served: &'a Served,
    job: Arc<Job>,
    is_done: bool,
}

impl<'a> Waiting<'a> {
    fn new(state: &'a AppState, served: &'a Served, job: &Arc<Job>) -> Self {
        served.waiting.fetch_add(1, Ordering::SeqCst);
        Self {
            state,
            served,
            job: Arc::clone(job),
            is_done: false,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.served.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.is_done {
            // What is done is kept, and the next build goes on from there.
            self.state.jobs().give_up(&self.job, &self.served.waiting);
        }
    }
}

/// How far a build is that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Building {
    pub(super) files: u64,
    pub(super) files_total: u64,
}

impl Building {
    /// What can be found already, of all that a job has seen.
    pub(super) fn of(job: &Job, served: &Served) -> Self {
        let in_view = served
            .opened()
            .and_then(|one| one.with_view(|_, view| view.files.len() as u64));
        let files = in_view.unwrap_or(0);
        let total = job.progress().files_total.load(Ordering::Relaxed);
        Self {
            files,
            files_total: total.max(files),
        }
    }

    /// A sentence for the end of an answer.
    pub(super) fn note(self) -> String {
        let Self { files, files_total } = self;
        let of = if files_total > files {
            format!(" of {files_total}")
        } else {
            String::new()
        };
        format!("The index is being built, {files}{of} files are in; ask again for the rest.")
    }
}

/// Returns when the repository can answer; says how far its build is, where one goes on.
pub(super) async fn ready(
    state: &AppState,
    served: &Arc<Served>,
    question: &str,
    listener: &Listener,
) -> Result<Option<Building>, String> {
    let opened = Arc::clone(served);
    let (is_indexed, is_whole) = state
        .blocking(move |state| {
            let is_first = opened.opened().is_none();
            let repository = opened.repository().map_err(Problem::from)?;
            if is_first && repository.is_indexed() {
                look_first(state, &opened);
            } else {
                opened.follow();
            }
            let is_whole = repository.with_view(|_, view| view.complete);
            Ok((repository.is_indexed(), is_whole.unwrap_or(false)))
        })
        .await
        .map_err(|problem| problem.detail().to_owned())?;
    let job = if is_indexed {
        if is_whole {
            return Ok(None);
        }
        match state.jobs().active(served) {
            Some(job) => job,
            // It was interrupted: what is there answers, and the rest follows.
            None => match state.ask(served, Wish::Asked { full: false }) {
                Ok(job) => job,
                Err(_) => return Ok(None),
            },
        }
    } else {
        state
            .jobs()
            .ask_for(served, Wish::Asked { full: false }, Some(question))
            .map_err(|_| {
                "too many repositories are being indexed; ask again in a moment".to_owned()
            })?
    };
    let mut waiting = Waiting::new(state, served, &job);
    let began = Instant::now();
    // Where something answers already, a build is not waited for twice.
    let patience = if is_indexed { SHORT_PATIENCE } else { PATIENCE };
    // Before the service gives the request up.
    let timeout = Duration::from_secs(state.limits().timeout_seconds);
    let longest = LONGEST.min(timeout.saturating_sub(Duration::from_secs(5)));
    let mut told = Told::default();
    loop {
        let is_over = job.state().is_over();
        if is_over || began.elapsed() >= patience {
            let answering = answering(state, served).await;
            waiting.is_done = answering.is_some() || is_over;
            match answering {
                Some(true) => return Ok(None),
                Some(false) => return Ok(Some(Building::of(&job, served))),
                None if is_over => {
                    let why = job.failure();
                    let why = why.unwrap_or_else(|| "indexing was stopped; ask again".to_owned());
                    return Err(format!("the index could not be built: {why}"));
                }
                None => {}
            }
        }
        if began.elapsed() > longest {
            waiting.is_done = true;
            return Err("the index is still being built; ask again in a moment".to_owned());
        }
        told.tell(listener, &job).await;
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = listener.cancelled.cancelled() => return Err("cancelled".to_owned()),
        }
    }
}

/// Brings in what has changed since the index was made, from the look that was taken
/// while it was opened; what takes longer goes on behind. Afterwards changes are followed.
fn look_first(state: &AppState, served: &Arc<Served>) {
    let (done, is_done) = std::sync::mpsc::channel();
    if let Ok(job) = state.jobs().ask(served, Wish::Refresh) {
        let (state, served) = (state.clone(), Arc::clone(served));
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            runtime.block_on(over(&job));
            let _ = done.send(());
            // Not before the answer.
            std::thread::sleep(TICK);
            if served.follow() {
                let _ = state.jobs().ask(&served, Wish::Refresh);
            }
        };
        let spawned = std::thread::Builder::new()
            .name("wherein-follow".to_owned())
            .spawn(work);
        if spawned.is_ok() {
            let _ = is_done.recv_timeout(LOOK_PATIENCE);
        }
    }
}

/// Whether the newest generation, by whichever process it was made, has all files; `None`
/// where there is none.
async fn answering(state: &AppState, served: &Arc<Served>) -> Option<bool> {
    let served = Arc::clone(served);
    let opened = state.blocking(move |_| {
        let repository = served.repository().map_err(Problem::from)?;
        let is_whole = |one: &Repository| one.with_view(|_, view| view.complete);
        if is_whole(repository) != Some(true) {
            repository.open_newest().map_err(Problem::from)?;
        }
        Ok(is_whole(repository))
    });
    opened.await.unwrap_or(None)
}

/// What was told of a build; progress only rises.
#[derive(Default)]
struct Told {
    last: Option<(Instant, f64)>,
}

impl Told {
    async fn tell(&mut self, listener: &Listener, job: &Job) {
        let Some(token) = &listener.token else { return };
        let progress = job.progress();
        let files = progress.files.load(Ordering::Relaxed) as f64;
        let total = progress.files_total.load(Ordering::Relaxed) as f64;
        let is_news = self
            .last
            .is_none_or(|(when, before)| when.elapsed() >= TOLD_EVERY && files > before);
        if !is_news {
            return;
        }
        self.last = Some((Instant::now(), files));
        let phase = progress.phase().name();
        let progress = ProgressNotificationParam::new(token.clone(), files)
            .with_total(total)
            .with_message(format!("{phase}: {files} of {total} files"));
        // A client that does not listen any more has its own troubles.
        let _ = listener.peer.notify_progress(progress).await;
    }
}
