//! Keeps segments few and alive: those that are mostly dead are written anew, and
//! small ones together.

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::SegmentRecord;
use crate::chunks::{ChunkSegment, ChunkSegmentBuilder};
use crate::disk::Layout;
use crate::error::StoreError;
use crate::quality::QualityInProgress;
use crate::sections::Identity;
use crate::snapshot::Snapshot;
use crate::vectors::VectorSegmentBuilder;
use crate::writer::{SegmentInProgress, Writer};

/// Segments smaller than this, in chunks, are merged when there are many.
const SMALL_SEGMENT: u32 = 8_000;

/// How many small segments may lie about.
const MAX_SMALL_SEGMENTS: usize = 6;

/// Which file versions segments hold, so that they need not be opened again for it.
#[derive(Default)]
pub(crate) struct Contents(FxHashMap<Identity, Vec<FileChunks>>);

/// A file version, and how many chunks it has.
#[derive(Clone, Copy)]
struct FileChunks {
    id: u32,
    chunks: u32,
}

impl Contents {
    fn of(chunks: &ChunkSegment) -> Vec<FileChunks> {
        let files = (0..chunks.file_count()).map(|file| chunks.file(file));
        files
            .map(|file| FileChunks {
                id: file.id,
                chunks: file.chunk_count,
            })
            .collect()
    }

    /// Those of the segments of an open generation.
    pub(crate) fn of_all(snapshot: &Snapshot) -> Self {
        let segments = snapshot.segments.iter();
        let all = segments.map(|one| (one.record.chunks, Self::of(&one.chunks)));
        Self(all.collect())
    }

    /// Opens a segment unless it is known.
    fn know(&mut self, layout: &Layout, record: &SegmentRecord) -> Result<(), StoreError> {
        if let Entry::Vacant(unknown) = self.0.entry(record.chunks) {
            let path = layout.file(&Layout::chunks_name(record.id));
            let chunks = ChunkSegment::open(&path, record.chunks)?;
            unknown.insert(Self::of(&chunks));
        }
        Ok(())
    }

    /// How many chunks of a segment belong to files that are held; `None` when none
    /// of its files is.
    fn live(&self, record: &SegmentRecord, held: &FxHashSet<u32>) -> Option<u32> {
        let files = self.0.get(&record.chunks).into_iter().flatten();
        let live = files.filter(|file| held.contains(&file.id));
        live.map(|file| file.chunks)
            .reduce(|sum, chunks| sum + chunks)
    }
}

impl Writer {
    /// Rewrites segments that are mostly dead, and small ones when there are many.
    pub(crate) fn compact(&mut self, held: &FxHashSet<u32>) -> Result<(), StoreError> {
        let mut rewrite: Vec<usize> = Vec::new();
        let mut small: Vec<usize> = Vec::new();
        let mut gone: Vec<usize> = Vec::new();
        for record in &self.manifest.segments {
            self.contents.know(&self.layout, record)?;
        }
        for (number, record) in self.manifest.segments.iter().enumerate() {
            let Some(live) = self.contents.live(record, held) else {
                gone.push(number);
                continue;
            };
            if live * 2 < record.chunk_count {
                rewrite.push(number);
            } else if record.chunk_count < SMALL_SEGMENT {
                small.push(number);
            }
        }
        if small.len() > MAX_SMALL_SEGMENTS {
            rewrite.append(&mut small);
            rewrite.sort_unstable();
        }
        let merged = self.merge(&rewrite, held)?;
        let mut number = 0;
        self.manifest.segments.retain(|_| {
            let keep = !gone.contains(&number) && !rewrite.contains(&number);
            number += 1;
            keep
        });
        self.manifest.segments.extend(merged);
        Ok(())
    }

    pub(crate) fn open_chunks(&self, record: &SegmentRecord) -> Result<ChunkSegment, StoreError> {
        let path = self.layout.file(&Layout::chunks_name(record.id));
        ChunkSegment::open(&path, record.chunks)
    }

    /// The live files of some segments as new segments, one for each model.
    fn merge(
        &mut self,
        segments: &[usize],
        held: &FxHashSet<u32>,
    ) -> Result<Vec<SegmentRecord>, StoreError> {
        let records: Vec<SegmentRecord> = segments
            .iter()
            .map(|number| self.manifest.segments[*number].clone())
            .collect();
        let mut written: Vec<SegmentRecord> = Vec::new();
        let mut done = vec![false; records.len()];
        for first in 0..records.len() {
            if done[first] {
                continue;
            }
            let of = records[first]
                .vectors
                .as_ref()
                .map(|one| (one.model.clone(), one.dimensions as usize));
            self.manifest.next_segment += 1;
            let mut target = SegmentInProgress {
                id: self.manifest.next_segment,
                chunks: ChunkSegmentBuilder::default(),
                vectors: of.as_ref().map(|(_, d)| VectorSegmentBuilder::new(*d)),
                quality: QualityInProgress::of_newest(&records, &mut self.manifest),
            };
            for (number, record) in records.iter().enumerate().skip(first) {
                let model = record
                    .vectors
                    .as_ref()
                    .map(|one| (one.model.clone(), one.dimensions as usize));
                if done[number] || model != of {
                    continue;
                }
                done[number] = true;
                self.copy_live(record, &mut target, held)?;
            }
            let current = std::mem::replace(&mut self.model, of);
            let record = self.write_built(target);
            self.model = current;
            written.push(record?);
        }
        Ok(written)
    }

    fn copy_live(
        &self,
        record: &SegmentRecord,
        target: &mut SegmentInProgress,
        held: &FxHashSet<u32>,
    ) -> Result<(), StoreError> {
        let chunks = self.open_chunks(record)?;
        let vectors = record.open_vectors(&self.layout)?;
        let quality = record.open_quality(&self.layout)?;
        for number in 0..chunks.file_count() {
            let file = chunks.file(number);
            if !held.contains(&file.id) {
                continue;
            }
            target.chunks.copy(&chunks, number)?;
            if let (Some(from), Some(to)) = (&vectors, &mut target.vectors) {
                to.copy(from, file.chunks())?;
            }
            if let Some(to) = &mut target.quality {
                let same = to.is_of(record);
                to.copy(quality.as_ref().filter(|_| same), file.chunks())?;
            }
        }
        Ok(())
    }
}
