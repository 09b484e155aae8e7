//! Opens a generation: from the commit payload to checked segments, postings
//! that know their rows, and the graph where it fits.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use wherein_core::caught;

use crate::catalog::{Catalog, Manifest, SegmentRecord};
use crate::chunks::ChunkSegment;
use crate::disk::Layout;
use crate::error::StoreError;
use crate::generation;
use crate::graph::Graph;
use crate::lexical::{LexicalReader, Place};
use crate::snapshot::{Linked, Segment, SegmentPlaces, Snapshot};
use crate::vectors::VectorSegment;

/// A generation as the writer knows it that has just put it in force.
pub struct Committed {
    pub(crate) payload: String,
    pub(crate) manifest: Manifest,
    pub(crate) catalog: Catalog,
}

/// How often opening is tried again when commits come between.
const ATTEMPTS: u32 = 20;

impl Snapshot {
    /// Opens the newest generation; `None` when nothing was ever committed.
    /// Segments of `previous` that are still in force are taken over.
    pub fn open(root: &Path, previous: Option<&Self>) -> Result<Option<Self>, StoreError> {
        Self::open_committed(root, previous, None)
    }

    /// As [`Snapshot::open`], right after a commit: what its writer knows is not read,
    /// unless another commit came after it.
    pub fn open_committed(
        root: &Path,
        previous: Option<&Self>,
        mut committed: Option<Committed>,
    ) -> Result<Option<Self>, StoreError> {
        let mut attempt = 0;
        loop {
            // A damaged file can make tantivy panic; that is damage, not a crash.
            let opened = caught(|| Self::open_once(root, previous, &mut committed)).unwrap_or_else(
                |panic| {
                    Err(StoreError::damaged(
                        root,
                        format!("it cannot be read: {panic}"),
                    ))
                },
            );
            match opened {
                Err(_) if attempt < ATTEMPTS && moved_on(root, &mut attempt) => {}
                other => return other,
            }
        }
    }

    fn open_once(
        root: &Path,
        previous: Option<&Self>,
        committed: &mut Option<Committed>,
    ) -> Result<Option<Self>, StoreError> {
        let layout = Layout::new(root);
        let Some(payload) = crate::lexical::committed_payload(&layout.lexical())? else {
            return Ok(None);
        };
        // What another version wrote is told as such before a byte of it is read.
        let generation = match committed.take() {
            _ if payload.is_empty() => None,
            Some(known) if known.payload == payload => Some((known.manifest, known.catalog)),
            _ => Some(generation::read(&layout, &payload)?),
        };
        let Some((mut lexical, opened)) = LexicalReader::open(
            &layout.lexical(),
            previous.map(|previous| &previous.lexical),
        )?
        else {
            return Ok(None);
        };
        if opened != payload {
            return Err(StoreError::Lexical {
                path: layout.lexical(),
                detail: "a commit came between; open it again".to_owned(),
            });
        }
        let (manifest, catalog) = match generation {
            Some(generation) => generation,
            // Created, but never committed to.
            None if lexical.live() == 0 => return Ok(None),
            None => generation::read(&layout, &payload)?,
        };
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
        let (rows, files) = bases[bases.len() - 1];
        // Chunks of a file mostly follow each other.
        let mut last: Option<(u32, u32, Range<u32>)> = None;
        let unknown = lexical.set_places((rows as usize, files as usize), |id, ordinal| {
            let (_, file, rows) = match &last {
                Some(same) if same.0 == id => same,
                _ => {
                    let file = *numbers.get(&id)?;
                    last.insert((id, file, places.rows(places.file(file))))
                }
            };
            (u32::from(ordinal) < rows.len() as u32).then(|| Place {
                row: rows.start + u32::from(ordinal),
                file: *file,
            })
        });
        if unknown > 0 {
            return Err(damaged("it holds documents of no known chunk"));
        }
        let previous = previous.and_then(|previous| previous.linked.as_ref());
        let graph = Graph::open_if_right(&layout.graph(), previous.map(|linked| &linked.graph));
        let linked = graph.and_then(|graph| linked(graph, &segments));
        Ok(Some(Self {
            manifest,
            catalog,
            segments,
            bases,
            numbers,
            lexical,
            linked,
            payload,
        }))
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
                && segment.record.quality == record.quality
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
    Ok(Arc::new(Segment {
        record: record.clone(),
        chunks,
        vectors: record.open_vectors(layout)?,
        quality: record.open_quality(layout)?,
    }))
}

/// The graph with the segments that it is over, when all of them are in force.
fn linked(graph: Arc<Graph>, segments: &[Arc<Segment>]) -> Option<Linked> {
    let position = |of| {
        segments.iter().position(|segment| {
            let vectors = segment.record.vectors.as_ref();
            vectors.is_some_and(|vectors| vectors.identity == of)
        })
    };
    let numbers: Vec<usize> = graph
        .covered()
        .iter()
        .map(|of| position(*of))
        .collect::<Option<_>>()?;
    let rows: usize = numbers
        .iter()
        .filter_map(|number| segments[*number].vectors.as_ref())
        .map(VectorSegment::rows)
        .sum();
    (rows == graph.rows() as usize && rows > 0).then_some(Linked {
        graph,
        segments: numbers,
    })
}
