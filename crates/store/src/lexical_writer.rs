//! The writing side of the lexical index: documents, deletions, and the commit.

use std::path::Path;

use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, PreparedCommit};
use tantivy::{Index, IndexWriter, TantivyDocument, TantivyError, Term};
use wherein_core::caught;

use crate::error::StoreError;
use crate::lexical::{Columns, many_of_a_size, reading_error, schema, with_our_schema};
use crate::lexical_files::{self, LexicalFiles};
use crate::scoring::FIELDS;

/// Memory of each thread that builds postings, in bytes: little enough that a 50 MB
/// repository is indexed in under 300 MB in all.
const MEMORY: usize = 40_000_000;
/// The least that tantivy takes.
const LEAST_MEMORY: usize = 15_000_000;

/// The words of one chunk.
pub(crate) struct LexicalDocument<'a> {
    pub(crate) file: u32,
    pub(crate) ordinal: u16,
    pub(crate) fields: [&'a str; FIELDS.len()],
}

/// While writing, nothing is damage: what was there was whole when it was opened.
fn writing_error(path: &Path) -> impl Fn(TantivyError) -> StoreError {
    let path = path.to_owned();
    move |error| match lexical_files::meaning(&path, error) {
        StoreError::Damaged { path, detail } => StoreError::Lexical { path, detail },
        other => other,
    }
}

fn open_for_writing(path: &Path) -> Result<(Index, Columns), StoreError> {
    let error = reading_error(path);
    let directory = MmapDirectory::open(path).map_err(|e| error(e.into()))?;
    let directory = LexicalFiles::for_writing(directory, path);
    let index = Index::open_or_create(directory, schema().0).map_err(&error)?;
    with_our_schema(path, index)
}

/// Adds and deletes documents, and makes the commit.
pub(crate) struct LexicalWriter {
    path: std::path::PathBuf,
    index: Index,
    columns: Columns,
    writer: IndexWriter,
}

impl LexicalWriter {
    pub(crate) fn open(path: &Path, threads: usize) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path).map_err(StoreError::io("create", path))?;
        let (index, columns) = open_for_writing(path)?;
        let memory = match threads {
            0 => LEAST_MEMORY,
            _ => MEMORY,
        };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads.max(1))
            .memory_budget_per_thread(memory)
            .num_merge_threads(1)
            .build();
        let writer = index
            .writer_with_options(options)
            .map_err(writing_error(path))?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        // What a commit that died has written would be in the way of the next,
        // which gives its files the same names.
        let collected = writer.garbage_collect_files().wait();
        collected.map_err(writing_error(path))?;
        Ok(Self {
            path: path.to_owned(),
            index,
            columns,
            writer,
        })
    }

    pub(crate) fn add(&self, document: &LexicalDocument<'_>) -> Result<(), StoreError> {
        let mut fields = TantivyDocument::new();
        for (field, text) in self.columns.text.iter().zip(document.fields) {
            if !text.is_empty() {
                fields.add_text(*field, text);
            }
        }
        fields.add_u64(self.columns.file, u64::from(document.file));
        fields.add_u64(
            self.columns.chunk,
            u64::from(document.file) << 16 | u64::from(document.ordinal),
        );
        self.writer
            .add_document(fields)
            .map_err(writing_error(&self.path))?;
        Ok(())
    }

    pub(crate) fn delete_file(&self, file: u32) {
        self.writer
            .delete_term(Term::from_field_u64(self.columns.file, u64::from(file)));
    }

    /// Writes what was added, and meanwhile has the payload of the commit made.
    pub(crate) fn prepare(
        &mut self,
        payload: impl FnOnce() -> Result<String, StoreError> + Send,
    ) -> Result<Prepared<'_>, StoreError> {
        let error = writing_error(&self.path);
        let (prepared, payload) = std::thread::scope(|scope| {
            let payload = scope.spawn(|| caught(payload));
            (self.writer.prepare_commit(), payload.join())
        });
        let mut prepared = prepared.map_err(&error)?;
        let panicked = |detail: String| StoreError::Lexical {
            path: self.path.clone(),
            detail,
        };
        let payload = payload.map_err(|_| panicked("a thread died".to_owned()))?;
        let payload = payload.map_err(panicked)??;
        prepared.set_payload(&payload);
        Ok(Prepared {
            path: &self.path,
            payload,
            commit: prepared,
        })
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        self.writer
            .rollback()
            .and_then(|_| self.writer.garbage_collect_files().wait())
            .map(|_| ())
            .map_err(writing_error(&self.path))
    }

    /// Merges all segments; the commit stands.
    pub(crate) fn merge_all(&mut self) -> Result<(), StoreError> {
        let error = writing_error(&self.path);
        let metas = self.index.searchable_segment_metas().map_err(&error)?;
        let all: Vec<_> = metas.iter().map(tantivy::SegmentMeta::id).collect();
        let has_deleted = metas.iter().any(|meta| meta.num_deleted_docs() > 0);
        if all.len() > 1 || has_deleted {
            self.writer.merge(&all).wait().map_err(&error)?;
        }
        self.writer.garbage_collect_files().wait().map_err(&error)?;
        Ok(())
    }

    /// Merges segments of about the same size when there are many; the commit stands.
    /// So each document is rewritten once for each size that there is.
    pub(crate) fn merge_by_size(&mut self) -> Result<(), StoreError> {
        let error = writing_error(&self.path);
        let metas = self.index.searchable_segment_metas().map_err(&error)?;
        let sizes = metas.iter().map(|meta| (meta.num_docs(), meta.id()));
        for same in many_of_a_size(sizes) {
            self.writer.merge(&same).wait().map_err(&error)?;
        }
        // What is listed is not collected.
        drop(metas);
        self.writer.garbage_collect_files().wait().map_err(&error)?;
        Ok(())
    }
}

/// A commit that is about to be made; dropped, it is none.
pub(crate) struct Prepared<'a> {
    path: &'a Path,
    payload: String,
    commit: PreparedCommit<'a>,
}

impl Prepared<'_> {
    /// The one commit point: after this the payload's manifest is in force. Gives
    /// the payload.
    pub(crate) fn commit(self) -> Result<String, StoreError> {
        let committed = self.commit.commit();
        committed.map_err(writing_error(self.path))?;
        crate::disk::sync_folder(self.path)?;
        Ok(self.payload)
    }
}
