//! The dense arm: the rows nearest to a vector, by exact scan, by the signs of their
//! values first, or through the graph; scored again in f16.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use crate::catalog::{QualityRecord, SegmentRecord};
use crate::disk::Layout;
use crate::dot::DotI8;
use crate::error::StoreError;
use crate::graph::Cover;
use crate::linking;
use crate::nearest::{Best, Scored};
use crate::rows::RowSet;
use crate::signs::{Differences, Signs};
use crate::snapshot::{Segment, Snapshot};
use crate::vectors::{CodedQuery, VectorSegment, quantise};

/// How many more rows than asked for are scored again in f16: what the codes
/// put so far behind does not come to the front.
const RESCORED_SPARE: usize = 50;

/// Rows that one task scans: small enough that all cores end together.
const TASK_ROWS: usize = 1 << 13;

/// When fewer than one row in this many is allowed, the scan is quicker than
/// the graph.
const SCAN_BELOW: usize = 4;

/// Segments with fewer rows are not put into a graph: they are merged soon.
const LEAST_LINKED: usize = 8_000;

/// Share of the rows that a graph has to cover, in percent; below it a new one
/// is built.
const COVERED_PERCENT: u64 = 75;

/// How the nearest rows are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nearest {
    /// The codes of every row are looked at.
    Exact,
    /// Where there are many rows, the signs of all and the codes of the best of those.
    #[default]
    Signs,
    /// Through the graph where one was built, else as by signs.
    Graph,
}

/// Fewer rows are scanned exactly: that takes less than a millisecond.
const LEAST_SIGNED: usize = 24_000;
/// Rows that are scored by their codes after a look at their signs: this many for each
/// that is wanted, and a share of all.
const CODED_FOR_EACH: usize = 8;
const CODED_SHARE: usize = 64;

/// A query as int8 codes.
pub struct RoughQuery {
    codes: Vec<i8>,
    scale: f32,
    model: String,
}

impl RoughQuery {
    /// Of a normalised vector of a model.
    pub fn new(vector: &[f32], model: &str) -> Self {
        let (codes, scale) = quantise(vector);
        Self {
            codes,
            scale,
            model: model.to_owned(),
        }
    }
}

