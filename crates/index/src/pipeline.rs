//! Walk, chunk, embed, store: one bounded pipeline.
//!
//! Workers take groups of files in order, read, chunk and embed them; the
//! calling thread writes. The channel between is short, so memory is bounded
//! by a few groups whatever the repository holds. A file that makes a stage
//! panic is passed over and recorded; the run goes on.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustc_hash::{FxHashMap, FxHashSet};
use wherein_chunk::Chunked;
use wherein_core::{Skip, SkipReason, SourceFile, caught};
use wherein_embed::{DocumentParts, Embedder, body};
use wherein_store::{NewFile, StatRecord, View, ViewFile, ViewSkip, Writer};
use wherein_walk::{Checkout, Entry, Unread};

use crate::error::IndexError;
use crate::plan::Plan;
use crate::progress::{Phase, Progress};
use crate::urgent;
use crate::view_in_progress::ViewInProgress;
use crate::workers::{self, Workers};

/// A group is closed when it has this many bytes or files: enough chunks to
/// fill batches of the model, little enough to keep all workers busy.
const GROUP_BYTES: u64 = 256 << 10;
const LEAST_GROUP_BYTES: u64 = 8 << 10;
const GROUP_FILES: usize = 64;
/// Groups for each worker that may be under way at once: one slow group does
/// not make the others pile up behind it.
const GROUPS_AHEAD: usize = 6;

/// Bytes above which a run is not one of those that follow a person's work.
const LARGE: u64 = 32 << 20;

/// What the stages are run with.
pub(crate) struct Stages<'a> {
    pub(crate) checkout: &'a Checkout,
    pub(crate) walk: &'a wherein_walk::Options,
    pub(crate) chunk: &'a wherein_chunk::Options,
    pub(crate) embedder: Option<&'a dyn Embedder>,
    pub(crate) recipe: u64,
    /// Whether contents that the index has are taken from it.
    pub(crate) reuse: bool,
    pub(crate) threads: usize,
    pub(crate) checkpoint_bytes: u64,
    /// Somebody waits for the answer to this: its files come first.
    pub(crate) question: Option<&'a str>,
}

/// What became of a file.
enum Outcome {
    /// Its content is in the index under this path already.
    Known { id: u32, stat: StatRecord },
    /// To be added.
    New(Box<Prepared>),
    /// Not for the index.
    Skipped(Skip, StatRecord),
}

struct Prepared {
    file: SourceFile,
    stat: StatRecord,
    chunked: Chunked,
    vectors: Option<Vec<f32>>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) added: u64,
    /// Content that the index had, new in this view.
    pub(crate) reused: u64,
    /// Read again, and found to be as indexed.
    pub(crate) unchanged: u64,
    pub(crate) skipped: u64,
    pub(crate) chunks: u64,
    pub(crate) bytes: u64,
    /// Files that are to be made anew by the next run.
    lost: u64,
    /// Whether every file was seen.
    pub(crate) complete: bool,
    /// Whether the index knows more than before: other files, or a `stat` that
    /// now proves what it did not.
    pub(crate) worth_a_commit: bool,
}

impl Outcomes {
    /// Every file was seen, and nothing was to be done.
    pub(crate) const fn nothing() -> Self {
        Self {
            added: 0,
            reused: 0,
            unchanged: 0,
            skipped: 0,
            chunks: 0,
            bytes: 0,
            lost: 0,
            complete: true,
            worth_a_commit: false,
        }
    }
}

pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}

