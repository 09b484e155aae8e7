//! A graph over a large vector segment (HNSW, Malkov & Yashunin 2018).
//!
//! hnsw_rs builds it; what is kept is our own checksummed file of neighbour
//! lists, searched over the int8 rows of the vector segment. The file is a
//! cache: without it, or when it is not of these vectors, the exact scan
//! answers. It is built beside the commit path, never on it.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use hnsw_rs::prelude::{Distance, Hnsw};
use rayon::prelude::*;

use crate::catalog::FORMAT_VERSION;
use crate::disk::{Layout, sync_folder};
use crate::dot::{DotI8, dot_i8};
use crate::error::StoreError;
use crate::rows::RowSet;
use crate::sections::{Identity, SectionWriter, Sections};
use crate::vectors::{Scored, VectorSegment, quantise};

/// Neighbours of a row on the upper layers; twice as many on the lowest.
const NEIGHBOURS: usize = 16;
/// Candidates looked at for each row while building.
const BUILD_CANDIDATES: usize = 200;
const MAX_LAYERS: usize = 16;
/// Candidates kept while searching: recall .99 at 400k rows (see `make bench`).
const SEARCH_CANDIDATES: usize = 256;
/// When fewer than one row in this many is allowed, the scan is quicker.
const SCAN_BELOW: usize = 4;
/// Rows inserted between two looks at the stop flag.
const BATCH: usize = 4096;

const META: u32 = 1;
/// Layer `l` has three sections: rows, offsets, neighbours.
fn layer_tags(layer: usize) -> [u32; 3] {
    let first = 16 + 4 * layer as u32;
    [first, first + 1, first + 2]
}

/// Cosine distance between rows in the form (codes, scale as 4 bytes).
struct CodeDistance;

fn split_scale(row: &[i8]) -> (&[i8], f32) {
    let (codes, scale) = row.split_at(row.len() - 4);
    let bytes = [
        scale[0] as u8,
        scale[1] as u8,
        scale[2] as u8,
        scale[3] as u8,
    ];
    (codes, f32::from_le_bytes(bytes))
}

impl Distance<i8> for CodeDistance {
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        let ((a, a_scale), (b, b_scale)) = (split_scale(a), split_scale(b));
        // hnsw_rs panics on a distance below 0, which rounding can give.
        (1.0 - dot_i8(a, b) as f32 * a_scale * b_scale).max(0.0)
    }
}

fn with_scale(vectors: &VectorSegment, row: usize) -> Vec<i8> {
    let mut coded = vectors.code(row).to_vec();
    coded.extend(vectors.scale(row).to_le_bytes().map(|byte| byte as i8));
    coded
}

struct Layer {
    /// Rows of this layer, rising; none on layer 0, which has all.
    rows: Range<usize>,
    offsets: Range<usize>,
    neighbours: Range<usize>,
}

/// A finished graph, open for searching.
pub(crate) struct Graph {
    sections: Sections,
    layers: Vec<Layer>,
    entry: u32,
    rows: usize,
}

fn words(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_le_bytes).collect()
}

impl Graph {
    /// Builds the graph of a segment and puts its file in place. `Ok(false)`
    /// when `stop` was raised.
    pub(crate) fn build(
        layout: &Layout,
        segment: u64,
        of: Identity,
        vectors: &VectorSegment,
        stop: &AtomicBool,
    ) -> Result<bool, StoreError> {
        vectors.check()?;
        let rows = vectors.rows();
        let hnsw = Hnsw::<i8, CodeDistance>::new(
            NEIGHBOURS,
            rows,
            MAX_LAYERS,
            BUILD_CANDIDATES,
            CodeDistance,
        );
        for start in (0..rows).step_by(BATCH) {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            (start..(start + BATCH).min(rows))
                .into_par_iter()
                .for_each(|row| hnsw.insert((&with_scale(vectors, row), row)));
        }
        let temporary = layout.file(&format!("graph-{segment:08}.part"));
        write(&temporary, &hnsw, rows, of)?;
        let path = layout.file(&Layout::graph_name(segment));
        std::fs::rename(&temporary, &path).map_err(StoreError::io("rename", &temporary))?;
        sync_folder(&layout.root)?;
        Ok(true)
    }

