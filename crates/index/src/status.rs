//! What is indexed, how fresh it is, and what was passed over and why.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use wherein_core::{Skip, SkipReason};
use wherein_walk::Verdict;

use wherein_embed::Embedder;

use crate::error::IndexError;
use crate::fill::Filling;
use crate::repository::Repository;

/// The answer of `wherein status`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// The checkout.
    pub repo: String,
    /// Folder of the index.
    pub index: String,
    /// Whether there is an index.
    pub indexed: bool,
    /// Counts commits.
    pub generation: u64,
    /// Git's HEAD when it was brought up to date.
    pub head: Option<String>,
    /// Whether the last run saw every file.
    pub complete: bool,
    /// Whether the index is as the working tree is now.
    pub fresh: bool,
    /// Files that differ from the index now.
    pub pending_files: u64,
    /// When it was brought up to date, in seconds since the epoch.
    pub indexed_at: u64,
    /// Files in the index.
    pub files: u64,
    /// Chunks in the index.
    pub chunks: u64,
    /// Bytes of source in the index.
    pub source_bytes: u64,
    /// Bytes of the index on disk.
    pub index_bytes: u64,
    /// Files by language, most first.
    pub languages: Vec<(String, u64)>,
    /// Vectors of a model in use beside the built-in one.
    pub vectors: Option<QualityVectors>,
    /// The embedding model.
    pub model: String,
    /// What runs the model.
    pub backend: String,
    /// Passed over, counted by reason; a whole folder counts once.
    pub skipped: BTreeMap<String, u64>,
    /// In the index, but cut by lines, counted by reason.
    pub partial: BTreeMap<String, u64>,
}

/// How far the vectors of a second model are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct QualityVectors {
    /// The model.
    pub model: String,
    /// Share of the chunks that have one.
    pub coverage: f64,
    /// Whether the rest follows, or why it does not; `None` when nothing is at it.
    pub filling: Option<String>,
}

/// The answer of `wherein why`.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// Relative to the root.
    pub path: String,
    /// Whether it is in the index now; of a folder, whether anything in it is.
    pub indexed: bool,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether the next run would put or keep it there.
    pub eligible: bool,
    /// Chunks that it has in the index.
    pub chunks: u64,
    /// Name of the reason when it is passed over or in only by lines.
    pub reason: Option<String>,
    /// A sentence for people.
    pub explanation: String,
}