/// Carries out a plan and commits, unless it turns out that nothing has
/// changed and `must_commit` is not set.
pub(crate) fn run(
    stages: &Stages<'_>,
    mut plan: Plan,
    must_commit: bool,
    root: &str,
    head: Option<String>,
    writer: &mut Writer,
    progress: &Progress,
) -> Result<Outcomes, IndexError> {
    progress
        .files_total
        .store(plan.to_read.len() as u64, Ordering::Relaxed);
    progress
        .bytes_total
        .store(plan.bytes_to_read(), Ordering::Relaxed);
    progress.enter(Phase::Indexing);
    // Contents of this recipe that this index holds already, of what is to be read.
    let known: FxHashMap<(String, [u8; 32]), u32> = if plan.to_read.is_empty() || !stages.reuse {
        FxHashMap::default()
    } else {
        let asked: FxHashSet<&str> = plan.to_read.iter().map(|one| one.path.as_str()).collect();
        let versions = writer.catalog().files.iter();
        versions
            .filter(|version| {
                version.recipe == stages.recipe && asked.contains(version.path.as_str())
            })
            .map(|version| ((version.path.clone(), version.hash), version.id))
            .collect()
    };
    let before = writer.take_view(root);
    let mut view = ViewInProgress::of(&mut plan, before, root.to_owned(), head);
    let is_large = plan.bytes_to_read() > LARGE;
    let files = plan.to_read;
    let mut outcomes = Outcomes {
        worth_a_commit: must_commit,
        ..Outcomes::default()
    };
    if !files.is_empty() {
        let pool = workers::of(stages.threads, workers::For::Indexing)?;
        let (groups, mut checkpoints) = in_groups(stages, &pool, files);
        let (sender, receiver) = bounded(stages.threads * 2);
        let ahead = stages.threads * GROUPS_AHEAD;
        let (give_ticket, tickets) = bounded(ahead);
        for _ in 0..ahead {
            // There is room for as many.
            let _ = give_ticket.try_send(());
        }
        let next = AtomicUsize::new(0);
        let written = std::thread::scope(|scope| {
            let (groups, next, known) = (&groups, &next, &known);
            let pool = &pool;
            scope.spawn(move || {
                pool.each(|| {
                    let work = Work {
                        stages,
                        groups,
                        next,
                        known,
                    };
                    work.run(&tickets, &sender, progress);
                });
                // The last sender goes with this thread: the writer then ends.
                drop(sender);
            });
            let groups = Arriving {
                receiver,
                give_ticket,
            };
            let made = (&mut view, &mut outcomes);
            let written = write(stages, groups, writer, made, &mut checkpoints, progress);
            if written.is_err() {
                progress.stop();
            }
            written
        });
        if is_large {
            pool.keep_none();
        }
        written?;
    }
    // The commit needs room of its own.
    drop(known);
    outcomes.complete = !progress.is_stopped() && outcomes.lost == 0;
    if outcomes.worth_a_commit {
        progress.enter(Phase::Committing);
        writer.forget(is_long_gone);
        writer.commit(view.view(outcomes.complete, writer.catalog()))?;
    }
    Ok(outcomes)
}

/// Seconds after which the view of a checkout that is gone is dropped. Until then it may
/// lie on a disk that is not mounted.
const FORGOTTEN_AFTER: u64 = 7 * 24 * 3600;

/// Whether a checkout was removed and has not been indexed for a while: worktrees and
/// clones come and go, and each commit costs something for each that it has.
fn is_long_gone(view: &View) -> bool {
    let now = (now_ns() / 1_000_000_000) as u64;
    view.indexed_at_s + FORGOTTEN_AFTER < now && !Path::new(&view.root).is_dir()
}

/// The files in groups, in the order that they are wanted in, and when to commit.
fn in_groups(
    stages: &Stages<'_>,
    pool: &Workers,
    mut files: Vec<Entry>,
) -> (Vec<Vec<Entry>>, Checkpoints) {
    let urgent = stages.question.map_or(0, |question| {
        urgent::first(stages.checkout, stages.walk, pool, &mut files, question)
    });
    let others = files.split_off(urgent);
    let mut groups = grouped(files, stages.threads);
    let checkpoints = Checkpoints {
        bytes: stages.checkpoint_bytes,
        // What comes last is committed anyway.
        urgent_groups: if others.is_empty() { 0 } else { groups.len() },
        last: Instant::now(),
        every: stages.question.map(|_| FIRST_CHECKPOINT),
    };
    groups.append(&mut grouped(others, stages.threads));
    (groups, checkpoints)
}

fn grouped(files: Vec<Entry>, threads: usize) -> Vec<Vec<Entry>> {
    // Few files are shared out too: somebody waits for them.
    let all: u64 = files.iter().map(|file| file.stat.size).sum();
    let most_bytes = (all / (threads as u64 * 2)).clamp(LEAST_GROUP_BYTES, GROUP_BYTES);
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = u64::MAX;
    for file in files {
        let full = |group: &Vec<Entry>| group.len() >= GROUP_FILES;
        if bytes >= most_bytes || groups.last().is_none_or(full) {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += file.stat.size;
        if let Some(group) = groups.last_mut() {
            group.push(file);
        }
    }
    groups
}

type GroupResult = (usize, Result<Vec<(String, Outcome)>, IndexError>);

/// What all workers share.
#[derive(Clone, Copy)]
struct Work<'a> {
    stages: &'a Stages<'a>,
    groups: &'a [Vec<Entry>],
    next: &'a AtomicUsize,
    known: &'a FxHashMap<(String, [u8; 32]), u32>,
}

