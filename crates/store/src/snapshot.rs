//! One generation of an index, open for reading. Never blocks and is never
//! blocked by a writer; later commits do not change it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use wherein_core::{ByteRange, ChunkKind, ContentHash, Language, Span};

use crate::catalog::{Catalog, Manifest, SegmentRecord, View};
use crate::chunks::{ChunkSegment, FileRow, SymbolRow};
use crate::disk::Layout;
use crate::error::StoreError;
use crate::graph::Graph;
use crate::lexical::{LexicalReader, Pieces};
use crate::rows::RowSet;
use crate::scoring::{Frequencies, LexicalQuery, LexicalScores};
use crate::statistics::Statistics;
use crate::vectors::VectorSegment;

/// What is known of a chunk without reading its text.
#[derive(Clone, Copy, Debug)]
pub struct ChunkInfo<'a> {
    /// Number of its file within the snapshot.
    pub file: u32,
    /// Path of its file, relative to the root.
    pub path: &'a str,
    /// Language of the chunk.
    pub language: Language,
    /// What it is.
    pub kind: ChunkKind,
    /// Name of its main definition.
    pub symbol: Option<&'a str>,
    /// Enclosing names and the own one.
    pub breadcrumb: &'a str,
    /// Where it stands in its file.
    pub span: Span,
}

/// A definition, and the chunk that it starts in.
#[derive(Clone, Copy, Debug)]
pub struct SymbolInfo<'a> {
    /// Row of the chunk.
    pub row: u32,
    /// The name as written.
    pub name: &'a str,
    /// Enclosing names and the own one.
    pub breadcrumb: &'a str,
    /// What it defines.
    pub kind: ChunkKind,
    /// Lines of the whole definition.
    pub span: Span,
    /// The definition up to its body.
    pub signature: ByteRange,
    /// Its doc comment.
    pub doc: ByteRange,
}

pub(crate) struct Segment {
    pub(crate) record: SegmentRecord,
    pub(crate) chunks: ChunkSegment,
    pub(crate) vectors: Option<VectorSegment>,
    /// Of a second model; rows may lack theirs.
    pub(crate) quality: Option<VectorSegment>,
}

/// The graph of this generation, and the segments that it is over.
pub(crate) struct Linked {
    pub(crate) graph: Arc<Graph>,
    /// Numbers of segments, in the order of the graph's rows.
    pub(crate) segments: Vec<usize>,
}

/// Counts and sizes, for `status`.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Rows of all segments, dead ones included.
    pub rows: u64,
    /// Rows with a vector.
    pub vectors: u64,
    /// Bytes of text before compression.
    pub text_bytes: u64,
    /// Immutable segments.
    pub segments: u64,
    /// Rows searched through a graph.
    pub linked_rows: u64,
}

/// One generation, open for reading.
pub struct Snapshot {
    pub(crate) manifest: Manifest,
    pub(crate) catalog: Catalog,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// First row and first file number of each segment, and the totals last.
    pub(crate) bases: Vec<(u32, u32)>,
    /// File number by file version id.
    pub(crate) numbers: FxHashMap<u32, u32>,
    pub(crate) lexical: LexicalReader,
    pub(crate) linked: Option<Linked>,
    /// What the commit said.
    pub(crate) payload: String,
}

