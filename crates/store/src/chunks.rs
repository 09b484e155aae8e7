//! The chunk segment: files, their chunks and symbols as fixed-size rows, and
//! their texts compressed file by file.
//!
//! The tables are checked when the segment is opened, each text when it is read.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use wherein_core::{ByteRange, Chunk, ChunkKind, Language, Span, words};
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::{FORMAT_VERSION, language_from_code};
use crate::error::StoreError;
use crate::sections::{Identity, SectionWriter, Sections};

const TEXTS: u32 = 1;
const FILES: u32 = 2;
const CHUNKS: u32 = 3;
const SYMBOLS: u32 = 4;
const SYMBOL_INDEX: u32 = 5;
const STRINGS: u32 = 6;

/// Where the number of the first chunk stands in the row of a file.
const FIRST_CHUNK_AT: usize = 4 + 8 + 32 + 4;
const FILE_ROW: usize = 4 + 8 + 32 + 4 + 4 + 4 + 8 + 4 + 4 + 8;
const CHUNK_ROW: usize = 4 * 4 + 4 + 8 + 8 + 4 + 4;
const SYMBOL_ROW: usize = 4 + 8 + 8 + 4 * 4 + 8 + 8 + 4;
const INDEX_ROW: usize = 8 + 4;

/// What is written of one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileInput<'a> {
    pub(crate) id: u32,
    pub(crate) path: &'a str,
    pub(crate) hash: [u8; 32],
    pub(crate) language: Language,
    pub(crate) text: &'a str,
    pub(crate) chunks: &'a [Chunk],
}

/// Rows of a fixed size under construction.
#[derive(Default)]
struct Rows(Vec<u8>);

impl Rows {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn range(&mut self, value: ByteRange) -> &mut Self {
        self.u32(value.start).u32(value.end)
    }
}

/// Builds a segment in memory, texts compressed, and writes it in one go.
#[derive(Default)]
pub(crate) struct ChunkSegmentBuilder {
    texts: Vec<u8>,
    files: Rows,
    chunks: Rows,
    symbols: Rows,
    index: Vec<(u64, u32)>,
    strings: Vec<u8>,
    interned: FxHashMap<Box<str>, (u32, u32)>,
    file_count: u32,
    chunk_count: u32,
    symbol_count: u32,
}

