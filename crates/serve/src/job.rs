//! One index job: what was asked, how far it is, what came of it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;
use wherein_index::{IndexError, IndexReport, Progress, Repository};

use crate::served::Served;
use crate::unfinished::Entry;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// The index is up to date.
    Done,
    /// Ended by an error.
    Failed,
    /// Stopped; what was done is kept, and the next job goes on from there.
    Cancelled,
}

impl JobState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// An index job.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Names the job, until 256 later ones have ended.
    id: String,
    /// Name of the repository.
    repo: String,
    /// Where it stands.
    state: JobState,
    /// Whether the index is built anew.
    full: bool,
    /// What it is doing: walking, indexing, committing, linking, done.
    phase: &'static str,
    /// Files done.
    files: u64,
    /// Files to be read.
    files_total: u64,
    /// Bytes of source done.
    bytes: u64,
    /// Bytes to be read.
    bytes_total: u64,
    /// Chunks made.
    chunks: u64,
    /// Seconds since it began to run, until it ended.
    seconds: f64,
    /// When it was asked for, in seconds since the epoch.
    created_at: u64,
    /// What it did, once it is over.
    report: Option<JobReport>,
    /// Why it failed.
    error: Option<String>,
    /// What it waits for, when it could not begin.
    waits_for: Option<String>,
}

impl JobView {
    pub(crate) fn state(&self) -> JobState {
        self.state
    }
}

/// Paths that were passed over for one reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct SkipsOfReason {
    /// The reason, as `wherein why` names it.
    reason: String,
    /// Whether the files are in the index all the same, cut by lines.
    partial: bool,
    /// How many; a whole folder counts once.
    paths: u64,
    /// The first of them.
    examples: Vec<String>,
}

/// Paths that are named of each reason.
const EXAMPLES: usize = 10;

/// What a repository has passed over, most first.
pub(crate) fn skips(repository: &Repository) -> Vec<SkipsOfReason> {
    let mut all: Vec<SkipsOfReason> = Vec::new();
    for skip in repository.skips() {
        let reason = skip.reason.name();
        let at = all.iter().position(|one| one.reason == reason);
        let at = at.unwrap_or_else(|| {
            all.push(SkipsOfReason {
                reason: reason.to_owned(),
                partial: skip.reason.is_partial(),
                paths: 0,
                examples: Vec::new(),
            });
            all.len() - 1
        });
        all[at].paths += 1;
        if all[at].examples.len() < EXAMPLES {
            all[at].examples.push(skip.path);
        }
    }
    all.sort_by(|a, b| b.paths.cmp(&a.paths).then_with(|| a.reason.cmp(&b.reason)));
    all
}

macro_rules! job_report {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// What an index job did.
        #[derive(Clone, Debug, Serialize, ToSchema)]
        pub(crate) struct JobReport {
            $($(#[$doc])* $field: $type,)*
            /// What was passed over and why, most first.
            skips: Vec<SkipsOfReason>,
        }

        impl JobReport {
            fn of(report: IndexReport, skips: Vec<SkipsOfReason>) -> Self {
                Self { $($field: report.$field,)* skips }
            }
        }
    };
}

job_report! {
    /// The generation now in force.
    generation: u64,
    /// Whether every file was seen; false after an interruption.
    complete: bool,
    /// Files in the index.
    files: u64,
    /// Chunks in the index.
    chunks: u64,
    /// Files chunked and embedded.
    files_indexed: u64,
    /// Files whose content was in the index already.
    files_reused: u64,
    /// Files that did not have to be read.
    files_unchanged: u64,
    /// Files that are gone.
    files_removed: u64,
    /// Paths passed over, whole folders counted once.
    skipped: u64,
    /// Chunks made.
    chunks_indexed: u64,
    /// Bytes of source chunked.
    bytes_indexed: u64,
    /// Wall time.
    seconds: f64,
}

/// Who wants a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A request: what is on disk now has to be in the index at the end.
    Asked {
        /// Build the index anew.
        full: bool,
    },
    /// A search found that the last look is old.
    Refresh,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
pub(crate) struct Record {
    state: JobState,
    full: bool,
    /// Run once more: asked for while it ran; whether that one is full.
    again: Option<bool>,
    /// Whether its id was given to anyone.
    pub(crate) is_known: bool,
    /// Whether it may wait for another process that writes the index.
    is_patient: bool,
    /// Somebody waits for the answer to this and there is no index yet.
    question: Option<Arc<str>>,
    /// Whether nobody wants it but those who wait for an answer.
    is_for_waiters: bool,
    progress: Arc<Progress>,
    began: Option<Instant>,
    seconds: f64,
    report: Option<JobReport>,
    error: Option<String>,
    /// Since when it cannot begin, and what it waits for.
    waits: Option<(Instant, String)>,
}

/// How a run ended.
pub(crate) enum RunEnd {
    /// The job is over.
    Over,
    /// It has to be run once more, now.
    Again,
    /// Another process writes the index: it has to be run once more, later.
    Later,
}

/// How long a job waits for another process that writes an index.
const LOCK_PATIENCE: Duration = Duration::from_mins(10);

/// An index job and all that becomes of it.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) served: Arc<Served>,
    /// Services that ended while it ran, before this one.
    pub(crate) attempts: u32,
    created_at: u64,
    record: Mutex<Record>,
    states: watch::Sender<JobState>,
}

