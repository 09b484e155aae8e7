//! The one writer of an index: adds file versions, commits views, sweeps.
//!
//! Nothing that is in force is ever changed: new segments, catalog and
//! manifest are written beside the old ones and made durable, then the commit
//! of the lexical index, whose payload names the manifest, puts them in force.
//! A writer that dies before that leaves the last generation as it was.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;
use wherein_core::{Chunk, ContentHash, Language, limits};

use crate::catalog::{Catalog, FileVersion, Manifest, SegmentRecord, VectorRecord, View};
use crate::chunks::{ChunkSegmentBuilder, FileInput};
use crate::compaction::Contents;
use crate::disk::Layout;
use crate::error::StoreError;
use crate::lexical::committed_payload;
use crate::lexical_writer::{LexicalDocument, LexicalWriter};
use crate::lock::WriteLock;
use crate::opening::Committed;
use crate::quality::QualityInProgress;
use crate::snapshot::Snapshot;
use crate::vectors::VectorSegmentBuilder;
use crate::{dormant, generation};

/// Memory of a segment under construction, in bytes, above which it is written.
const SEGMENT_BYTES: usize = 32 << 20;

/// A file to be added: its text, chunks and vectors.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// Relative to the root.
    pub path: &'a str,
    /// Of the bytes on disk.
    pub hash: ContentHash,
    /// Language of the file.
    pub language: Language,
    /// What the chunks are spans of.
    pub text: &'a str,
    /// In order; at most [`limits::MAX_CHUNKS_PER_FILE`].
    pub chunks: &'a [Chunk],
    /// `[chunks.len(), dimensions] f32`, L2-normalised; `None` without a model.
    pub vectors: Option<&'a [f32]>,
    /// See [`FileVersion::recipe`].
    pub recipe: u64,
}

/// How a writer is opened; by default one that adds nothing, for upkeep.
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    /// Threads that build postings; by default one, with little memory.
    pub threads: usize,
    /// Id and dimensions of the model whose vectors are written.
    pub model: Option<(String, usize)>,
    /// Throw away what is there when a byte of it is wrong.
    pub mend: bool,
}

pub(crate) struct SegmentInProgress {
    pub(crate) id: u64,
    pub(crate) chunks: ChunkSegmentBuilder,
    pub(crate) vectors: Option<VectorSegmentBuilder>,
    /// Those of a second model, while segments that have them are merged.
    pub(crate) quality: Option<QualityInProgress>,
}

/// Holds the lock; dropping it without a commit changes nothing.
pub struct Writer {
    pub(crate) layout: Layout,
    pub(crate) lexical: LexicalWriter,
    pub(crate) manifest: Manifest,
    pub(crate) catalog: Catalog,
    pub(crate) model: Option<(String, usize)>,
    in_progress: Option<SegmentInProgress>,
    pub(crate) contents: Contents,
    /// Whether versions that no view holds are dropped with the next commit.
    pub(crate) keeps_none: bool,
    is_wiped: bool,
    /// Whether a view was taken and none put in its place.
    pub(crate) lacks_view: bool,
    /// What the last commit put in force; `None` while one is under way, or
    /// when it failed and may or may not have come through.
    pub(crate) in_force: Option<Manifest>,
    /// What the last commit said.
    payload: String,
    // Last, so that it is freed last.
    _lock: WriteLock,
}

impl Writer {
    /// Opens the index at `root` for writing; makes it when there is none.
    pub fn open(root: &Path, options: &WriterOptions) -> Result<Self, StoreError> {
        Self::open_after(None, root, options)
    }

    /// As [`Writer::open`]; what is known of an open generation is not read again.
    pub fn open_after(
        known: Option<&Snapshot>,
        root: &Path,
        options: &WriterOptions,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(root).map_err(StoreError::io("create", root))?;
        let layout = Layout::new(root);
        let lock = WriteLock::acquire(&layout.lock())?;
        let is_wiped = options.mend && !is_sound(root)?;
        if is_wiped {
            wipe(&layout)?;
        }
        let payload = committed_payload(&layout.lexical())?.filter(|payload| !payload.is_empty());
        let known = known.filter(|_| !is_wiped);
        let same = known.filter(|known| Some(&known.payload) == payload.as_ref());
        let (manifest, catalog) = match (&payload, same) {
            (_, Some(known)) => (known.manifest.clone(), known.catalog.clone()),
            (Some(payload), None) => generation::read(&layout, payload)?,
            (None, None) => <(Manifest, Catalog)>::default(),
        };
        generation::sweep(&layout, &manifest);
        generation::sweep_temporary(&layout);
        let lexical = LexicalWriter::open(&layout.lexical(), options.threads)?;
        Ok(Self {
            layout,
            lexical,
            catalog,
            model: options.model.clone(),
            in_progress: None,
            contents: known.map(Contents::of_all).unwrap_or_default(),
            keeps_none: false,
            is_wiped,
            lacks_view: false,
            in_force: Some(manifest.clone()),
            payload: payload.unwrap_or_default(),
            manifest,
            _lock: lock,
        })
    }