impl Repository {
    /// Counts, sizes and reasons.
    pub fn status(&self) -> Result<Status, IndexError> {
        if self.is_indexed() {
            self.look_only()?;
        }
        let mut status = Status {
            repo: self.checkout().root.to_string_lossy().into_owned(),
            index: self.location().index.to_string_lossy().into_owned(),
            model: self
                .embedder()
                .map_or("none", |one| one.model_id())
                .to_owned(),
            backend: backend_line(),
            index_bytes: self.index_bytes(),
            ..Status::default()
        };
        self.with_view(|current, view| {
            status.indexed = true;
            status.vectors = self.quality().map(|model| QualityVectors {
                model: model.model_id().to_owned(),
                coverage: current.quality_coverage,
                filling: match self.filling() {
                    Filling::Running => Some("the rest follows in the background".to_owned()),
                    Filling::Failed(reason) => Some(format!("the rest does not follow: {reason}")),
                    Filling::Idle => None,
                },
            });
            status.generation = current.snapshot.generation();
            status.head.clone_from(&view.head);
            status.complete = view.complete;
            status.pending_files = self.pending_files();
            status.fresh = self.is_fresh();
            status.indexed_at = view.indexed_at_s;
            status.files = view.files.len() as u64;
            status.chunks = current.rows.count() as u64;
            let mut languages: BTreeMap<&str, u64> = BTreeMap::new();
            for file in &view.files {
                status.source_bytes += file.stat.size();
                if let Some(version) = current.snapshot.catalog().file(file.id) {
                    *languages.entry(version.language().name()).or_default() += 1;
                }
            }
            status.languages = languages
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count))
                .collect();
            status
                .languages
                .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            for skip in &view.skips {
                let reason = skip.reason();
                let counts = if reason.is_partial() {
                    &mut status.partial
                } else {
                    &mut status.skipped
                };
                *counts.entry(reason.name().to_owned()).or_default() += 1;
            }
        });
        Ok(status)
    }

    /// Bytes of the index on disk.
    pub fn index_bytes(&self) -> u64 {
        folder_bytes(&self.location().index)
    }

    /// Every path that was passed over in the last run.
    pub fn skips(&self) -> Vec<Skip> {
        self.with_view(|_, view| {
            view.skips
                .iter()
                .map(|skip| Skip {
                    path: skip.path.clone(),
                    reason: skip.reason(),
                    detail: skip.detail.clone(),
                })
                .collect()
        })
        .unwrap_or_default()
    }

    /// Why a path is or is not in the index.
    pub fn why(&self, path: &Path) -> Result<Why, IndexError> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let verdict = wherein_walk::why(self.checkout(), &absolute, &self.walk_options())?;
        let parent = absolute
            .parent()
            .and_then(|parent| parent.canonicalize().ok());
        let full = match (parent, absolute.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => absolute,
        };
        let inside = full.strip_prefix(&self.checkout().root).unwrap_or(&full);
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let relative = parts.join("/");
        let is_folder = full.is_dir();
        let (chunks, partial) = self.in_index(&relative);
        let files_inside = if is_folder {
            self.files_in(&relative)
        } else {
            0
        };
        let (eligible, reason, explanation) = match verdict {
            Verdict::Candidate if is_folder => {
                let files = counted(files_inside, "file");
                (
                    true,
                    None,
                    format!("the folder is walked; {files} of it indexed"),
                )
            }
            Verdict::Candidate => {
                let text = match (&partial, chunks) {
                    (Some(skip), _) => format!("{} ({})", skip.reason.sentence(), skip.detail),
                    (None, Some(chunks)) => {
                        format!("it is indexed in {}", counted(chunks, "chunk"))
                    }
                    (None, None) => "it is not indexed yet; run `wherein index`".to_owned(),
                };
                (true, partial.map(|skip| skip.reason), text)
            }
            Verdict::Skipped(skip) => {
                let what = if skip.path.trim_end_matches('/') == relative {
                    skip.reason.sentence().to_owned()
                } else {
                    format!("{} is passed over: {}", skip.path, skip.reason.sentence())
                };
                let detail = if skip.detail.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", skip.detail)
                };
                (false, Some(skip.reason), format!("{what}{detail}"))
            }
            Verdict::Missing => (false, None, "there is no such file".to_owned()),
            Verdict::Outside => (
                false,
                None,
                format!("it does not lie in {}", self.checkout().root.display()),
            ),
        };
        Ok(Why {
            path: relative,
            indexed: chunks.is_some() || files_inside > 0,
            is_folder,
            eligible,
            chunks: chunks.unwrap_or(0),
            reason: reason.map(|reason| SkipReason::name(reason).to_owned()),
            explanation,
        })
    }

    /// Files of a folder in the index.
    fn files_in(&self, folder: &str) -> u64 {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.with_view(|current, view| {
            let catalog = current.snapshot.catalog();
            let files = view.files.iter().filter_map(|file| catalog.file(file.id));
            files.filter(|file| file.path.starts_with(&prefix)).count() as u64
        })
        .unwrap_or_default()
    }

    /// Chunks of a path in the index, and why it is there by lines only.
    fn in_index(&self, path: &str) -> (Option<u64>, Option<Skip>) {
        self.with_view(|current, view| {
            let catalog = current.snapshot.catalog();
            let chunks = view
                .files
                .iter()
                .filter_map(|file| catalog.file(file.id))
                .find(|version| version.path == path)
                .map(|version| u64::from(version.chunks));
            let partial = view
                .skips
                .iter()
                .find(|skip| skip.path == path && skip.reason().is_partial())
                .map(|skip| Skip {
                    path: skip.path.clone(),
                    reason: skip.reason(),
                    detail: skip.detail.clone(),
                });
            (chunks, partial)
        })
        .unwrap_or_default()
    }
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn backend_line() -> String {
    match wherein_embed::backend() {
        Ok(backend) => format!("{} {}", backend.name, backend.version),
        Err(error) => format!("none ({error})"),
    }
}

pub(crate) fn folder_bytes(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