impl ChunkSegmentBuilder {
    pub(crate) fn chunk_count(&self) -> u32 {
        self.chunk_count
    }

    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        self.texts.len() + self.chunks.0.len() + self.symbols.0.len() + self.strings.len()
    }

    fn intern(&mut self, text: &str) -> (u32, u32) {
        if let Some(&place) = self.interned.get(text) {
            return place;
        }
        let place = (self.strings.len() as u32, text.len() as u32);
        self.strings.extend_from_slice(text.as_bytes());
        self.interned.insert(text.into(), place);
        place
    }

    pub(crate) fn add(&mut self, file: &FileInput<'_>) {
        let compressed = lz4_flex::block::compress(file.text.as_bytes());
        self.add_compressed(file, &compressed, file.text.len() as u32, file.chunks);
    }

    fn add_compressed(
        &mut self,
        file: &FileInput<'_>,
        compressed: &[u8],
        text_len: u32,
        chunks: &[Chunk],
    ) {
        let path = self.intern(file.path);
        let text_offset = self.texts.len() as u64;
        self.texts.extend_from_slice(compressed);
        self.files
            .u32(file.id)
            .u32(path.0)
            .u32(path.1)
            .0
            .extend_from_slice(&file.hash);
        self.files
            .u32(u32::from(file.language as u8))
            .u32(self.chunk_count)
            .u32(chunks.len() as u32)
            .u64(text_offset)
            .u32(compressed.len() as u32)
            .u32(text_len)
            .u64(xxh3_64(compressed));
        for chunk in chunks {
            self.add_chunk(chunk);
        }
        self.file_count += 1;
    }

    fn add_chunk(&mut self, chunk: &Chunk) {
        let symbol = self.intern(chunk.symbol.as_deref().unwrap_or(""));
        let breadcrumb = self.intern(&chunk.breadcrumb);
        let row = self.chunk_count;
        self.chunks
            .range(chunk.span.bytes)
            .u32(chunk.span.start_line)
            .u32(chunk.span.end_line)
            .u8(chunk.kind as u8)
            .u8(chunk.language as u8)
            .u8(u8::from(chunk.symbol.is_some()))
            .u8(0)
            .u32(symbol.0)
            .u32(symbol.1)
            .u32(breadcrumb.0)
            .u32(breadcrumb.1)
            .u32(self.symbol_count)
            .u32(chunk.symbols.len() as u32);
        for symbol in &chunk.symbols {
            let name = self.intern(&symbol.name);
            let breadcrumb = self.intern(&symbol.breadcrumb);
            self.symbols
                .u32(row)
                .u32(name.0)
                .u32(name.1)
                .u32(breadcrumb.0)
                .u32(breadcrumb.1)
                .range(symbol.span.bytes)
                .u32(symbol.span.start_line)
                .u32(symbol.span.end_line)
                .range(symbol.signature)
                .range(symbol.doc)
                .u32(symbol.kind as u32);
            self.index
                .push((symbol_key(&symbol.name), self.symbol_count));
            if let Some(last) = last_part(&symbol.name) {
                self.index.push((symbol_key(last), self.symbol_count));
            }
            self.symbol_count += 1;
        }
        self.chunk_count += 1;
    }

    /// Copies a file of another segment as it is.
    pub(crate) fn copy(&mut self, from: &ChunkSegment, file: usize) -> Result<(), StoreError> {
        let row = from.file(file);
        let chunks: Vec<Chunk> = row
            .chunks()
            .map(|chunk| from.chunk(chunk).to_chunk(from))
            .collect();
        let stored = from.stored_text(&row)?;
        let input = FileInput {
            id: row.id,
            path: row.path,
            hash: row.hash,
            language: row.language,
            text: "",
            chunks: &[],
        };
        self.add_compressed(&input, stored, row.text_len, &chunks);
        Ok(())
    }

    pub(crate) fn write(mut self, path: &Path) -> Result<Identity, StoreError> {
        self.index.sort_unstable();
        let mut index = Rows::default();
        for (key, row) in &self.index {
            index.u64(*key).u32(*row);
        }
        let mut out = SectionWriter::create(path, FORMAT_VERSION)?;
        out.section(TEXTS, &self.texts)?;
        out.section(FILES, &self.files.0)?;
        out.section(CHUNKS, &self.chunks.0)?;
        out.section(SYMBOLS, &self.symbols.0)?;
        out.section(SYMBOL_INDEX, &index.0)?;
        out.section(STRINGS, &self.strings)?;
        out.finish()
    }
}

/// The key under which a symbol's name is found: without regard to case style.
fn symbol_key(name: &str) -> u64 {
    xxh3_64(words::identifier_key(name).as_bytes())
}

/// What a name made of several (`aws_instance.web`, `Service/web`,
/// `section#intro`) ends with: people ask for that alone too.
fn last_part(name: &str) -> Option<&str> {
    let (_, last) = name.rsplit_once(['.', '/', '#', ':', ' '])?;
    (!words::identifier_key(last).is_empty()).then_some(last)
}

/// A chunk segment, open for reading.
pub(crate) struct ChunkSegment {
    sections: Sections,
    files: std::ops::Range<usize>,
    chunks: std::ops::Range<usize>,
    symbols: std::ops::Range<usize>,
    index: std::ops::Range<usize>,
    strings: std::ops::Range<usize>,
    texts: std::ops::Range<usize>,
}

#[derive(Clone, Copy)]
struct Row<'a>(&'a [u8], usize);

impl Row<'_> {
    fn u8(&mut self) -> u8 {
        self.1 += 1;
        self.0[self.1 - 1]
    }
    fn u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[self.1..self.1 + 4]);
        self.1 += 4;
        u32::from_le_bytes(bytes)
    }
    fn u64(&mut self) -> u64 {
        u64::from(self.u32()) | u64::from(self.u32()) << 32
    }
    fn range(&mut self) -> ByteRange {
        ByteRange {
            start: self.u32(),
            end: self.u32(),
        }
    }
}

/// A file of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileRow<'a> {
    pub(crate) id: u32,
    pub(crate) path: &'a str,
    pub(crate) hash: [u8; 32],
    pub(crate) language: Language,
    pub(crate) first_chunk: u32,
    pub(crate) chunk_count: u32,
    text_offset: u64,
    stored_len: u32,
    text_len: u32,
    checksum: u64,
}