    /// What is committed, and what was added since.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether what was there was damaged and thrown away.
    pub fn is_wiped(&self) -> bool {
        self.is_wiped
    }

    /// The generation in force.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Ends, and gives what is in force; `None` when that is not certain.
    pub fn into_committed(mut self) -> Option<Committed> {
        let is_certain = self.in_force.is_some() && !self.has_uncommitted() && !self.lacks_view;
        is_certain.then(|| Committed {
            payload: std::mem::take(&mut self.payload),
            manifest: self.manifest.clone(),
            catalog: std::mem::take(&mut self.catalog),
        })
    }

    /// Whether something was added and not committed.
    pub(crate) fn has_uncommitted(&self) -> bool {
        let in_force = self.in_force.as_ref().map(|one| one.next_file);
        in_force != Some(self.manifest.next_file)
    }

    /// Adds a file version and gives its id. It can be found once a view that
    /// holds it is committed.
    pub fn add(&mut self, file: &NewFile<'_>) -> Result<u32, StoreError> {
        if file.chunks.len() > limits::MAX_CHUNKS_PER_FILE {
            return Err(StoreError::Misuse(format!(
                "{} has {} chunks; a file can have {}",
                file.path,
                file.chunks.len(),
                limits::MAX_CHUNKS_PER_FILE
            )));
        }
        let dimensions = self.model.as_ref().map(|model| model.1);
        if file.vectors.map(<[f32]>::len) != dimensions.map(|d| d * file.chunks.len()) {
            return Err(StoreError::Misuse(format!(
                "the vectors of {} do not fit its {} chunks",
                file.path,
                file.chunks.len()
            )));
        }
        let id = self.manifest.next_file;
        self.manifest.next_file += 1;
        for (ordinal, chunk) in file.chunks.iter().enumerate() {
            self.add_words(id, ordinal as u16, file, chunk)?;
        }
        let manifest = &mut self.manifest;
        let segment = self.in_progress.get_or_insert_with(|| {
            manifest.next_segment += 1;
            SegmentInProgress {
                id: manifest.next_segment,
                chunks: ChunkSegmentBuilder::default(),
                vectors: dimensions.map(VectorSegmentBuilder::new),
                quality: None,
            }
        });
        segment.chunks.add(&FileInput {
            id,
            path: file.path,
            hash: file.hash.0,
            language: file.language,
            text: file.text,
            chunks: file.chunks,
        });
        if let (Some(vectors), Some(rows), Some(d)) =
            (&mut segment.vectors, file.vectors, dimensions)
        {
            for row in rows.chunks_exact(d) {
                vectors.push(row);
            }
        }
        self.catalog.files.push(FileVersion {
            id,
            path: file.path.to_owned(),
            hash: file.hash.0,
            language: file.language as u8,
            chunks: file.chunks.len() as u32,
            recipe: file.recipe,
            left: 0,
        });
        let held = segment.chunks.size()
            + segment
                .vectors
                .as_ref()
                .map_or(0, VectorSegmentBuilder::size);
        if held > SEGMENT_BYTES {
            self.write_segment()?;
        }
        Ok(id)
    }

    fn add_words(
        &mut self,
        file_id: u32,
        ordinal: u16,
        file: &NewFile<'_>,
        chunk: &Chunk,
    ) -> Result<(), StoreError> {
        let mut symbols: Vec<&str> = chunk.symbols.iter().map(|one| one.name.as_str()).collect();
        if symbols.is_empty() {
            symbols.extend(chunk.symbol.as_deref());
        }
        let docs: Vec<&str> = chunk
            .symbols
            .iter()
            .map(|symbol| symbol.doc.of(file.text))
            .filter(|doc| !doc.is_empty())
            .collect();
        self.lexical.add(&LexicalDocument {
            file: file_id,
            ordinal,
            fields: [
                &symbols.join(" "),
                file.path,
                &chunk.breadcrumb,
                &docs.join("\n"),
                chunk.span.bytes.of(file.text),
            ],
        })
    }

    fn write_segment(&mut self) -> Result<(), StoreError> {
        let Some(segment) = self.in_progress.take() else {
            return Ok(());
        };
        let record = self.write_built(segment)?;
        self.manifest.segments.push(record);
        Ok(())
    }