    /// The graph of a segment, when there is one and it is of these vectors.
    pub(crate) fn open_if_right(
        layout: &Layout,
        segment: u64,
        of: Identity,
        rows: usize,
    ) -> Option<Self> {
        let path = layout.file(&Layout::graph_name(segment));
        if !path.exists() {
            return None;
        }
        match Self::open(&path, of, rows) {
            Ok(graph) => Some(graph),
            Err(error) => {
                tracing::warn!(%error, "the exact scan answers instead of the graph");
                None
            }
        }
    }

    fn open(path: &Path, of: Identity, rows: usize) -> Result<Self, StoreError> {
        let sections = Sections::open_unlisted(path, FORMAT_VERSION)?;
        let damaged = |detail: &str| StoreError::damaged(path, detail);
        let meta: Vec<u64> = sections
            .verified(META)?
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        let &[len, contents, entry, layer_count, row_count] = meta.as_slice() else {
            return Err(damaged("its head does not fit"));
        };
        if (Identity { len, contents }) != of || row_count != rows as u64 {
            return Err(damaged("it is the graph of other vectors"));
        }
        let mut layers = Vec::new();
        for layer in 0..layer_count as usize {
            let [row_tag, offset_tag, neighbour_tag] = layer_tags(layer);
            for tag in layer_tags(layer) {
                sections.verified(tag)?;
            }
            layers.push(Layer {
                rows: sections.range(row_tag)?,
                offsets: sections.range(offset_tag)?,
                neighbours: sections.range(neighbour_tag)?,
            });
        }
        if layers.is_empty() || entry >= rows as u64 {
            return Err(damaged("it has no entry"));
        }
        Ok(Self {
            sections,
            layers,
            entry: entry as u32,
            rows,
        })
    }

