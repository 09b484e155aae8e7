//! One generation of an index, open for reading. Never blocks and is never
//! blocked by a writer; later commits do not change it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use wherein_core::{ByteRange, ChunkKind, ContentHash, Language, Span};

use crate::catalog::{Catalog, Manifest, SegmentRecord, View};
use crate::chunks::{ChunkSegment, FileRow, SymbolRow};
use crate::disk::Layout;
use crate::error::StoreError;
use crate::generation;
use crate::graph::Graph;
use crate::lexical::{FIELDS, LexicalQuery, LexicalReader, LexicalScores};
use crate::rows::RowSet;
use crate::vectors::{Best, Scored, VectorSegment};

/// How often opening is tried again when commits come between.
const ATTEMPTS: u32 = 20;

/// How many more rows than asked for are scored again in f16: what the codes
/// put so far behind does not come to the front.
const RESCORED_SPARE: usize = 50;

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
    record: SegmentRecord,
    chunks: ChunkSegment,
    vectors: Option<VectorSegment>,
    graph: Option<Graph>,
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
    /// Segments searched through a graph.
    pub graphs: u64,
}

/// One generation, open for reading.
pub struct Snapshot {
    manifest: Manifest,
    catalog: Catalog,
    segments: Vec<Arc<Segment>>,
    /// First row and first file number of each segment, and the totals last.
    bases: Vec<(u32, u32)>,
    /// File number by file version id.
    numbers: FxHashMap<u32, u32>,
    lexical: LexicalReader,
    /// What the commit said.
    payload: String,
}

