//! Small indexes made of sentences: one line, one chunk.

use std::path::Path;

use wherein_core::{ByteRange, Chunk, ChunkKind, ContentHash, FileStat, Language, Span, Symbol};
use wherein_store::{NewFile, Snapshot, StatRecord, View, ViewFile, Writer, WriterOptions};

pub(crate) const DIMENSIONS: usize = 16;
pub(crate) const MODEL: &str = "test-model";

/// A vector that depends on the text alone: a bag of hashed words.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let mut sums = [0.0_f32; DIMENSIONS];
    for term in wherein_store::terms(text) {
        let hash = blake3::hash(term.as_bytes());
        for (sum, byte) in sums.iter_mut().zip(hash.as_bytes()) {
            *sum += f32::from(*byte) - 127.5;
        }
    }
    let norm = sums.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-9);
    sums.iter().map(|x| x / norm).collect()
}

/// One chunk for each line; the first word of a line is its symbol.
pub(crate) fn chunks(text: &str) -> Vec<Chunk> {
    let mut start = 0;
    let mut chunks = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let bytes = ByteRange {
            start,
            end: start + line.len() as u32,
        };
        start += line.len() as u32 + 1;
        let Some(name) = line.split(' ').next().filter(|name| !name.is_empty()) else {
            continue;
        };
        let span = Span {
            bytes,
            start_line: number as u32 + 1,
            end_line: number as u32 + 1,
        };
        chunks.push(Chunk {
            span,
            kind: ChunkKind::Function,
            symbol: Some(name.to_owned()),
            breadcrumb: format!("module::{name}"),
            language: Language::Rust,
            symbols: vec![Symbol {
                name: name.to_owned(),
                kind: ChunkKind::Function,
                breadcrumb: format!("module::{name}"),
                span,
                signature: bytes,
                doc: ByteRange::default(),
            }],
        });
    }
    chunks
}

pub(crate) fn writer(root: &Path) -> Writer {
    Writer::open(root, &options()).expect("opens for writing")
}

pub(crate) fn options() -> WriterOptions {
    WriterOptions {
        threads: 1,
        model: Some((MODEL.to_owned(), DIMENSIONS)),
        mend: false,
    }
}

pub(crate) fn add(writer: &mut Writer, path: &str, text: &str) -> ViewFile {
    let chunks = chunks(text);
    let vectors: Vec<f32> = chunks
        .iter()
        .flat_map(|chunk| vector(chunk.span.bytes.of(text)))
        .collect();
    let id = writer
        .add(&NewFile {
            path,
            hash: ContentHash(*blake3::hash(text.as_bytes()).as_bytes()),
            language: Language::Rust,
            text,
            chunks: &chunks,
            vectors: Some(&vectors),
            recipe: 7,
        })
        .expect("adds");
    ViewFile {
        id,
        stat: StatRecord::new(FileStat::default(), i64::MAX),
    }
}

pub(crate) fn view(root: &str, files: Vec<ViewFile>) -> View {
    View {
        root: root.to_owned(),
        complete: true,
        files,
        ..View::default()
    }
}

/// An index of these files, committed as the view `here`.
pub(crate) fn index(root: &Path, files: &[(&str, &str)]) {
    let mut writer = writer(root);
    let files = files
        .iter()
        .map(|(path, text)| add(&mut writer, path, text))
        .collect();
    writer.commit(view("here", files)).expect("commits");
}

pub(crate) fn open(root: &Path) -> Snapshot {
    Snapshot::open(root, None)
        .expect("opens")
        .expect("has a commit")
}

pub(crate) fn words(query: &str) -> wherein_store::LexicalQuery {
    wherein_store::LexicalQuery {
        terms: wherein_store::terms(query)
            .into_iter()
            .map(|term| (term, 1.0))
            .collect(),
        fields: [1.0; 5],
        guesses: 0,
    }
}

/// Paths and lines of the best rows of a view by words.
pub(crate) fn found(snapshot: &Snapshot, root: &str, query: &str) -> Vec<(String, u32)> {
    let Some(view) = snapshot.catalog().view(root) else {
        return Vec::new();
    };
    let rows = snapshot.view_rows(view);
    let scores = snapshot
        .lexical(&words(query), &snapshot.statistics(&rows), None)
        .expect("searches");
    let mut places: Vec<(String, u32)> = scores
        .best(&rows, 100)
        .into_iter()
        .map(|(row, _)| {
            let chunk = snapshot.chunk(row);
            (chunk.path.to_owned(), chunk.span.start_line)
        })
        .collect();
    places.sort();
    places
}
