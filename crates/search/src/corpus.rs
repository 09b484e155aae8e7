//! What is searched: the index of one repository, or those of several as if they were
//! one. Rows and files are numbered through, those of the second after those of the
//! first.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use wherein_core::{ContentHash, Language};
use wherein_store::{
    ChunkInfo, Nearest, RoughQuery, RowSet, Snapshot, Statistics, StoreError, SymbolInfo,
};

use crate::error::SearchError;
use crate::searcher::RankedSpan;

/// The index of one repository, as one checkout sees it.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The generation that answers.
    pub snapshot: &'a Snapshot,
    /// The rows of the checkout.
    pub view: &'a RowSet,
    /// What scoring has to know of them.
    pub counted: &'a Statistics,
    /// How the nearest vectors are found.
    pub nearest: Nearest,
}

/// The first row and the first file of each part.
#[derive(Clone, Debug)]
pub(crate) struct Places(Vec<(u32, u32)>);

impl Places {
    /// The part of a row, and the row's number in it.
    #[inline]
    pub(crate) fn of_row(&self, row: u32) -> (usize, u32) {
        let part = self.0.partition_point(|base| base.0 <= row) - 1;
        (part, row - self.0[part].0)
    }

    /// The part of a file, and the file's number in it.
    #[inline]
    pub(crate) fn of_file(&self, file: u32) -> (usize, u32) {
        let part = self.0.partition_point(|base| base.1 <= file) - 1;
        (part, file - self.0[part].1)
    }
}

/// Most texts that are kept for one query: as many as ranking reads, and a long list
/// shows.
const MAX_TEXTS: usize = 64;

/// Texts that one query has looked at, by part and file: ranking, joining and showing
/// look at the same ones.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<Mutex<TextOf>>);

/// By the number of the part and that of the file in it.
type TextOf = FxHashMap<(usize, u32), Arc<str>>;

/// All parts, numbered through.
#[derive(Clone)]
pub struct Corpus<'a> {
    parts: Vec<Part<'a>>,
    places: Places,
    texts: Texts,
    /// The number of the first part in `texts`.
    first: usize,
}

impl<'a> Corpus<'a> {
    /// The index of one repository: its own numbers are those of the corpus.
    pub fn one(part: Part<'a>) -> Self {
        Self {
            parts: vec![part],
            places: Places(vec![(0, 0)]),
            texts: Texts::default(),
            first: 0,
        }
    }

    /// Several as one; fails when they have more rows than can be numbered.
    pub fn of(parts: Vec<Part<'a>>) -> Result<Self, SearchError> {
        let (mut rows, mut files) = (0_u64, 0_u64);
        let mut bases = Vec::with_capacity(parts.len());
        for part in &parts {
            bases.push((rows as u32, files as u32));
            rows += part.snapshot.rows() as u64;
            files += part.snapshot.files() as u64;
        }
        if rows >= u64::from(u32::MAX) {
            return Err(SearchError::TooLarge { rows });
        }
        Ok(Self {
            parts,
            places: Places(bases),
            texts: Texts::default(),
            first: 0,
        })
    }

    /// The parts, in their order.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// The texts that were looked at.
    pub fn texts(&self) -> Texts {
        self.texts.clone()
    }

