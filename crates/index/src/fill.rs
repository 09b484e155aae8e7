//! Gives the chunks of an index their vectors of the model in use beside the
//! shipped one, while the index answers.
//!
//! A transformer reads some dozens of chunks a second, so this is not part of a
//! run: it takes the files that lack vectors, one batch after the other, and
//! commits now and then. The write lock is held for the commits only.

use std::borrow::Cow;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use wherein_core::Chunk;
use wherein_embed::{DocumentParts, Embedder, QualityModel, body};
use wherein_store::{StatRecord, VectorsOfFiles};

use crate::bring_up::IndexOptions;
use crate::error::IndexError;
use crate::progress::{Phase, Progress};
use crate::repository::{Current, Repository};

/// Chunks that the model is given in one go: enough to fill its batches, few
/// enough that Ctrl-C does not wait long.
const BATCH: usize = 64;
/// What is done is committed each time so many chunks are.
const COMMIT_CHUNKS: usize = 4096;
/// Or so much time has gone by.
const COMMIT_EVERY: Duration = Duration::from_secs(30);
/// How long another process that writes the index is waited for.
const WAIT: Duration = Duration::from_mins(10);

/// What became of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FillReport {
    /// The model.
    pub model: String,
    /// Chunks that got their vector in this run.
    pub chunks: u64,
    /// Share of the chunks that have one.
    pub vector_coverage: f64,
    /// Whether another process is at it, so that nothing was done here.
    pub elsewhere: bool,
    /// Wall time.
    pub seconds: f64,
}

/// What goes on with the vectors that are lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filling {
    /// Nothing.
    Idle,
    /// Some process makes them.
    Running,
    /// The last attempt came to nothing, not long ago: the reason.
    Failed(String),
}

/// How long a failed attempt is not repeated by itself.
const RETRY_AFTER: Duration = Duration::from_mins(10);

/// A file that lacks vectors.
struct Lacking {
    number: u32,
    id: u32,
    chunks: usize,
}

impl Repository {
    /// Gives chunks their vectors of the model in use beside the shipped one until
    /// none lacks one, or `progress` is stopped; what is done is kept. `None` when
    /// no such model is in use, or there is no index.
    pub fn fill(&self, progress: &Progress) -> Result<Option<FillReport>, IndexError> {
        let started = Instant::now();
        let Some(model) = self.quality() else {
            return Ok(None);
        };
        // A run of many files has closed it.
        if !self.is_indexed() {
            self.open_newest()?;
        }
        let Some(current) = self.current() else {
            return Ok(None);
        };
        let mut report = FillReport {
            model: model.model_id().to_owned(),
            vector_coverage: current.quality_coverage,
            ..FillReport::default()
        };
        if current.quality_coverage >= 1.0 {
            return Ok(Some(report));
        }
        let path = self.fill_lock();
        let failed = IndexError::io("lock", &path);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(&failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                report.elsewhere = true;
                return Ok(Some(report));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Held until `lock` is dropped; what another one did meanwhile is seen.
        let filled = self.reload().and_then(|()| self.fill_all(model, progress));
        // Whoever asks why nothing follows finds the reason in the file.
        let reason = filled.as_ref().err().map(IndexError::to_string);
        let noted = std::fs::write(&path, reason.unwrap_or_default());
        if let Err(error) = noted {
            tracing::debug!(%error, path = %path.display(), "what became of the vectors is not noted");
        }
        report.chunks = filled?;
        report.vector_coverage = self.current().map_or(0.0, |one| one.quality_coverage);
        report.seconds = started.elapsed().as_secs_f64();
        progress.enter(Phase::Done);
        Ok(Some(report))
    }

    fn fill_lock(&self) -> PathBuf {
        self.location.index.join("fill.lock")
    }

    /// What goes on with the vectors that are lacking.
    pub fn filling(&self) -> Filling {
        // What failed last does not matter when nothing is lacking.
        if !self.lacks_vectors() {
            return Filling::Idle;
        }
        let path = self.fill_lock();
        let Ok(file) = File::options().read(true).open(&path) else {
            return Filling::Idle;
        };
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Filling::Running,
            Err(TryLockError::Error(_)) => return Filling::Idle,
        }
        let reason = std::fs::read_to_string(&path).unwrap_or_default();
        let age = file.metadata().and_then(|one| one.modified());
        let is_recent = age
            .ok()
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|age| age < RETRY_AFTER);
        if is_recent && !reason.is_empty() {
            Filling::Failed(reason)
        } else {
            Filling::Idle
        }
    }

    /// Gives how many chunks got a vector.
    fn fill_all(&self, model: &QualityModel, progress: &Progress) -> Result<u64, IndexError> {
        let Some(current) = self.current() else {
            return Ok(0);
        };
        let lacking = lacking(&current, model.model_id());
        progress.begin();
        progress.enter(Phase::Embedding);
        let bytes = |file: &Lacking| current.stat(file.number).map_or(0, StatRecord::size);
        let total = &progress.files_total;
        total.store(lacking.len() as u64, Ordering::Relaxed);
        let total = lacking.iter().map(bytes).sum();
        progress.bytes_total.store(total, Ordering::Relaxed);
        let (mut done, mut since, mut ready) = (0, Instant::now(), VectorsOfFiles::default());
        let mut ready_chunks = 0;
        for file in &lacking {
            if progress.is_stopped() {
                break;
            }
            let Some(vectors) = vectors_of(&current, file, model, progress)? else {
                break;
            };
            ready.insert(file.id, vectors);
            ready_chunks += file.chunks;
            Progress::add(&progress.files, 1);
            Progress::add(&progress.bytes, bytes(file));
            if ready_chunks >= COMMIT_CHUNKS || since.elapsed() >= COMMIT_EVERY {
                self.commit_vectors(model, &ready, progress)?;
                done += std::mem::take(&mut ready_chunks);
                ready.clear();
                since = Instant::now();
            }
        }
        if !ready.is_empty() {
            self.commit_vectors(model, &ready, progress)?;
            done += ready_chunks;
        }
        Ok(done as u64)
    }

    fn commit_vectors(
        &self,
        model: &QualityModel,
        ready: &VectorsOfFiles,
        progress: &Progress,
    ) -> Result<(), IndexError> {
        let options = IndexOptions {
            full: false,
            wait: WAIT,
        };
        let mut writer = self.writer(options, true, Instant::now(), progress)?.0;
        writer.add_quality(model.model_id(), model.dimensions(), ready)?;
        drop(writer);
        progress.enter(Phase::Embedding);
        self.reload()
    }
}