impl Snapshot {
    pub(crate) fn places(&self) -> SegmentPlaces<'_> {
        SegmentPlaces {
            segments: &self.segments,
            bases: &self.bases,
        }
    }

    /// Whether no commit came after this generation.
    pub fn is_newest(&self, root: &Path) -> bool {
        let lexical = Layout::new(root).lexical();
        crate::lexical::committed_payload(&lexical)
            .is_ok_and(|newest| newest.as_deref() == Some(self.payload.as_str()))
    }

    /// Counts commits.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// File versions and views.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How many rows there are, those of no view included.
    pub fn rows(&self) -> usize {
        self.bases.last().map_or(0, |last| last.0 as usize)
    }

    /// How many file versions there are, those of no view included.
    pub fn files(&self) -> usize {
        self.bases.last().map_or(0, |last| last.1 as usize)
    }

    /// The rows that a view holds.
    pub fn view_rows(&self, view: &View) -> RowSet {
        let mut set = RowSet::none(self.rows());
        for file in &view.files {
            if let Some(number) = self.numbers.get(&file.id) {
                for row in self.file_rows(*number) {
                    set.insert(row);
                }
            }
        }
        set
    }

    /// The rows of a file.
    pub fn file_rows(&self, file: u32) -> Range<u32> {
        let places = self.places();
        places.rows(places.file(file))
    }

    /// The number of a file version within this snapshot.
    pub fn file_number(&self, id: u32) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// Path and content of a file.
    pub fn file(&self, file: u32) -> (&str, ContentHash, Language) {
        let row = self.places().file(file).2;
        (row.path, ContentHash(row.hash), row.language)
    }

    /// The text of a file as it was indexed.
    pub fn file_text(&self, file: u32) -> Result<Arc<str>, StoreError> {
        let (segment, _, row) = self.places().file(file);
        self.segments[segment].chunks.text(&row)
    }

    /// The number of the file that a chunk belongs to.
    pub fn file_of_row(&self, row: u32) -> u32 {
        match self.lexical.files.get(row as usize) {
            Some(file) if *file != u32::MAX => *file,
            // A row that the postings do not have.
            _ => {
                let (segment, local) = self.places().segment_of_row(row);
                self.bases[segment].1 + file_of_chunk(&self.segments[segment].chunks, local)
            }
        }
    }

    /// What is known of a chunk.
    pub fn chunk(&self, row: u32) -> ChunkInfo<'_> {
        let (segment, local) = self.places().segment_of_row(row);
        let chunks = &self.segments[segment].chunks;
        let file = self.file_of_row(row);
        let chunk = chunks.chunk(local as usize);
        let own = (file - self.bases[segment].1) as usize;
        ChunkInfo {
            file,
            path: chunks.path(own),
            language: chunk.language,
            kind: chunk.kind,
            symbol: chunk.symbol,
            breadcrumb: chunk.breadcrumb,
            span: chunk.span,
        }
    }

    /// Kind and language of a chunk: what filters look at.
    pub fn kind_and_language(&self, row: u32) -> (ChunkKind, Language) {
        let (segment, local) = self.places().segment_of_row(row);
        let (kind, language) = self.segments[segment]
            .chunks
            .kind_and_language(local as usize);
        (
            ChunkKind::ALL
                .get(kind as usize)
                .copied()
                .unwrap_or(ChunkKind::Code),
            crate::catalog::language_from_code(language),
        )
    }

    /// Whether a definition that starts in a chunk is of one of these kinds.
    pub fn defines_kind(&self, row: u32, kinds: &[ChunkKind]) -> bool {
        let (segment, local) = self.places().segment_of_row(row);
        let chunks = &self.segments[segment].chunks;
        let mut symbols = chunks.chunk(local as usize).symbols();
        symbols.any(|symbol| kinds.contains(&chunks.symbol(symbol).kind))
    }

    /// The definitions that start in a chunk.
    pub fn chunk_symbols(&self, row: u32) -> Vec<SymbolInfo<'_>> {
        let (segment, local) = self.places().segment_of_row(row);
        let chunks = &self.segments[segment].chunks;
        chunks
            .chunk(local as usize)
            .symbols()
            .map(|symbol| self.symbol_info(segment, chunks.symbol(symbol)))
            .collect()
    }

    /// Calls `each` with the names of the definitions that start in a chunk.
    pub fn each_chunk_symbol(&self, row: u32, mut each: impl FnMut(&str)) {
        let (segment, local) = self.places().segment_of_row(row);
        let chunks = &self.segments[segment].chunks;
        for symbol in chunks.chunk(local as usize).symbols() {
            each(chunks.symbol(symbol).name);
        }
    }

    fn symbol_info<'a>(&self, segment: usize, symbol: SymbolRow<'a>) -> SymbolInfo<'a> {
        SymbolInfo {
            row: self.bases[segment].0 + symbol.chunk,
            name: symbol.name,
            breadcrumb: symbol.breadcrumb,
            kind: symbol.kind,
            span: symbol.span,
            signature: symbol.signature,
            doc: symbol.doc,
        }
    }

    /// Definitions with this name, whatever its case style, of the allowed rows.
    pub fn symbols_named(&self, name: &str, allowed: &RowSet) -> Vec<SymbolInfo<'_>> {
        let mut found = Vec::new();
        for (number, segment) in self.segments.iter().enumerate() {
            for symbol in segment.chunks.symbols_named(name) {
                let info = self.symbol_info(number, segment.chunks.symbol(symbol));
                if allowed.contains(info.row) {
                    found.push(info);
                }
            }
        }
        found
    }

    /// What scoring has to know of a set of rows that holds whole files.
    pub fn statistics(&self, rows: &RowSet) -> Statistics {
        self.lexical.statistics(rows)
    }

    /// In how many of the counted rows and files the terms of a query are.
    pub fn frequencies(
        &self,
        query: &LexicalQuery,
        counted: &Statistics,
    ) -> Result<Frequencies, StoreError> {
        self.lexical.frequencies(query, counted)
    }

    /// How well each row, and each file, of those that were counted matches. Where
    /// several indexes are searched as one, `among` has the frequencies in all of them.
    pub fn lexical(
        &self,
        query: &LexicalQuery,
        counted: &Statistics,
        among: Option<&Frequencies>,
    ) -> Result<LexicalScores, StoreError> {
        self.lexical.scores(query, counted, among)
    }

    /// The allowed rows whose text has a term as [`crate::terms`] gives it, rising.
    pub fn rows_with(&self, term: &str, allowed: &RowSet) -> Result<Vec<u32>, StoreError> {
        let mut rows = self.lexical.rows_with(term)?;
        rows.retain(|row| allowed.contains(*row));
        rows.sort_unstable();
        Ok(rows)
    }

    /// In how many pieces the postings are.
    pub fn pieces(&self) -> Pieces {
        self.lexical.pieces()
    }

    /// Counts and sizes.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            rows: self.rows() as u64,
            segments: self.segments.len() as u64,
            linked_rows: self
                .linked
                .as_ref()
                .map_or(0, |one| u64::from(one.graph.rows())),
            ..Totals::default()
        };
        for segment in &self.segments {
            totals.text_bytes += segment.chunks.text_bytes();
            totals.vectors += segment.vectors.as_ref().map_or(0, |one| one.rows() as u64);
        }
        totals
    }

    /// Reads every byte of every file and checks it.
    pub fn check(&self) -> Result<(), StoreError> {
        for segment in &self.segments {
            for file in 0..segment.chunks.file_count() {
                segment.chunks.text(&segment.chunks.file(file))?;
            }
            for vectors in [&segment.vectors, &segment.quality].into_iter().flatten() {
                vectors.check()?;
            }
        }
        Ok(())
    }
}