impl Snapshot {
    /// Opens the newest generation; `None` when nothing was ever committed.
    /// Segments of `previous` that are still in force are taken over.
    pub fn open(root: &Path, previous: Option<&Self>) -> Result<Option<Self>, StoreError> {
        let mut attempt = 0;
        loop {
            // A damaged file can make tantivy panic; that is damage, not a crash.
            let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Self::open_once(root, previous)
            }))
            .unwrap_or_else(|_| Err(StoreError::damaged(root, "it cannot be read")));
            match opened {
                Err(_) if attempt < ATTEMPTS && moved_on(root, &mut attempt) => {}
                other => return other,
            }
        }
    }

    fn open_once(root: &Path, previous: Option<&Self>) -> Result<Option<Self>, StoreError> {
        let layout = Layout::new(root);
        let Some((mut lexical, payload)) = LexicalReader::open(&layout.lexical())? else {
            return Ok(None);
        };
        if payload.is_empty() && lexical.live() == 0 {
            // Created, but never committed to.
            return Ok(None);
        }
        let (manifest, catalog) = generation::read(&layout, &payload)?;
        let mut segments = Vec::with_capacity(manifest.segments.len());
        for record in &manifest.segments {
            segments.push(open_segment(&layout, record, previous)?);
        }
        let mut bases = vec![(0, 0)];
        let mut numbers = FxHashMap::default();
        for segment in &segments {
            let (rows, files) = bases[bases.len() - 1];
            for file in 0..segment.chunks.file_count() {
                numbers.insert(segment.chunks.file(file).id, files + file as u32);
            }
            bases.push((
                rows + segment.chunks.chunk_count() as u32,
                files + segment.chunks.file_count() as u32,
            ));
        }
        let damaged = |detail: &str| StoreError::damaged(&layout.lexical(), detail);
        if lexical.live() != manifest.live_chunks {
            return Err(damaged(
                "it does not hold the documents that were committed",
            ));
        }
        let places = SegmentPlaces {
            segments: &segments,
            bases: &bases,
        };
        let unknown = lexical.set_rows(|file, ordinal| {
            let file = places.file(*numbers.get(&file)?);
            let rows = places.rows(file);
            (u32::from(ordinal) < rows.len() as u32).then(|| rows.start + u32::from(ordinal))
        });
        if unknown > 0 {
            return Err(damaged("it holds documents of no known chunk"));
        }
        Ok(Some(Self {
            manifest,
            catalog,
            segments,
            bases,
            numbers,
            lexical,
            payload,
        }))
    }

    fn places(&self) -> SegmentPlaces<'_> {
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
    pub fn file_text(&self, file: u32) -> Result<String, StoreError> {
        let (segment, _, row) = self.places().file(file);
        self.segments[segment].chunks.text(&row)
    }

    /// The number of the file that a chunk belongs to.
    pub fn file_of_row(&self, row: u32) -> u32 {
        let (segment, local) = self.places().segment_of_row(row);
        self.bases[segment].1 + file_of_chunk(&self.segments[segment].chunks, local) as u32
    }

    /// What is known of a chunk.
    pub fn chunk(&self, row: u32) -> ChunkInfo<'_> {
        let (segment, local) = self.places().segment_of_row(row);
        let chunks = &self.segments[segment].chunks;
        let file = file_of_chunk(chunks, local);
        let chunk = chunks.chunk(local as usize);
        ChunkInfo {
            file: self.bases[segment].1 + file as u32,
            path: chunks.file(file).path,
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

    /// The BM25 score of every row.
    pub fn lexical(&self, query: &LexicalQuery) -> Result<LexicalScores, StoreError> {
        self.lexical.scores(query, self.rows())
    }

    /// In how many chunks a term occurs, by field.
    pub fn term_frequencies(&self, term: &str) -> Result<[u64; FIELDS.len()], StoreError> {
        self.lexical.frequencies(term)
    }

    /// The allowed rows nearest to `query` (normalised, of `model`), with
    /// their cosine, best first.
    pub fn dense(
        &self,
        query: &[f32],
        model: &str,
        allowed: &RowSet,
        limit: usize,
    ) -> Result<Vec<(u32, f32)>, StoreError> {
        let keep = limit.saturating_add(RESCORED_SPARE);
        let search = |(segment, (base, _)): (&Arc<Segment>, &(u32, u32))| {
            let Some(vectors) = segment.vectors_of(model, query.len()) else {
                return Ok(Vec::new());
            };
            let found = match &segment.graph {
                Some(graph) => graph.search(vectors, query, allowed, *base, keep)?,
                None => vectors.scan(query, allowed, *base, keep)?,
            };
            let global = found.into_iter().map(|Scored { score, row }| Scored {
                score,
                row: base + row,
            });
            Ok(global.collect())
        };
        let found: Vec<Vec<Scored>> = self
            .segments
            .par_iter()
            .zip(&self.bases)
            .map(search)
            .collect::<Result<_, StoreError>>()?;
        let mut nearest = Best::new(keep);
        for scored in found.into_iter().flatten() {
            nearest.push(scored);
        }
        let mut best = Best::new(limit);
        for Scored { row, .. } in nearest.into_sorted() {
            if let Some(score) = self.cosine(row, query, model)? {
                best.push(Scored { score, row });
            }
        }
        let sorted = best.into_sorted();
        Ok(sorted.into_iter().map(|one| (one.row, one.score)).collect())
    }

    /// The cosine of a chunk with `query`; `None` without a vector of `model`.
    pub fn cosine(&self, row: u32, query: &[f32], model: &str) -> Result<Option<f32>, StoreError> {
        let (segment, local) = self.places().segment_of_row(row);
        self.segments[segment]
            .vectors_of(model, query.len())
            .map(|vectors| vectors.cosine(query, local as usize))
            .transpose()
    }

    /// How many rows have a vector of `model`.
    pub fn rows_with_vectors(&self, model: &str, of: &RowSet) -> usize {
        of.iter()
            .filter(|row| {
                let (segment, _) = self.places().segment_of_row(*row);
                let record = &self.segments[segment].record;
                record
                    .vectors
                    .as_ref()
                    .is_some_and(|one| one.model == model)
            })
            .count()
    }

    /// Counts and sizes.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            rows: self.rows() as u64,
            segments: self.segments.len() as u64,
            ..Totals::default()
        };
        for segment in &self.segments {
            totals.text_bytes += segment.chunks.text_bytes();
            totals.vectors += segment.vectors.as_ref().map_or(0, |one| one.rows() as u64);
            totals.graphs += u64::from(segment.graph.is_some());
        }
        totals
    }

    /// Builds the graph of every segment of at least `threshold` rows that has
    /// none; gives how many were built. Open the snapshot again to use them.
    pub fn build_graphs(
        &self,
        root: &Path,
        threshold: usize,
        stop: &AtomicBool,
    ) -> Result<usize, StoreError> {
        let layout = Layout::new(root);
        let mut built = 0;
        for segment in &self.segments {
            let (Some(vectors), Some(of), None) =
                (&segment.vectors, &segment.record.vectors, &segment.graph)
            else {
                continue;
            };
            if vectors.rows() >= threshold {
                let id = segment.record.id;
                built += usize::from(Graph::build(&layout, id, of.identity, vectors, stop)?);
            }
        }
        Ok(built)
    }

    /// Reads every byte of every file and checks it.
    pub fn check(&self) -> Result<(), StoreError> {
        for segment in &self.segments {
            for file in 0..segment.chunks.file_count() {
                segment.chunks.text(&segment.chunks.file(file))?;
            }
            if let Some(vectors) = &segment.vectors {
                vectors.check()?;
            }
        }
        Ok(())
    }
}