    fn word(&self, range: &Range<usize>, at: usize) -> u32 {
        let start = range.start + at * 4;
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.sections.bytes()[start..start + 4]);
        u32::from_le_bytes(bytes)
    }

    fn neighbours(&self, layer: &Layer, row: u32) -> impl Iterator<Item = u32> + '_ {
        let position = if layer.rows.is_empty() {
            Some(row as usize)
        } else {
            self.position(layer, row)
        };
        let range = position.map_or(0..0, |at| {
            self.word(&layer.offsets, at) as usize..self.word(&layer.offsets, at + 1) as usize
        });
        let lists = layer.neighbours.clone();
        range.map(move |at| self.word(&lists, at))
    }

    fn position(&self, layer: &Layer, row: u32) -> Option<usize> {
        let (mut low, mut high) = (0, layer.rows.len() / 4);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.word(&layer.rows, middle).cmp(&row) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// As [`VectorSegment::scan`], but approximate.
    pub(crate) fn search(
        &self,
        vectors: &VectorSegment,
        query: &[f32],
        allowed: &RowSet,
        base: u32,
        keep: usize,
    ) -> Result<Vec<Scored>, StoreError> {
        let allowed_here = (0..self.rows as u32)
            .filter(|row| allowed.contains(base + row))
            .count();
        if allowed_here * SCAN_BELOW < self.rows {
            return vectors.scan(query, allowed, base, keep);
        }
        let (codes, scale) = quantise(query);
        let product = DotI8::new(&codes);
        let score = |row: u32| {
            product.with(vectors.code(row as usize)) as f32 * vectors.scale(row as usize)
        };
        let mut at = Scored {
            score: score(self.entry),
            row: self.entry,
        };
        for layer in self.layers[1..].iter().rev() {
            loop {
                let nearest = self
                    .neighbours(layer, at.row)
                    .map(|row| Scored {
                        score: score(row),
                        row,
                    })
                    .min();
                match nearest {
                    Some(nearer) if nearer < at => at = nearer,
                    _ => break,
                }
            }
        }
        let wide = keep.max(SEARCH_CANDIDATES);
        let mut found = self.spread(at, &score, allowed, base, wide);
        // Scores of codes leave out the query's own scale until here.
        for scored in &mut found {
            scored.score *= scale;
        }
        found.truncate(keep);
        Ok(found)
    }

    /// Best-first search of the lowest layer from one row.
    fn spread(
        &self,
        from: Scored,
        score: &impl Fn(u32) -> f32,
        allowed: &RowSet,
        base: u32,
        keep: usize,
    ) -> Vec<Scored> {
        let mut seen = RowSet::none(self.rows);
        seen.insert(from.row);
        // `Scored` puts the worst on top of a heap: reversed, the best.
        let mut open = BinaryHeap::from([std::cmp::Reverse(from)]);
        let mut nearest = BinaryHeap::from([from]);
        let mut found = Vec::new();
        while let Some(std::cmp::Reverse(next)) = open.pop() {
            if nearest.len() >= keep && nearest.peek().is_some_and(|worst| next > *worst) {
                break;
            }
            if allowed.contains(base + next.row) {
                found.push(next);
            }
            for row in self.neighbours(&self.layers[0], next.row) {
                if seen.contains(row) || row as usize >= self.rows {
                    continue;
                }
                seen.insert(row);
                let scored = Scored {
                    score: score(row),
                    row,
                };
                if nearest.len() < keep || nearest.peek().is_some_and(|worst| scored < *worst) {
                    open.push(std::cmp::Reverse(scored));
                    nearest.push(scored);
                    if nearest.len() > keep {
                        nearest.pop();
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }
}

fn write(
    path: &Path,
    hnsw: &Hnsw<'_, i8, CodeDistance>,
    rows: usize,
    of: Identity,
) -> Result<Identity, StoreError> {
    let points = hnsw.get_point_indexation();
    let top = points.get_max_level_observed() as usize;
    let mut lists: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); top + 1];
    let mut entry = 0;
    for level in 0..=top {
        for point in points.get_layer_iterator(level) {
            let row = point.get_origin_id() as u32;
            if level == top {
                entry = row;
            }
            let neighbours = point.get_neighborhood_id();
            for (layer, list) in neighbours.iter().enumerate().take(level + 1) {
                let mut ids: Vec<u32> = list.iter().map(|one| one.d_id as u32).collect();
                ids.retain(|id| *id != row);
                lists[layer].push((row, ids));
            }
        }
    }
    let mut out = SectionWriter::create(path, FORMAT_VERSION)?;
    let meta = [
        of.len,
        of.contents,
        u64::from(entry),
        lists.len() as u64,
        rows as u64,
    ];
    out.section(META, &meta.map(u64::to_le_bytes).concat())?;
    for (layer, mut list) in lists.into_iter().enumerate() {
        list.sort_unstable();
        if layer == 0 {
            // Every row must have a list, at its own place.
            let mut whole = vec![Vec::new(); rows];
            for (row, ids) in list {
                whole[row as usize] = ids;
            }
            list = whole
                .into_iter()
                .enumerate()
                .map(|(row, ids)| (row as u32, ids))
                .collect();
        }
        let [row_tag, offset_tag, neighbour_tag] = layer_tags(layer);
        let named = if layer == 0 { &list[..0] } else { &list[..] };
        out.section(row_tag, &words(named.iter().map(|one| one.0)))?;
        let mut offset = 0;
        let mut offsets = vec![0];
        for (_, ids) in &list {
            offset += ids.len() as u32;
            offsets.push(offset);
        }
        out.section(offset_tag, &words(offsets))?;
        out.section(
            neighbour_tag,
            &words(list.into_iter().flat_map(|one| one.1)),
        )?;
    }
    out.finish()
}