    /// As one of the parts whose texts these are, by its number there.
    #[must_use]
    pub fn with_texts(self, texts: &Texts, number: usize) -> Self {
        Self {
            texts: texts.clone(),
            first: number,
            ..self
        }
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// The part of a row, and the row's number in it.
    pub fn part_of_row(&self, row: u32) -> (usize, u32) {
        self.places.of_row(row)
    }

    /// A span with its rows as they are in its part, and the number of that.
    pub fn own(&self, span: RankedSpan) -> (usize, RankedSpan) {
        let (part, row) = self.places.of_row(span.row);
        let base = span.row - row;
        let rows = span.rows.start() - base..=span.rows.end() - base;
        (part, RankedSpan { row, rows, ..span })
    }

    fn local_file(&self, file: u32) -> (&'a Snapshot, u32) {
        let (part, file) = self.places.of_file(file);
        (self.parts[part].snapshot, file)
    }

    fn local_row(&self, row: u32) -> (&'a Snapshot, u32) {
        let (part, row) = self.places.of_row(row);
        (self.parts[part].snapshot, row)
    }

    /// The number that a row of a part has here.
    pub(crate) fn row(&self, part: usize, row: u32) -> u32 {
        self.places.0[part].0 + row
    }

    /// What is known of a chunk.
    pub fn chunk(&self, row: u32) -> ChunkInfo<'a> {
        let (part, row) = self.places.of_row(row);
        let mut chunk = self.parts[part].snapshot.chunk(row);
        chunk.file += self.places.0[part].1;
        chunk
    }

    /// The number of the file of a row.
    pub fn file_of_row(&self, row: u32) -> u32 {
        let (part, row) = self.places.of_row(row);
        self.places.0[part].1 + self.parts[part].snapshot.file_of_row(row)
    }

    /// Path and content of a file.
    pub fn file(&self, file: u32) -> (&'a str, ContentHash, Language) {
        let (snapshot, file) = self.local_file(file);
        snapshot.file(file)
    }

    /// The rows of a file.
    pub fn file_rows(&self, file: u32) -> Range<u32> {
        let (part, file) = self.places.of_file(file);
        let rows = self.parts[part].snapshot.file_rows(file);
        self.row(part, rows.start)..self.row(part, rows.end)
    }

    /// The text of a file as it was indexed.
    pub fn file_text(&self, file: u32) -> Result<Arc<str>, StoreError> {
        let (part, file) = self.places.of_file(file);
        let key = (self.first + part, file);
        let texts = || self.texts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts().get(&key) {
            return Ok(Arc::clone(text));
        }
        let text = self.parts[part].snapshot.file_text(file)?;
        let mut all = texts();
        if all.len() < MAX_TEXTS {
            all.insert(key, Arc::clone(&text));
        }
        Ok(text)
    }

    /// As [`Corpus::file_text`], of a text that will not be looked at again.
    pub(crate) fn file_text_once(&self, file: u32) -> Result<Arc<str>, StoreError> {
        let (snapshot, file) = self.local_file(file);
        snapshot.file_text(file)
    }

    /// The definitions that start in a chunk; their rows are those of the part.
    pub(crate) fn chunk_symbols(&self, row: u32) -> Vec<SymbolInfo<'a>> {
        let (snapshot, row) = self.local_row(row);
        snapshot.chunk_symbols(row)
    }

    /// Calls `each` with the names of the definitions that start in a chunk.
    pub(crate) fn each_chunk_symbol(&self, row: u32, each: impl FnMut(&str)) {
        let (snapshot, row) = self.local_row(row);
        snapshot.each_chunk_symbol(row, each);
    }

    /// The cosine of a row and a query by a model, where the row has a vector of it.
    pub(crate) fn cosine(
        &self,
        row: u32,
        query: &[f32],
        model: &str,
    ) -> Result<Option<f32>, StoreError> {
        let (snapshot, row) = self.local_row(row);
        snapshot.cosine(row, query, model)
    }

    /// Whether a file's rows have vectors of a model.
    pub(crate) fn file_has_vectors(&self, file: u32, model: &str) -> bool {
        let (snapshot, file) = self.local_file(file);
        snapshot.file_has_vectors(file, model)
    }

    /// The rough cosines of all rows of a file.
    pub(crate) fn rough_cosines(
        &self,
        file: u32,
        query: &RoughQuery,
        each: impl FnMut(f32),
    ) -> Result<(), StoreError> {
        let (snapshot, file) = self.local_file(file);
        snapshot.rough_cosines(snapshot.file_rows(file), query, each)
    }
}