/// The files of the checkout of which some chunk has no vector, by path.
fn lacking(current: &Current, model: &str) -> Vec<Lacking> {
    let snapshot = &current.snapshot;
    let mut files: Vec<Lacking> = snapshot
        .catalog()
        .files
        .iter()
        .filter_map(|version| {
            let number = snapshot.file_number(version.id)?;
            let is_here = current.stat(number).is_some();
            (is_here && !snapshot.file_has_vectors(number, model)).then_some(Lacking {
                number,
                id: version.id,
                chunks: snapshot.file_rows(number).len(),
            })
        })
        .collect();
    files.sort_by(|a, b| snapshot.file(a.number).0.cmp(snapshot.file(b.number).0));
    files
}

/// The vectors of all chunks of a file; `None` when stopped half way.
fn vectors_of(
    current: &Current,
    file: &Lacking,
    model: &QualityModel,
    progress: &Progress,
) -> Result<Option<Vec<f32>>, IndexError> {
    let snapshot = &current.snapshot;
    let (path, text) = (
        snapshot.file(file.number).0,
        snapshot.file_text(file.number)?,
    );
    let rows: Vec<u32> = snapshot.file_rows(file.number).collect();
    let mut vectors = Vec::with_capacity(rows.len() * model.dimensions());
    for some in rows.chunks(BATCH) {
        if progress.is_stopped() {
            return Ok(None);
        }
        let chunks: Vec<Chunk> = some.iter().map(|row| snapshot.whole_chunk(*row)).collect();
        let bodies: Vec<Cow<'_, str>> = chunks.iter().map(|one| body(one, &text)).collect();
        let documents: Vec<DocumentParts<'_>> = chunks
            .iter()
            .zip(&bodies)
            .map(|(chunk, body)| DocumentParts::of(path, chunk, &text, body))
            .collect();
        vectors.extend(model.embed_documents(&documents)?);
        Progress::add(&progress.chunks, some.len() as u64);
    }
    Ok(Some(vectors))
}