/// The file that a chunk of a segment belongs to.
fn file_of_chunk(chunks: &ChunkSegment, chunk: u32) -> u32 {
    let (mut low, mut high) = (0, chunks.file_count());
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if chunks.first_chunk(middle) <= chunk {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as u32
}

/// Where rows and files lie among the segments.
pub(crate) struct SegmentPlaces<'a> {
    pub(crate) segments: &'a [Arc<Segment>],
    pub(crate) bases: &'a [(u32, u32)],
}

impl<'a> SegmentPlaces<'a> {
    pub(crate) fn segment_of_row(&self, row: u32) -> (usize, u32) {
        let segment = self.bases.partition_point(|base| base.0 <= row) - 1;
        (segment, row - self.bases[segment].0)
    }

    pub(crate) fn file(&self, number: u32) -> (usize, usize, FileRow<'a>) {
        let segment = self.bases.partition_point(|base| base.1 <= number) - 1;
        let file = (number - self.bases[segment].1) as usize;
        (segment, file, self.segments[segment].chunks.file(file))
    }

    pub(crate) fn rows(&self, (segment, _, row): (usize, usize, FileRow<'_>)) -> Range<u32> {
        let start = self.bases[segment].0 + row.first_chunk;
        start..start + row.chunk_count
    }
}