impl Segment {
    fn vectors_of(&self, model: &str, dimensions: usize) -> Option<&VectorSegment> {
        let record = self.record.vectors.as_ref()?;
        let vectors = self.vectors.as_ref()?;
        (record.model == model && vectors.dimensions() == dimensions).then_some(vectors)
    }
}

/// Whether a commit came between, so that opening again may succeed: waits a
/// moment when it did.
fn moved_on(root: &Path, attempt: &mut u32) -> bool {
    let layout = Layout::new(root);
    let newest = |()| {
        crate::lexical::committed_payload(&layout.lexical())
            .ok()
            .flatten()
    };
    let before = newest(());
    // The first failure is always tried once more: the payload that failed is
    // not known here.
    std::thread::sleep(Duration::from_millis(u64::from(*attempt) * 5));
    *attempt += 1;
    *attempt == 1 || before != newest(())
}

fn open_segment(
    layout: &Layout,
    record: &SegmentRecord,
    previous: Option<&Snapshot>,
) -> Result<Arc<Segment>, StoreError> {
    let same = previous.and_then(|previous| {
        previous.segments.iter().find(|segment| {
            segment.record.id == record.id
                && segment.record.chunks == record.chunks
                && segment.record.vectors == record.vectors
                && segment.graph.is_some() == layout.file(&Layout::graph_name(record.id)).exists()
        })
    });
    if let Some(segment) = same {
        return Ok(Arc::clone(segment));
    }
    let path = layout.file(&Layout::chunks_name(record.id));
    let chunks = ChunkSegment::open(&path, record.chunks)?;
    if chunks.chunk_count() != record.chunk_count as usize {
        return Err(StoreError::damaged(
            &path,
            "it has another number of chunks",
        ));
    }
    let mut graph = None;
    let vectors = match &record.vectors {
        None => None,
        Some(of) => {
            let path = layout.file(&Layout::vectors_name(record.id));
            let rows = record.chunk_count as usize;
            let vectors = VectorSegment::open(&path, of.identity, of.dimensions as usize, rows)?;
            graph = Graph::open_if_right(layout, record.id, of.identity, rows);
            Some(vectors)
        }
    };
    Ok(Arc::new(Segment {
        record: record.clone(),
        chunks,
        vectors,
        graph,
    }))
}

/// The file that a chunk of a segment belongs to.
fn file_of_chunk(chunks: &ChunkSegment, chunk: u32) -> usize {
    let (mut low, mut high) = (0, chunks.file_count());
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if chunks.file(middle).first_chunk <= chunk {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Where rows and files lie among the segments.
struct SegmentPlaces<'a> {
    segments: &'a [Arc<Segment>],
    bases: &'a [(u32, u32)],
}

impl<'a> SegmentPlaces<'a> {
    fn segment_of_row(&self, row: u32) -> (usize, u32) {
        let segment = self.bases.partition_point(|base| base.0 <= row) - 1;
        (segment, row - self.bases[segment].0)
    }

    fn file(&self, number: u32) -> (usize, usize, FileRow<'a>) {
        let segment = self.bases.partition_point(|base| base.1 <= number) - 1;
        let file = (number - self.bases[segment].1) as usize;
        (segment, file, self.segments[segment].chunks.file(file))
    }

    fn rows(&self, (segment, _, row): (usize, usize, FileRow<'_>)) -> Range<u32> {
        let start = self.bases[segment].0 + row.first_chunk;
        start..start + row.chunk_count
    }
}