/// One run of a job.
pub(crate) struct Run {
    pub(crate) full: bool,
    pub(crate) is_patient: bool,
    pub(crate) question: Option<Arc<str>>,
    pub(crate) progress: Arc<Progress>,
}

impl Job {
    pub(crate) fn new(
        id: String,
        served: Arc<Served>,
        wish: Wish,
        created_at: Option<u64>,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            id,
            served,
            attempts: 0,
            created_at: created_at.unwrap_or(now.map_or(0, |now| now.as_secs())),
            record: Mutex::new(Record {
                state: JobState::Queued,
                full: wish == Wish::Asked { full: true },
                again: None,
                is_known: wish != Wish::Refresh,
                is_patient: wish != Wish::Refresh,
                question: None,
                is_for_waiters: false,
                progress: Arc::new(Progress::default()),
                began: None,
                seconds: 0.0,
                report: None,
                error: None,
                waits: None,
            }),
            states: watch::Sender::new(JobState::Queued),
        }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its states as they come.
    pub(crate) fn states(&self) -> watch::Receiver<JobState> {
        self.states.subscribe()
    }

    /// As it is shown; from now on its id is known outside.
    pub(crate) fn view(&self) -> JobView {
        let mut record = self.record();
        record.is_known = true;
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let progress = &record.progress;
        JobView {
            id: self.id.clone(),
            repo: self.served.name.clone(),
            state: record.state,
            full: record.full,
            phase: progress.phase().name(),
            files: count(&progress.files),
            files_total: count(&progress.files_total),
            bytes: count(&progress.bytes),
            bytes_total: count(&progress.bytes_total),
            chunks: count(&progress.chunks),
            seconds: record
                .began
                .map_or(record.seconds, |began| began.elapsed().as_secs_f64()),
            created_at: self.created_at,
            report: record.report.clone(),
            error: record.error.clone(),
            waits_for: record
                .waits
                .as_ref()
                .filter(|_| record.state == JobState::Queued)
                .map(|waits| waits.1.clone()),
        }
    }

    /// Its id, to be given away.
    pub(crate) fn view_id(&self) -> String {
        self.record().is_known = true;
        self.id.clone()
    }

    /// It is made for somebody who waits for the answer to a question: the files that seem
    /// to answer it come first.
    pub(crate) fn begin_for(&self, question: &str) {
        let mut record = self.record();
        record.question = Some(question.into());
        record.is_for_waiters = true;
    }

    /// Whether nobody wants it but those who wait for an answer.
    pub(crate) fn is_for_waiters(&self) -> bool {
        self.record().is_for_waiters
    }

    /// One more who waits for an answer: a run that is being stopped is made once more.
    pub(crate) fn join_waiting(&self) {
        let mut record = self.record();
        record.is_patient = true;
        if record.state == JobState::Running && record.progress.is_stopped() {
            record.again = Some(record.again.unwrap_or(false));
        }
    }