impl FileRow<'_> {
    pub(crate) fn chunks(&self) -> std::ops::Range<usize> {
        self.first_chunk as usize..(self.first_chunk + self.chunk_count) as usize
    }
}

/// A chunk of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkRow<'a> {
    pub(crate) span: Span,
    pub(crate) kind: ChunkKind,
    pub(crate) language: Language,
    pub(crate) symbol: Option<&'a str>,
    pub(crate) breadcrumb: &'a str,
    first_symbol: u32,
    symbol_count: u32,
}

impl ChunkRow<'_> {
    pub(crate) fn symbols(&self) -> std::ops::Range<usize> {
        self.first_symbol as usize..(self.first_symbol + self.symbol_count) as usize
    }

    fn to_chunk(self, segment: &ChunkSegment) -> Chunk {
        Chunk {
            span: self.span,
            kind: self.kind,
            symbol: self.symbol.map(str::to_owned),
            breadcrumb: self.breadcrumb.to_owned(),
            language: self.language,
            symbols: self
                .symbols()
                .map(|symbol| {
                    let row = segment.symbol(symbol);
                    wherein_core::Symbol {
                        name: row.name.to_owned(),
                        kind: row.kind,
                        breadcrumb: row.breadcrumb.to_owned(),
                        span: row.span,
                        signature: row.signature,
                        doc: row.doc,
                    }
                })
                .collect(),
        }
    }
}

/// A definition of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SymbolRow<'a> {
    pub(crate) chunk: u32,
    pub(crate) name: &'a str,
    pub(crate) breadcrumb: &'a str,
    pub(crate) span: Span,
    pub(crate) signature: ByteRange,
    pub(crate) doc: ByteRange,
    pub(crate) kind: ChunkKind,
}

fn kind_from_code(code: usize) -> ChunkKind {
    ChunkKind::ALL.get(code).copied().unwrap_or(ChunkKind::Code)
}

impl ChunkSegment {
    pub(crate) fn open(path: &Path, identity: Identity) -> Result<Self, StoreError> {
        let sections = Sections::open(path, FORMAT_VERSION, identity)?;
        for tag in [FILES, CHUNKS, SYMBOLS, SYMBOL_INDEX, STRINGS] {
            sections.verified(tag)?;
        }
        let segment = Self {
            files: sections.range(FILES)?,
            chunks: sections.range(CHUNKS)?,
            symbols: sections.range(SYMBOLS)?,
            index: sections.range(SYMBOL_INDEX)?,
            strings: sections.range(STRINGS)?,
            texts: sections.range(TEXTS)?,
            sections,
        };
        let whole = segment.files.len().is_multiple_of(FILE_ROW)
            && segment.chunks.len().is_multiple_of(CHUNK_ROW)
            && segment.symbols.len().is_multiple_of(SYMBOL_ROW)
            && segment.index.len().is_multiple_of(INDEX_ROW);
        if !whole
            || std::str::from_utf8(&segment.sections.bytes()[segment.strings.clone()]).is_err()
        {
            return Err(StoreError::damaged(path, "its tables do not fit"));
        }
        Ok(segment)
    }

    pub(crate) fn file_count(&self) -> usize {
        self.files.len() / FILE_ROW
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len() / CHUNK_ROW
    }

    fn string(&self, start: u32, len: u32) -> &str {
        let strings = &self.sections.bytes()[self.strings.clone()];
        strings
            .get(start as usize..start as usize + len as usize)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or("")
    }