impl Work<'_> {
    /// One worker: takes the next group until none is left. A ticket is taken
    /// before a number, so the groups under way follow each other.
    fn run(&self, tickets: &Receiver<()>, sender: &Sender<GroupResult>, progress: &Progress) {
        while tickets.recv().is_ok() && !progress.is_stopped() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(group) = self.groups.get(number) else {
                return;
            };
            let result = caught(|| prepare(self.stages, group, self.known, progress))
                .unwrap_or_else(|panic| Err(IndexError::Stage(panic)));
            let failed = result.is_err();
            if sender.send((number, result)).is_err() || failed {
                return;
            }
        }
    }
}

fn prepare(
    stages: &Stages<'_>,
    group: &[Entry],
    known: &FxHashMap<(String, [u8; 32]), u32>,
    progress: &Progress,
) -> Result<Vec<(String, Outcome)>, IndexError> {
    let mut outcomes: Vec<(String, Outcome)> = Vec::with_capacity(group.len());
    for entry in group {
        let outcome = caught(|| one(stages, entry, known)).unwrap_or_else(|panic| {
            let skip = Skip {
                path: entry.path.clone(),
                reason: SkipReason::Unreadable,
                detail: format!("a stage failed on it, please report the file: {panic}"),
            };
            Ok(Outcome::Skipped(skip, StatRecord::doubtful(entry.stat)))
        })?;
        Progress::add(&progress.files, 1);
        Progress::add(&progress.bytes, entry.stat.size);
        outcomes.push((entry.path.clone(), outcome));
    }
    if let Some(embedder) = stages.embedder {
        embed(embedder, &mut outcomes)?;
    }
    Ok(outcomes)
}

fn one(
    stages: &Stages<'_>,
    entry: &Entry,
    known: &FxHashMap<(String, [u8; 32]), u32>,
) -> Result<Outcome, IndexError> {
    let read_at = now_ns();
    let file = match wherein_walk::read(stages.checkout, &entry.path, stages.walk) {
        Ok(file) => file,
        Err(Unread::Skipped(skip)) => {
            let stat = if is_of_content(skip.reason) {
                StatRecord::new(entry.stat, read_at)
            } else {
                StatRecord::doubtful(entry.stat)
            };
            return Ok(Outcome::Skipped(skip, stat));
        }
        Err(Unread::Failed(error)) => return Err(error.into()),
    };
    let stat = StatRecord::new(file.stat, read_at);
    if let Some(id) = known.get(&(entry.path.clone(), file.hash.0)) {
        return Ok(Outcome::Known { id: *id, stat });
    }
    let chunked = wherein_chunk::chunk(&file.text, file.language, stages.chunk);
    Ok(Outcome::New(Box::new(Prepared {
        file,
        stat,
        chunked,
        vectors: None,
    })))
}

/// Whether the same content is passed over for this reason again; of others
/// (no right to read it, changed meanwhile) the next run may think otherwise.
pub(crate) fn is_of_content(reason: SkipReason) -> bool {
    matches!(
        reason,
        SkipReason::Binary
            | SkipReason::TooLarge
            | SkipReason::Minified
            | SkipReason::Generated
            | SkipReason::Secret
            | SkipReason::Empty
    )
}

/// Embeds all chunks of a group together.
fn embed(embedder: &dyn Embedder, outcomes: &mut [(String, Outcome)]) -> Result<(), IndexError> {
    let new = || {
        outcomes.iter().filter_map(|(path, outcome)| match outcome {
            Outcome::New(prepared) => Some((path, prepared)),
            _ => None,
        })
    };
    let chunks = || {
        new().flat_map(|(path, one)| {
            let chunks = one.chunked.chunks.iter();
            chunks.map(move |chunk| (path, &one.file.text, chunk))
        })
    };
    let bodies: Vec<Cow<'_, str>> = chunks().map(|(_, text, chunk)| body(chunk, text)).collect();
    let documents: Vec<DocumentParts<'_>> = chunks()
        .zip(&bodies)
        .map(|((path, text, chunk), body)| DocumentParts::of(path, chunk, text, body))
        .collect();
    let vectors = embedder.embed_documents(&documents)?;
    drop(documents);
    drop(bodies);
    let mut rest = vectors.as_slice();
    for (_, outcome) in outcomes.iter_mut() {
        if let Outcome::New(prepared) = outcome {
            let (own, others) =
                rest.split_at(prepared.chunked.chunks.len() * embedder.dimensions());
            prepared.vectors = Some(own.to_vec());
            rest = others;
        }
    }
    Ok(())
}

/// While somebody waits for a first index, what is done is committed after so long;
/// each further commit comes after twice the time.
const FIRST_CHECKPOINT: Duration = Duration::from_secs(2);