    /// The counters of the run.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.record().progress)
    }

    /// Why it failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.record().error.clone()
    }

    /// What is written down of it, so that it is gone on with after a restart: nothing of
    /// a look that nobody asked for.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let record = self.record();
        // What somebody has stopped is not begun again.
        let is_wanted = !record.progress.is_stopped() || record.again.is_some();
        (record.is_known && is_wanted && !record.state.is_over()).then(|| Entry {
            id: self.id.clone(),
            repo: self.served.name.clone(),
            full: record.full || record.again == Some(true),
            created_at: self.created_at,
            attempts: self.attempts + u32::from(record.state == JobState::Running),
        })
    }

    /// How long it has waited for another process.
    pub(crate) fn has_waited(&self) -> Duration {
        let record = self.record();
        let waits = record.waits.as_ref();
        waits.map_or(Duration::ZERO, |waits| waits.0.elapsed())
    }

    /// How long it ran.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.record().seconds)
    }

    /// How long it has been running; zero when it waits.
    pub(crate) fn has_run_for(&self) -> Duration {
        let began = self.record().began;
        began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// One more wish for the same repository. One that comes while the job
    /// runs may be about a file that was passed already: it runs once more.
    pub(crate) fn join(&self, wish: Wish) {
        let mut record = self.record();
        let Wish::Asked { full } = wish else { return };
        record.is_known = true;
        record.is_patient = true;
        record.is_for_waiters = false;
        if record.state == JobState::Queued {
            record.full |= full;
        } else {
            record.again = Some(record.again.unwrap_or(false) || full);
        }
    }

    /// Asks it to commit what is done and end.
    pub(crate) fn stop(&self) {
        let mut record = self.record();
        record.again = None;
        record.progress.stop();
        if record.state == JobState::Queued {
            record.state = JobState::Cancelled;
        }
        self.states.send_replace(record.state);
    }

    /// Begins a run; `None` when it was stopped before.
    pub(crate) fn begin(&self) -> Option<Run> {
        let mut record = self.record();
        if record.progress.is_stopped() {
            record.state = JobState::Cancelled;
            record.began = None;
            self.states.send_replace(record.state);
            return None;
        }
        record.state = JobState::Running;
        record.began.get_or_insert_with(Instant::now);
        self.states.send_replace(record.state);
        Some(Run {
            full: record.full,
            is_patient: record.is_patient,
            question: record.question.clone(),
            progress: Arc::clone(&record.progress),
        })
    }

    /// Ends a run; `skips` are told of a job that somebody asked for.
    pub(crate) fn end(
        &self,
        result: Result<Option<IndexReport>, IndexError>,
        skips: Vec<SkipsOfReason>,
    ) -> RunEnd {
        let mut record = self.record();
        let record = &mut *record;
        if let Err(error) = &result
            && error.is_locked()
            && record.is_patient
            && !record.progress.is_stopped()
        {
            let since = record
                .waits
                .as_ref()
                .map_or_else(Instant::now, |waits| waits.0);
            if since.elapsed() < LOCK_PATIENCE {
                record.waits = Some((since, error.to_string()));
                record.began = None;
                record.state = JobState::Queued;
                self.states.send_replace(record.state);
                return RunEnd::Later;
            }
        }
        record.waits = None;
        if let Some(full) = record.again.take() {
            record.full = full;
            record.progress = Arc::new(Progress::default());
            return RunEnd::Again;
        }
        record.seconds = record
            .began
            .take()
            .map_or(0.0, |began| began.elapsed().as_secs_f64());
        record.state = match result {
            Ok(report) => {
                let is_whole = report.as_ref().is_none_or(|report| report.complete);
                record.report = report.map(|report| JobReport::of(report, skips));
                if record.progress.is_stopped() && !is_whole {
                    JobState::Cancelled
                } else {
                    JobState::Done
                }
            }
            Err(_) if record.progress.is_stopped() => JobState::Cancelled,
            Err(error) => {
                record.error = Some(error.to_string());
                JobState::Failed
            }
        };
        self.states.send_replace(record.state);
        RunEnd::Over
    }

    /// Ends it by a bug of ours.
    pub(crate) fn fail(&self, detail: &str) {
        let mut record = self.record();
        record.again = None;
        record.began = None;
        record.state = JobState::Failed;
        record.error = Some(detail.to_owned());
        self.states.send_replace(record.state);
    }

    pub(crate) fn state(&self) -> JobState {
        self.record().state
    }
}
