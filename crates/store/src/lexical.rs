//! The lexical index, open for reading: tantivy's postings. How they are scored stands
//! in `scoring`, how they are written in `lexical_writer`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::MmapDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{DocSet, Index, IndexReader, ReloadPolicy, TERMINATED, TantivyError, Term};

use crate::error::StoreError;
use crate::lexical_files::{self, LexicalFiles};
use crate::scoring::{BODY, FIELDS};
use crate::tokenizer::CodeTokenizer;
use crate::verified::Verified;

const TOKENIZER: &str = "code";

/// Segments of postings are of the same size when they have as many documents, within
/// this factor; as many of one size are merged.
const SIZE_STEP: u32 = 8;
/// Fewer documents make no smaller size.
const SMALLEST_SIZE: u32 = 1000;

#[derive(Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) text: [Field; FIELDS.len()],
    pub(crate) file: Field,
    pub(crate) chunk: Field,
}

pub(crate) fn schema() -> (Schema, Columns) {
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

pub(crate) fn reading_error(path: &Path) -> impl Fn(TantivyError) -> StoreError {
    let path = path.to_owned();
    move |error| lexical_files::meaning(&path, error)
}

fn open_for_reading(path: &Path) -> Result<(Index, Columns), StoreError> {
    let error = reading_error(path);
    let directory = MmapDirectory::open(path).map_err(|e| error(e.into()))?;
    let index = Index::open(LexicalFiles::for_reading(directory, path)).map_err(&error)?;
    with_our_schema(path, index)
}

pub(crate) fn with_our_schema(path: &Path, index: Index) -> Result<(Index, Columns), StoreError> {
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

/// Those of some segments, by their number of documents, of whose size there are many.
pub(crate) fn many_of_a_size<T>(segments: impl Iterator<Item = (u32, T)>) -> Vec<Vec<T>> {
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

    /// The rows whose text has a term, in no order.
    pub(crate) fn rows_with(&self, term: &str) -> Result<Vec<u32>, StoreError> {
        let mut rows = Vec::new();
        self.each_row_with(BODY, term, |row| rows.push(row))?;
        Ok(rows)
    }

    /// Calls `each` with the rows that have a term in a field, in no order.
    pub(crate) fn each_row_with(
        &self,
        field: usize,
        term: &str,
        mut each: impl FnMut(u32),
    ) -> Result<(), StoreError> {
        let io = |source| StoreError::Io {
            action: "read",
            path: self.path.clone(),
            source,
        };
        let term = self.term(field, term);
        for segment in &self.segments {
            let postings = segment.fields[field]
                .inverted
                .read_postings(&term, IndexRecordOption::Basic)
                .map_err(io)?;
            let Some(mut postings) = postings else {
                continue;
            };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                let row = segment.rows.get(doc as usize);
                row.filter(|row| **row != u32::MAX)
                    .copied()
                    .inspect(|row| each(*row));
                doc = postings.advance();
            }
        }
        Ok(())
    }

    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    pub(crate) fn term(&self, field: usize, text: &str) -> Term {
        Term::from_field_text(self.columns.text[field], text)
    }
}