impl Snapshot {
    /// The allowed rows nearest to `query` (normalised, of `model`), with
    /// their cosine, best first.
    pub fn dense(
        &self,
        query: &[f32],
        model: &str,
        allowed: &RowSet,
        limit: usize,
        how: Nearest,
    ) -> Result<Vec<(u32, f32)>, StoreError> {
        let keep = limit.saturating_add(RESCORED_SPARE);
        let (cover, mut linked) = self.cover(query.len(), model, allowed, how);
        let through = match &self.linked {
            Some(one) if !linked.is_empty() => one.graph.search(&cover, query, allowed, keep),
            _ => None,
        };
        if through.is_none() {
            linked.clear();
        }
        let scans: Vec<(&VectorSegment, u32)> = self
            .segments
            .iter()
            .zip(&self.bases)
            .enumerate()
            .filter(|(number, _)| !linked.contains(number))
            .filter_map(|(_, (segment, base))| {
                Some((segment.vectors_of(model, query.len())?, base.0))
            })
            .collect();
        for (vectors, _) in &scans {
            vectors.check_codes()?;
        }
        let (codes, scale) = quantise(query);
        let wanted = CodedQuery {
            product: DotI8::new(&codes),
            scale,
        };
        let tasks: Vec<Task<'_>> = scans
            .iter()
            .flat_map(|(vectors, base)| {
                let starts = (0..vectors.rows()).step_by(TASK_ROWS);
                starts.map(move |start| Task {
                    vectors,
                    base: *base,
                    rows: start..(start + TASK_ROWS).min(vectors.rows()),
                })
            })
            .collect();
        let rows: usize = tasks.iter().map(|task| task.rows.len()).sum();
        let are_many = rows >= LEAST_SIGNED && allowed.count() * SCAN_BELOW >= rows;
        let mut nearest = if are_many && how != Nearest::Exact {
            let wanted_rows = keep * CODED_FOR_EACH + rows / CODED_SHARE;
            by_signs(&tasks, &codes, &wanted, allowed, wanted_rows, keep)
        } else {
            exactly(&tasks, &wanted, allowed, keep)
        };
        for scored in through.into_iter().flatten() {
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

    /// What the graph is over, and the numbers of those segments; nothing when
    /// it is not to be used for this search.
    fn cover(
        &self,
        dimensions: usize,
        model: &str,
        allowed: &RowSet,
        how: Nearest,
    ) -> (Cover<'_>, Vec<usize>) {
        let mut cover = Cover::default();
        let Some(linked) = self.linked.as_ref().filter(|_| how == Nearest::Graph) else {
            return (cover, Vec::new());
        };
        let mut wanted = 0;
        for number in &linked.segments {
            let base = self.bases[*number].0;
            let of = self.segments[*number].record.vectors.as_ref();
            let vectors = self.segments[*number].vectors_of(model, dimensions);
            let Some(vectors) = vectors.filter(|_| of.is_some_and(|one| one.model == model)) else {
                return (Cover::default(), Vec::new());
            };
            if vectors.check_codes().is_err() {
                // The scan says what is wrong.
                return (Cover::default(), Vec::new());
            }
            wanted += allowed.count_in(base..base + vectors.rows() as u32);
            cover.add(vectors, base);
        }
        if wanted * SCAN_BELOW < cover.rows() as usize {
            return (Cover::default(), Vec::new());
        }
        (cover, linked.segments.clone())
    }

    /// The cosine of a chunk with `query`; `None` without a vector of `model`.
    pub fn cosine(&self, row: u32, query: &[f32], model: &str) -> Result<Option<f32>, StoreError> {
        let (segment, local) = self.places().segment_of_row(row);
        self.segments[segment]
            .vectors_of(model, query.len())
            .map_or(Ok(None), |vectors| vectors.cosine(query, local as usize))
    }

    /// The vector of a chunk, normalised; `None` without one of `model`.
    pub fn vector(&self, row: u32, model: &str) -> Result<Option<Vec<f32>>, StoreError> {
        let (segment, local) = self.places().segment_of_row(row);
        let vectors = self.segments[segment].vectors_by(model);
        let vectors = vectors.filter(|vectors| vectors.has(local as usize));
        vectors.map(|one| one.half(local as usize)).transpose()
    }

    /// Calls `each` with the cosines of consecutive rows of one file, from their
    /// int8 codes: right to a few thousandths, at a tenth of the cost. Rows
    /// without a vector of the model are left out.
    pub fn rough_cosines(
        &self,
        rows: std::ops::Range<u32>,
        query: &RoughQuery,
        mut each: impl FnMut(f32),
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (segment, local) = self.places().segment_of_row(rows.start);
        let vectors = self.segments[segment].vectors_of(&query.model, query.codes.len());
        let Some(vectors) = vectors else {
            return Ok(());
        };
        vectors.check_codes()?;
        let product = DotI8::new(&query.codes);
        let local = local as usize;
        let rows = local..(local + rows.len()).min(vectors.rows());
        for row in rows.filter(|row| vectors.has(*row)) {
            let dot = product.with(vectors.code(row)) as f32;
            each(dot * query.scale * vectors.scale(row));
        }
        Ok(())
    }

    /// How many rows have a vector of `model`.
    pub fn rows_with_vectors(&self, model: &str, of: &RowSet) -> usize {
        let (mut count, mut rows) = (0, of.iter().peekable());
        for (segment, bounds) in self.segments.iter().zip(self.bases.windows(2)) {
            let vectors = segment.vectors_by(model);
            while let Some(row) = rows.next_if(|row| *row < bounds[1].0) {
                let local = (row - bounds[0].0) as usize;
                count += usize::from(vectors.is_some_and(|vectors| vectors.has(local)));
            }
        }
        count
    }

    /// Builds the graph over the large segments of `model` when they have at
    /// least `threshold` rows in all and no graph is over most of them; says
    /// whether one was built. Open the snapshot again to use it.
    pub fn build_graph(
        &self,
        root: &Path,
        model: &str,
        threshold: usize,
        stop: &AtomicBool,
    ) -> Result<bool, StoreError> {
        let mut cover = Cover::default();
        let mut of = Vec::new();
        for (segment, (base, _)) in self.segments.iter().zip(&self.bases) {
            if let (Some(vectors), Some(record)) = (&segment.vectors, &segment.record.vectors)
                && record.model == model
                && vectors.rows() >= LEAST_LINKED.min(threshold)
            {
                cover.add(vectors, *base);
                of.push(record.identity);
            }
        }
        let rows = u64::from(cover.rows());
        let linked = self.linked.as_ref();
        let linked = linked.map_or(0, |one| u64::from(one.graph.rows()));
        if rows == 0 || rows < threshold as u64 || linked * 100 >= rows * COVERED_PERCENT {
            return Ok(false);
        }
        for segment in &self.segments {
            segment
                .vectors
                .as_ref()
                .map_or(Ok(()), VectorSegment::check)?;
        }
        linking::build(&Layout::new(root), &cover, &of, stop)
    }
}

/// Rows of a segment that are scanned in one go.
struct Task<'a> {
    vectors: &'a VectorSegment,
    base: u32,
    rows: std::ops::Range<usize>,
}

/// The best by their codes, of all rows.
fn exactly(tasks: &[Task<'_>], wanted: &CodedQuery<'_>, allowed: &RowSet, keep: usize) -> Best {
    tasks
        .par_iter()
        .fold(
            || Best::new(keep),
            |mut best, task| {
                let Task {
                    vectors,
                    base,
                    rows,
                } = task;
                vectors.scan(wanted, rows.clone(), allowed, *base, &mut best);
                best
            },
        )
        .reduce(|| Best::new(keep), Best::merge)
}

/// The best by their codes, of the `looked_at` rows whose signs differ least.
fn by_signs(
    tasks: &[Task<'_>],
    codes: &[i8],
    wanted: &CodedQuery<'_>,
    allowed: &RowSet,
    looked_at: usize,
    keep: usize,
) -> Best {
    let signs = Signs::of_rows(codes, codes.len());
    let (differences, counts): (Vec<Vec<u8>>, Vec<Differences>) = tasks
        .par_iter()
        .map(|task| {
            let is_allowed = |row: usize| allowed.contains(task.base + row as u32);
            let of_rows = task.vectors.signs();
            let differences = of_rows.differences(&signs, task.rows.clone(), is_allowed);
            let mut counts = Differences::default();
            counts.count(&differences);
            (differences, counts)
        })
        .unzip();
    let mut all = Differences::default();
    for counts in &counts {
        all.add(counts);
    }
    let most = all.up_to(looked_at);
    let mut best = Best::new(keep);
    for (task, differences) in tasks.iter().zip(&differences) {
        let near = differences.iter().zip(task.rows.clone());
        for (_, row) in near.filter(|(difference, _)| **difference <= most) {
            let dot = wanted.product.with(task.vectors.code(row)) as f32;
            let score = dot * wanted.scale * task.vectors.scale(row);
            let row = task.base + row as u32;
            best.push(Scored { score, row });
        }
    }
    best
}

impl Segment {
    pub(crate) fn vectors_of(&self, model: &str, dimensions: usize) -> Option<&VectorSegment> {
        self.vectors_by(model)
            .filter(|vectors| vectors.dimensions() == dimensions)
    }

    /// The vectors of a model, the first or the second.
    pub(crate) fn vectors_by(&self, model: &str) -> Option<&VectorSegment> {
        let SegmentRecord {
            vectors, quality, ..
        } = &self.record;
        if vectors.as_ref().is_some_and(|one| one.model == model) {
            return self.vectors.as_ref();
        }
        let is_second = |one: &QualityRecord| one.vectors.model == model;
        self.quality
            .as_ref()
            .filter(|_| quality.as_ref().is_some_and(is_second))
    }
}
