//! Vectors of a second model, which stream in behind the first: a file beside each
//! segment, written anew as more of its chunks have one.

use std::ops::Range;

use rustc_hash::FxHashMap;
use wherein_core::{Chunk, Symbol};

use crate::catalog::{Manifest, QualityRecord, SegmentRecord, VectorRecord};
use crate::disk::Layout;
use crate::error::StoreError;
use crate::snapshot::Snapshot;
use crate::vectors::{VectorSegment, VectorSegmentBuilder};
use crate::writer::Writer;

/// Vectors of some file versions: `[chunks, dimensions] f32` by id of the version.
pub type VectorsOfFiles = FxHashMap<u32, Vec<f32>>;

/// A file of such vectors under construction.
pub(crate) struct QualityInProgress {
    serial: u64,
    model: String,
    dimensions: u32,
    rows: VectorSegmentBuilder,
}

impl QualityInProgress {
    fn new(model: &str, dimensions: u32, manifest: &mut Manifest) -> Self {
        manifest.next_segment += 1;
        Self {
            serial: manifest.next_segment,
            model: model.to_owned(),
            dimensions,
            rows: VectorSegmentBuilder::new(dimensions as usize),
        }
    }

    /// For the merger of some segments: of the model that came last.
    pub(crate) fn of_newest(records: &[SegmentRecord], manifest: &mut Manifest) -> Option<Self> {
        let newest = records
            .iter()
            .filter_map(|record| record.quality.as_ref())
            .max_by_key(|quality| quality.serial)?;
        let VectorRecord {
            model, dimensions, ..
        } = &newest.vectors;
        Some(Self::new(model, *dimensions, manifest))
    }

    /// Whether the vectors of a segment are of the same model.
    pub(crate) fn is_of(&self, record: &SegmentRecord) -> bool {
        record.quality.as_ref().is_some_and(|one| {
            one.vectors.model == self.model && one.vectors.dimensions == self.dimensions
        })
    }

    /// Takes over rows, or notes that they have no vector.
    pub(crate) fn copy(
        &mut self,
        from: Option<&VectorSegment>,
        rows: Range<usize>,
    ) -> Result<(), StoreError> {
        if let Some(from) = from {
            return self.rows.copy(from, rows);
        }
        rows.for_each(|_| self.rows.push_absent());
        Ok(())
    }

    pub(crate) fn write(self, layout: &Layout, segment: u64) -> Result<QualityRecord, StoreError> {
        let path = layout.file(&Layout::quality_name(segment, self.serial));
        Ok(QualityRecord {
            serial: self.serial,
            vectors: VectorRecord {
                identity: self.rows.write(&path)?,
                model: self.model,
                dimensions: self.dimensions,
            },
        })
    }
}

impl SegmentRecord {
    /// The vectors of the segment, if it has any.
    pub(crate) fn open_vectors(
        &self,
        layout: &Layout,
    ) -> Result<Option<VectorSegment>, StoreError> {
        let open = |of: &VectorRecord| self.open_rows(layout, &Layout::vectors_name(self.id), of);
        self.vectors.as_ref().map(open).transpose()
    }

    /// Its vectors of a second model.
    pub(crate) fn open_quality(
        &self,
        layout: &Layout,
    ) -> Result<Option<VectorSegment>, StoreError> {
        let open = |of: &QualityRecord| {
            let name = Layout::quality_name(self.id, of.serial);
            self.open_rows(layout, &name, &of.vectors)
        };
        self.quality.as_ref().map(open).transpose()
    }

    fn open_rows(
        &self,
        layout: &Layout,
        name: &str,
        of: &VectorRecord,
    ) -> Result<VectorSegment, StoreError> {
        let rows = self.chunk_count as usize;
        VectorSegment::open(
            &layout.file(name),
            of.identity,
            of.dimensions as usize,
            rows,
        )
    }
}

impl Writer {
    /// Gives the chunks of some file versions vectors of a second model, and
    /// commits. Those that other chunks have of it stay; those of another
    /// second model go segment by segment. Versions that are gone are passed over.
    ///
    /// # Errors
    /// [`StoreError::Misuse`] when the vectors do not fit the chunks, or when this
    /// writer has added what it did not commit.
    pub fn add_quality(
        &mut self,
        model: &str,
        dimensions: usize,
        of: &VectorsOfFiles,
    ) -> Result<u64, StoreError> {
        if self.has_uncommitted() {
            return Err(StoreError::Misuse(
                "vectors are added by a writer that has added nothing else".to_owned(),
            ));
        }
        let mut records = std::mem::take(&mut self.manifest.segments);
        let written = records
            .iter_mut()
            .try_for_each(|record| self.add_to(record, model, dimensions, of));
        self.manifest.segments = records;
        written?;
        self.commit_catalog()
    }

    fn add_to(
        &mut self,
        record: &mut SegmentRecord,
        model: &str,
        dimensions: usize,
        of: &VectorsOfFiles,
    ) -> Result<(), StoreError> {
        let chunks = self.open_chunks(record)?;
        let files = || (0..chunks.file_count()).map(|file| chunks.file(file));
        if !files().any(|file| of.contains_key(&file.id)) {
            return Ok(());
        }
        let mut target = QualityInProgress::new(model, dimensions as u32, &mut self.manifest);
        let before = record.open_quality(&self.layout)?;
        let before = before.filter(|_| target.is_of(record));
        for file in files() {
            let Some(rows) = of.get(&file.id) else {
                target.copy(before.as_ref(), file.chunks())?;
                continue;
            };
            if rows.len() != file.chunks().len() * dimensions {
                return Err(StoreError::Misuse(format!(
                    "the vectors of {} do not fit its {} chunks",
                    file.path,
                    file.chunks().len()
                )));
            }
            for row in rows.chunks_exact(dimensions) {
                target.rows.push(row);
            }
        }
        record.quality = Some(target.write(&self.layout, record.id)?);
        Ok(())
    }
}

impl Snapshot {
    /// Whether all chunks of a file have a vector of `model`.
    pub fn file_has_vectors(&self, file: u32, model: &str) -> bool {
        let rows = self.file_rows(file);
        if rows.is_empty() {
            return true;
        }
        let (segment, local) = self.places().segment_of_row(rows.start);
        let mut local = local as usize..local as usize + rows.len();
        self.segments[segment]
            .vectors_by(model)
            .is_some_and(|vectors| local.all(|row| vectors.has(row)))
    }

    /// A chunk with its definitions, as the chunker gave it.
    pub fn whole_chunk(&self, row: u32) -> Chunk {
        let info = self.chunk(row);
        let symbols = self.chunk_symbols(row).into_iter().map(|symbol| Symbol {
            name: symbol.name.to_owned(),
            breadcrumb: symbol.breadcrumb.to_owned(),
            kind: symbol.kind,
            span: symbol.span,
            signature: symbol.signature,
            doc: symbol.doc,
        });
        Chunk {
            span: info.span,
            kind: info.kind,
            language: info.language,
            symbol: info.symbol.map(str::to_owned),
            breadcrumb: info.breadcrumb.to_owned(),
            symbols: symbols.collect(),
        }
    }
}