    fn row(&self, table: &std::ops::Range<usize>, size: usize, row: usize) -> Row<'_> {
        let start = table.start + row * size;
        Row(&self.sections.bytes()[start..start + size], 0)
    }

    /// The path of a file, without all else.
    pub(crate) fn path(&self, file: usize) -> &str {
        let mut row = self.row(&self.files, FILE_ROW, file);
        row.u32();
        self.string(row.u32(), row.u32())
    }

    /// The first chunk of a file, without its path.
    pub(crate) fn first_chunk(&self, file: usize) -> u32 {
        let mut row = self.row(&self.files, FILE_ROW, file);
        row.1 += FIRST_CHUNK_AT;
        row.u32()
    }

    pub(crate) fn file(&self, file: usize) -> FileRow<'_> {
        let mut row = self.row(&self.files, FILE_ROW, file);
        let id = row.u32();
        let path = self.string(row.u32(), row.u32());
        let mut hash = [0; 32];
        hash.copy_from_slice(&row.0[row.1..row.1 + 32]);
        row.1 += 32;
        FileRow {
            id,
            path,
            hash,
            language: language_from_code(row.u32() as u8),
            first_chunk: row.u32(),
            chunk_count: row.u32(),
            text_offset: row.u64(),
            stored_len: row.u32(),
            text_len: row.u32(),
            checksum: row.u64(),
        }
    }

    pub(crate) fn chunk(&self, chunk: usize) -> ChunkRow<'_> {
        let mut row = self.row(&self.chunks, CHUNK_ROW, chunk);
        let span = Span {
            bytes: row.range(),
            start_line: row.u32(),
            end_line: row.u32(),
        };
        let kind = kind_from_code(row.u8() as usize);
        let language = language_from_code(row.u8());
        let named = row.u8() != 0;
        row.u8();
        let symbol = self.string(row.u32(), row.u32());
        ChunkRow {
            span,
            kind,
            language,
            symbol: named.then_some(symbol),
            breadcrumb: self.string(row.u32(), row.u32()),
            first_symbol: row.u32(),
            symbol_count: row.u32(),
        }
    }

    pub(crate) fn symbol(&self, symbol: usize) -> SymbolRow<'_> {
        let mut row = self.row(&self.symbols, SYMBOL_ROW, symbol);
        SymbolRow {
            chunk: row.u32(),
            name: self.string(row.u32(), row.u32()),
            breadcrumb: self.string(row.u32(), row.u32()),
            span: Span {
                bytes: row.range(),
                start_line: row.u32(),
                end_line: row.u32(),
            },
            signature: row.range(),
            doc: row.range(),
            kind: kind_from_code(row.u32() as usize),
        }
    }

    /// Kind and language of a chunk, without the rest: what filters look at.
    pub(crate) fn kind_and_language(&self, chunk: usize) -> (u8, u8) {
        let start = self.chunks.start + chunk * CHUNK_ROW + 16;
        let bytes = self.sections.bytes();
        (bytes[start], bytes[start + 1])
    }

    /// Symbols whose name, or its last part, is `name` but for its case style.
    pub(crate) fn symbols_named(&self, name: &str) -> Vec<usize> {
        let key = symbol_key(name);
        let count = self.index.len() / INDEX_ROW;
        let at = |row: usize| self.row(&self.index, INDEX_ROW, row).u64();
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if at(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let wanted = words::identifier_key(name);
        (low..count)
            .take_while(|row| at(*row) == key)
            .map(|row| {
                let mut row = self.row(&self.index, INDEX_ROW, row);
                row.u64();
                row.u32() as usize
            })
            .filter(|symbol| {
                let name = self.symbol(*symbol).name;
                let is_wanted = |name: &str| words::identifier_key(name) == wanted;
                is_wanted(name) || last_part(name).is_some_and(is_wanted)
            })
            .collect()
    }

    fn stored_text(&self, file: &FileRow<'_>) -> Result<&[u8], StoreError> {
        let start = file.text_offset as usize;
        let stored = self.sections.bytes()[self.texts.clone()]
            .get(start..start + file.stored_len as usize)
            .filter(|stored| xxh3_64(stored) == file.checksum);
        stored.ok_or_else(|| {
            StoreError::damaged(
                self.sections.path(),
                format!("the checksum of the text of {} is wrong", file.path),
            )
        })
    }

    /// The text of a file as it was indexed.
    pub(crate) fn text(&self, file: &FileRow<'_>) -> Result<Arc<str>, StoreError> {
        let damaged = |error: &dyn std::fmt::Display| {
            StoreError::damaged(
                self.sections.path(),
                format!("the text of {} cannot be unpacked: {error}", file.path),
            )
        };
        let bytes = lz4_flex::block::decompress(self.stored_text(file)?, file.text_len as usize)
            .map_err(|error| damaged(&error))?;
        // The standard library's check takes longer than unpacking does.
        match simdutf8::basic::from_utf8(&bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(damaged(&error)),
        }
    }

    /// Bytes of the texts before compression.
    pub(crate) fn text_bytes(&self) -> u64 {
        (0..self.file_count())
            .map(|file| u64::from(self.file(file).text_len))
            .sum()
    }
}
