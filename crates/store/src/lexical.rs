//! The lexical index: tantivy's postings. tantivy keeps them and makes the
//! commit; how they are scored stands in `scoring`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, PreparedCommit};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

use wherein_core::caught;

use crate::error::StoreError;
use crate::lexical_files::{self, LexicalFiles};
use crate::scoring::{BODY, FIELDS};
use crate::tokenizer::CodeTokenizer;
use crate::verified::Verified;

const TOKENIZER: &str = "code";

/// Memory of each thread that builds postings, in bytes: little enough that a 50 MB
/// repository is indexed in under 300 MB in all.
const MEMORY: usize = 40_000_000;
/// The least that tantivy takes.
const LEAST_MEMORY: usize = 15_000_000;

/// Segments of postings are of the same size when they have as many documents, within
/// this factor; as many of one size are merged.
const SIZE_STEP: u32 = 8;
/// Fewer documents make no smaller size.
const SMALLEST_SIZE: u32 = 1000;

/// The words of one chunk.
pub(crate) struct LexicalDocument<'a> {
    pub(crate) file: u32,
    pub(crate) ordinal: u16,
    pub(crate) fields: [&'a str; FIELDS.len()],
}

#[derive(Clone, Copy)]
struct Columns {
    text: [Field; FIELDS.len()],
    file: Field,
    chunk: Field,
}

fn schema() -> (Schema, Columns) {
    let mut builder = Schema::builder();
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqs),
    );
    let columns = Columns {
        text: FIELDS.map(|name| builder.add_text_field(name, text.clone())),
        file: builder.add_u64_field("file", INDEXED),
        chunk: builder.add_u64_field("chunk", FAST),
    };
    (builder.build(), columns)
}

fn reading_error(path: &Path) -> impl Fn(TantivyError) -> StoreError {
    let path = path.to_owned();
    move |error| lexical_files::meaning(&path, error)
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

fn open_for_reading(path: &Path) -> Result<(Index, Columns), StoreError> {
    let error = reading_error(path);
    let directory = MmapDirectory::open(path).map_err(|e| error(e.into()))?;
    let index = Index::open(LexicalFiles::for_reading(directory, path)).map_err(&error)?;
    with_our_schema(path, index)
}

fn with_our_schema(path: &Path, index: Index) -> Result<(Index, Columns), StoreError> {
    let (schema, columns) = schema();
    if index.schema() != schema {
        return Err(StoreError::damaged(
            path,
            "its fields are of another version",
        ));
    }
    index
        .tokenizers()
        .register(TOKENIZER, TextAnalyzer::from(CodeTokenizer::default()));
    Ok((index, columns))
}

/// The payload of the newest commit; `None` before the first.
pub(crate) fn committed_payload(path: &Path) -> Result<Option<String>, StoreError> {
    if !path.join("meta.json").exists() {
        return Ok(None);
    }
    let (index, _) = open_for_reading(path)?;
    Ok(index.load_metas().map_err(reading_error(path))?.payload)
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

/// Those of some segments, by their number of documents, of whose size there are many.
fn many_of_a_size<T>(segments: impl Iterator<Item = (u32, T)>) -> Vec<Vec<T>> {
    let mut sizes: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for (documents, segment) in segments {
        let size = (documents / SMALLEST_SIZE).max(1).ilog(SIZE_STEP);
        sizes.entry(size).or_default().push(segment);
    }
    let sizes = sizes.into_values();
    sizes
        .filter(|same| same.len() >= SIZE_STEP as usize)
        .collect()
}

/// The pieces that the postings are in.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    /// How many there are.
    pub count: usize,
    /// Whether [`Writer::tidy`](crate::Writer::tidy) makes them fewer.
    pub can_be_fewer: bool,
}

pub(crate) struct FieldOfSegment {
    pub(crate) inverted: Arc<tantivy::InvertedIndexReader>,
    pub(crate) norms: FieldNormReader,
}

pub(crate) struct PostingsSegment {
    documents: u32,
    pub(crate) fields: Vec<FieldOfSegment>,
    /// File and ordinal of each document, packed; `None` for the deleted.
    chunks: Vec<Option<u64>>,
    /// Row of each document; `u32::MAX` for the deleted.
    pub(crate) rows: Vec<u32>,
}

/// Row of a chunk, and the number of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) row: u32,
    pub(crate) file: u32,
}