    pub(crate) fn write_built(
        &self,
        segment: SegmentInProgress,
    ) -> Result<SegmentRecord, StoreError> {
        let chunk_count = segment.chunks.chunk_count();
        let path = self.layout.file(&Layout::chunks_name(segment.id));
        let chunks = segment.chunks.write(&path)?;
        let vectors = match (segment.vectors, &self.model) {
            (Some(vectors), Some((model, dimensions))) => {
                let path = self.layout.file(&Layout::vectors_name(segment.id));
                Some(VectorRecord {
                    identity: vectors.write(&path)?,
                    model: model.clone(),
                    dimensions: *dimensions as u32,
                })
            }
            _ => None,
        };
        let quality = segment
            .quality
            .map(|quality| quality.write(&self.layout, segment.id))
            .transpose()?;
        Ok(SegmentRecord {
            id: segment.id,
            chunks,
            chunk_count,
            vectors,
            quality,
        })
    }

    /// Puts `view` in force (in place of the one with the same root, if any),
    /// with everything added so far, and gives the new generation. File
    /// versions that no view holds are gone.
    pub fn commit(&mut self, view: View) -> Result<u64, StoreError> {
        self.write_segment()?;
        self.catalog.views.retain(|one| one.root != view.root);
        self.catalog.views.push(view);
        self.lacks_view = false;
        self.commit_catalog()
    }

    /// Keeps the postings in few pieces; the commit stands. To be called when those
    /// who wait for the commit have it: it takes the longer, the more was added.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        self.lexical.merge_by_size()
    }

    /// As [`Writer::tidy`], at the end: what is held is let go of first.
    pub fn end_tidily(mut self) -> Result<(), StoreError> {
        self.catalog = Catalog::default();
        self.contents = Contents::default();
        self.lexical.merge_by_size()
    }

    /// Leaves no word of a deleted document in the postings.
    pub fn forget_deleted(&mut self) -> Result<(), StoreError> {
        self.lexical.merge_all()
    }

    pub(crate) fn commit_catalog(&mut self) -> Result<u64, StoreError> {
        self.catalog.views.sort_by(|a, b| a.root.cmp(&b.root));
        self.share_versions();
        let held: FxHashSet<u32> = self
            .catalog
            .views
            .iter()
            .flat_map(|view| view.files.iter().map(|file| file.id))
            .collect();
        let generation = self.manifest.generation + 1;
        let files = &mut self.catalog.files;
        let dropped = dormant::dropped(files, &held, generation, self.keeps_none);
        for file in &dropped {
            self.lexical.delete_file(*file);
        }
        files.retain(|file| !dropped.contains(&file.id));
        let kept: FxHashSet<u32> = files.iter().map(|file| file.id).collect();
        self.compact(&kept)?;
        self.manifest.live_chunks = self
            .catalog
            .files
            .iter()
            .map(|file| u64::from(file.chunks))
            .sum();
        self.manifest.generation += 1;
        let (layout, manifest, catalog) = (&self.layout, &mut self.manifest, &self.catalog);
        let prepared = self
            .lexical
            .prepare(|| generation::write(layout, manifest, catalog))?;
        self.in_force = None;
        self.payload = prepared.commit()?;
        self.in_force = Some(self.manifest.clone());
        generation::sweep(&self.layout, &self.manifest);
        Ok(self.manifest.generation)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What is in force is all that there is.
        if self.in_force.is_some() && !self.has_uncommitted() {
            return;
        }
        // Uncommitted postings are forgotten, and files of segments that were
        // not committed give their space back: the disk may be full of them.
        if let Err(error) = self.lexical.rollback() {
            tracing::debug!(%error, "rollback");
        }
        if let Some(in_force) = &self.in_force {
            generation::sweep(&self.layout, in_force);
        }
    }
}

/// Whether every byte of an index is as it was written, or there is none.
fn is_sound(root: &Path) -> Result<bool, StoreError> {
    let whole = Snapshot::open(root, None)
        .and_then(|snapshot| snapshot.map_or(Ok(()), |snapshot| snapshot.check()));
    match whole {
        Ok(()) => Ok(true),
        Err(error) if error.is_mended_by_rebuild() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes everything but the lock.
fn wipe(layout: &Layout) -> Result<(), StoreError> {
    let entries: Vec<PathBuf> = walkdir::WalkDir::new(&layout.root)
        .min_depth(1)
        .max_depth(1)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| *path != layout.lock())
        .collect();
    // The lexical index goes first: without it nothing is in force, so a wipe
    // that dies half way leaves an empty index, not a damaged one.
    let meta = layout.lexical().join("meta.json");
    if meta.exists() {
        std::fs::remove_file(&meta).map_err(StoreError::io("remove", &meta))?;
    }
    for path in entries {
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.map_err(StoreError::io("remove", &path))?;
    }
    Ok(())
}