/// When to commit what is done so far.
struct Checkpoints {
    /// Bytes of source since the last commit.
    bytes: u64,
    /// Groups after which somebody can be answered.
    urgent_groups: usize,
    last: Instant,
    /// Time since the last commit, where somebody waits.
    every: Option<Duration>,
}

impl Checkpoints {
    fn is_due(&self, turn: usize, since_commit: u64) -> bool {
        let is_late = self.every.is_some_and(|every| self.last.elapsed() >= every);
        since_commit >= self.bytes || since_commit > 0 && (turn == self.urgent_groups || is_late)
    }

    fn done(&mut self) {
        self.last = Instant::now();
        self.every = self.every.map(|every| every * 2);
    }
}

/// Groups as the workers finish them, and the tickets for more.
struct Arriving {
    receiver: Receiver<GroupResult>,
    give_ticket: Sender<()>,
}

/// Takes groups in order and writes them; commits now and then.
fn write(
    stages: &Stages<'_>,
    arriving: Arriving,
    writer: &mut Writer,
    (view, outcomes): (&mut ViewInProgress, &mut Outcomes),
    checkpoints: &mut Checkpoints,
    progress: &Progress,
) -> Result<(), IndexError> {
    // Groups that arrived before their turn: writing in order makes the same
    // index from the same files, whichever worker was faster.
    let mut early: FxHashMap<usize, Vec<(String, Outcome)>> = FxHashMap::default();
    let mut turn = 0;
    let mut since_commit = 0;
    for (number, group) in arriving.receiver {
        early.insert(number, group?);
        while let Some(group) = early.remove(&turn) {
            turn += 1;
            // There is room: each ticket was taken before.
            let _ = arriving.give_ticket.try_send(());
            for (path, outcome) in group {
                since_commit += store(stages, path, outcome, writer, view, outcomes, progress)?;
            }
            if checkpoints.is_due(turn, since_commit) {
                writer.commit(view.view(false, writer.catalog()))?;
                writer.tidy()?;
                since_commit = 0;
                checkpoints.done();
            }
        }
    }
    Ok(())
}

/// Writes one file; gives the bytes that were added.
fn store(
    stages: &Stages<'_>,
    path: String,
    outcome: Outcome,
    writer: &mut Writer,
    view: &mut ViewInProgress,
    outcomes: &mut Outcomes,
    progress: &Progress,
) -> Result<u64, IndexError> {
    let before = view.before.remove(&path);
    let skip_before = view.skips_before.remove(&path);
    match outcome {
        Outcome::Known { id, .. } if writer.catalog().file(id).is_none() => {
            // A version of another branch that a commit of this very run has dropped: the
            // next look finds that the file is missing, and makes it anew.
            outcomes.lost += 1;
            Ok(0)
        }
        Outcome::Known { id, stat } => {
            let same = before.is_some_and(|before| before.id == id);
            outcomes.worth_a_commit |= !same || !stat.is_racy();
            if same {
                outcomes.unchanged += 1;
            } else {
                outcomes.reused += 1;
            }
            if let Some(mut skip) = skip_before
                && same
            {
                skip.stat = Some(stat);
                view.skips.push(skip);
            }
            view.files.push(ViewFile { id, stat });
            Ok(0)
        }
        Outcome::Skipped(skip, stat) => {
            let same = before.is_none()
                && skip_before.is_some_and(|before| {
                    before.reason() == skip.reason && before.detail == skip.detail
                });
            outcomes.worth_a_commit |= !same || !stat.is_racy();
            outcomes.skipped += 1;
            view.skips.push(ViewSkip::new(skip, Some(stat)));
            Ok(0)
        }
        Outcome::New(prepared) => {
            let Prepared {
                file,
                stat,
                chunked,
                vectors,
            } = *prepared;
            let id = writer.add(&NewFile {
                path: &path,
                hash: file.hash,
                language: file.language,
                text: &file.text,
                chunks: &chunked.chunks,
                vectors: vectors.as_deref(),
                recipe: stages.recipe,
            })?;
            outcomes.worth_a_commit = true;
            outcomes.added += 1;
            outcomes.chunks += chunked.chunks.len() as u64;
            outcomes.bytes += file.text.len() as u64;
            Progress::add(&progress.chunks, chunked.chunks.len() as u64);
            if let Some((reason, detail)) = chunked.skip {
                let skip = Skip {
                    path,
                    reason,
                    detail,
                };
                view.skips.push(ViewSkip::new(skip, Some(stat)));
            }
            view.files.push(ViewFile { id, stat });
            Ok(file.text.len() as u64)
        }
    }
}