/// One generation of postings, open for reading.
pub(crate) struct LexicalReader {
    pub(crate) path: std::path::PathBuf,
    // Keeps the files of the searcher alive.
    _reader: IndexReader,
    pub(crate) segments: Vec<PostingsSegment>,
    columns: Columns,
    live: u64,
    verified: Verified,
    /// Number of the file of each row.
    pub(crate) files: Vec<u32>,
    /// Words of each file's bodies.
    pub(crate) file_lengths: Vec<f32>,
}

impl LexicalReader {
    /// Opens the newest commit and gives its payload along. Files that `previous` has
    /// verified and that were not touched since are not verified again.
    pub(crate) fn open(
        path: &Path,
        previous: Option<&Self>,
    ) -> Result<Option<(Self, String)>, StoreError> {
        if !path.join("meta.json").exists() {
            return Ok(None);
        }
        let error = reading_error(path);
        let (index, columns) = open_for_reading(path)?;
        let before = index.load_metas().map_err(&error)?;
        let previous = previous.map(|previous| &previous.verified);
        let verified = Verified::all(path, &index, &before, previous)?;
        let reader: IndexReader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(&error)?;
        let after = index.load_metas().map_err(&error)?;
        if before.opstamp != after.opstamp || before.payload != after.payload {
            return Err(StoreError::Lexical {
                path: path.to_owned(),
                detail: "a commit came between; open it again".to_owned(),
            });
        }
        let searcher = reader.searcher();
        let mut segments = Vec::new();
        for segment in searcher.segment_readers() {
            let mut fields = Vec::new();
            for field in &columns.text {
                let inverted = segment.inverted_index(*field).map_err(&error)?;
                let norms = segment.get_fieldnorms_reader(*field).map_err(&error)?;
                fields.push(FieldOfSegment { inverted, norms });
            }
            let chunk = segment.fast_fields().u64("chunk").map_err(&error)?;
            let docs: Vec<u32> = (0..segment.max_doc()).collect();
            let mut chunks = vec![None; docs.len()];
            chunk.first_vals(&docs, &mut chunks);
            if segment.has_deletes() {
                for (doc, chunk) in docs.into_iter().zip(&mut chunks) {
                    if segment.is_deleted(doc) {
                        *chunk = None;
                    }
                }
            }
            segments.push(PostingsSegment {
                documents: segment.num_docs(),
                fields,
                chunks,
                rows: Vec::new(),
            });
        }
        let live = searcher.num_docs();
        let open = Self {
            path: path.to_owned(),
            _reader: reader,
            segments,
            columns,
            live,
            verified,
            files: Vec::new(),
            file_lengths: Vec::new(),
        };
        Ok(Some((open, after.payload.unwrap_or_default())))
    }

    /// Tells each document its row, and each row its file; to be called once,
    /// before any search. Documents of a chunk that `place_of` (file version,
    /// ordinal) does not know are counted in the answer.
    pub(crate) fn set_places(
        &mut self,
        (rows, files): (usize, usize),
        mut place_of: impl FnMut(u32, u16) -> Option<Place>,
    ) -> u64 {
        let mut unknown = 0;
        self.files = vec![u32::MAX; rows];
        self.file_lengths = vec![0.0; files];
        for segment in &mut self.segments {
            let norms = &segment.fields[BODY].norms;
            segment.rows = std::mem::take(&mut segment.chunks)
                .into_iter()
                .zip(0_u32..)
                .map(|(packed, doc)| {
                    let Some(packed) = packed else {
                        return u32::MAX;
                    };
                    let Some(Place { row, file }) = place_of((packed >> 16) as u32, packed as u16)
                    else {
                        unknown += 1;
                        return u32::MAX;
                    };
                    self.files[row as usize] = file;
                    self.file_lengths[file as usize] += norms.fieldnorm(doc) as f32;
                    row
                })
                .collect();
        }
        unknown
    }

    pub(crate) fn pieces(&self) -> Pieces {
        let sizes = self.segments.iter().map(|one| (one.documents, ()));
        Pieces {
            count: self.segments.len(),
            can_be_fewer: !many_of_a_size(sizes).is_empty(),
        }
    }

    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    pub(crate) fn term(&self, field: usize, text: &str) -> Term {
        Term::from_field_text(self.columns.text[field], text)
    }
}
