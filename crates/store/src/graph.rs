//! The graph over the large vector segments, for reading: neighbour lists,
//! searched over the int8 rows of the segments that it covers.
//!
//! The file is a cache: without it, or when a segment that it covers is gone,
//! the exact scan answers. [`crate::linking`] builds it, beside the commit path.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::Path;

use crate::catalog::FORMAT_VERSION;
use crate::dot::DotI8;
use crate::error::StoreError;
use crate::nearest::Scored;
use crate::rows::RowSet;
use crate::sections::{Identity, Sections};
use crate::vectors::{VectorSegment, quantise};

/// Candidates kept while searching (recall: `make bench-vectors`).
const SEARCH_CANDIDATES: usize = 256;

/// Rows looked at before the scan takes over: one in so many of all (a row on
/// the way costs what several cost the scan), and never fewer than this.
const VISITED_SHARE: usize = 8;
const LEAST_VISITED: usize = 4096;

pub(crate) const META: u32 = 1;

/// Layer `l` has three sections: rows, offsets, neighbours.
pub(crate) fn layer_tags(layer: usize) -> [u32; 3] {
    let first = 16 + 4 * layer as u32;
    [first, first + 1, first + 2]
}

/// The rows of several segments, one after the other: what a graph is over.
#[derive(Default)]
pub(crate) struct Cover<'a> {
    parts: Vec<Part<'a>>,
    rows: u32,
}

struct Part<'a> {
    vectors: &'a VectorSegment,
    /// Its first row within the cover, and within the snapshot.
    start: u32,
    base: u32,
}

impl<'a> Cover<'a> {
    /// Adds a segment whose rows begin at `base` of the snapshot.
    pub(crate) fn add(&mut self, vectors: &'a VectorSegment, base: u32) {
        let start = self.rows;
        self.rows += vectors.rows() as u32;
        self.parts.push(Part {
            vectors,
            start,
            base,
        });
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    fn part(&self, row: u32) -> &Part<'a> {
        &self.parts[self.parts.partition_point(|part| part.start <= row) - 1]
    }

    /// Codes and scale of a row.
    pub(crate) fn row(&self, row: u32) -> (&'a [i8], f32) {
        let part = self.part(row);
        let local = (row - part.start) as usize;
        (part.vectors.code(local), part.vectors.scale(local))
    }

    /// The row of the snapshot.
    fn global(&self, row: u32) -> u32 {
        let part = self.part(row);
        part.base + (row - part.start)
    }
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
    rows: u32,
    covered: Vec<Identity>,
}

impl Graph {
    /// The graph at `path`, when there is one that can be read; `previous` is
    /// taken over when the file is still its.
    pub(crate) fn open_if_right(
        path: &Path,
        previous: Option<&std::sync::Arc<Self>>,
    ) -> Option<std::sync::Arc<Self>> {
        if !path.exists() {
            return None;
        }
        match Self::open(path, previous) {
            Ok(graph) => Some(graph),
            Err(error) => {
                tracing::warn!(%error, "the exact scan answers instead of the graph");
                None
            }
        }
    }

    fn open(
        path: &Path,
        previous: Option<&std::sync::Arc<Self>>,
    ) -> Result<std::sync::Arc<Self>, StoreError> {
        let sections = Sections::open_unlisted(path, FORMAT_VERSION)?;
        if let Some(previous) = previous
            && previous.sections.identity() == sections.identity()
        {
            return Ok(std::sync::Arc::clone(previous));
        }
        let damaged = |detail: &str| StoreError::damaged(path, detail);
        let meta: Vec<u64> = sections
            .verified(META)?
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        let [entry, layer_count, rows, of @ ..] = meta.as_slice() else {
            return Err(damaged("its head does not fit"));
        };
        let (of, rest) = of.as_chunks::<2>();
        let mut layers = Vec::new();
        for layer in 0..*layer_count as usize {
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
        let whole = layers.first().is_some_and(|lowest| {
            lowest.rows.is_empty() && lowest.offsets.len() as u64 == (rows + 1) * 4
        });
        if !whole || entry >= rows || *rows >= u64::from(u32::MAX) || !rest.is_empty() {
            return Err(damaged("its head does not fit"));
        }
        Ok(std::sync::Arc::new(Self {
            entry: *entry as u32,
            rows: *rows as u32,
            covered: of
                .iter()
                .map(|[len, contents]| Identity {
                    len: *len,
                    contents: *contents,
                })
                .collect(),
            sections,
            layers,
        }))
    }

    /// Whether the file at `path` is a graph over segments that are all in `of`.
    pub(crate) fn is_over(path: &Path, of: &[Identity]) -> bool {
        Sections::open_unlisted(path, FORMAT_VERSION)
            .and_then(|sections| {
                let meta = sections.verified(META)?;
                let words = meta.as_chunks::<8>().0.iter().skip(3);
                let words: Vec<u64> = words.map(|word| u64::from_le_bytes(*word)).collect();
                Ok(words.as_chunks::<2>().0.iter().all(|[len, contents]| {
                    of.contains(&Identity {
                        len: *len,
                        contents: *contents,
                    })
                }))
            })
            .unwrap_or(false)
    }

    /// The vector segments that it is over, in order.
    pub(crate) fn covered(&self) -> &[Identity] {
        &self.covered
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
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

    /// The `keep` allowed rows nearest to a normalised `query`, approximately;
    /// `allowed` and the answer speak of rows of the snapshot. `None` when the
    /// allowed rows lie so far off that the scan is quicker.
    pub(crate) fn search(
        &self,
        cover: &Cover<'_>,
        query: &[f32],
        allowed: &RowSet,
        keep: usize,
    ) -> Option<Vec<Scored>> {
        let (codes, scale) = quantise(query);
        let product = DotI8::new(&codes);
        let score = |row: u32| {
            let (codes, row_scale) = cover.row(row);
            product.with(codes) as f32 * row_scale
        };
        let mut at = Scored {
            score: score(self.entry),
            row: self.entry,
        };
        for layer in self.layers[1..].iter().rev() {
            loop {
                let nearest = self
                    .neighbours(layer, at.row)
                    .filter(|row| *row < self.rows)
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
        let mut found = self.spread(at, &score, cover, allowed, wide)?;
        for scored in &mut found {
            // Scores of codes leave out the query's own scale until here.
            scored.score *= scale;
        }
        found.sort_unstable();
        found.truncate(keep);
        Some(found)
    }

    /// Best-first search of the lowest layer from one row, until `keep` allowed
    /// rows are known and what is open is further off than all of them; gives
    /// rows of the snapshot.
    fn spread(
        &self,
        from: Scored,
        score: &impl Fn(u32) -> f32,
        cover: &Cover<'_>,
        allowed: &RowSet,
        keep: usize,
    ) -> Option<Vec<Scored>> {
        let most = (self.rows as usize / VISITED_SHARE).max(LEAST_VISITED);
        let mut visited = 0;
        let mut seen = RowSet::none(self.rows as usize);
        seen.insert(from.row);
        // The worst is on top of a heap: reversed, the best.
        let mut open = BinaryHeap::from([std::cmp::Reverse(from)]);
        let mut found = BinaryHeap::new();
        if allowed.contains(cover.global(from.row)) {
            found.push(from);
        }
        while let Some(std::cmp::Reverse(next)) = open.pop() {
            let is_full = found.len() >= keep;
            if is_full && found.peek().is_some_and(|worst| next > *worst) {
                break;
            }
            for row in self.neighbours(&self.layers[0], next.row) {
                if row >= self.rows || seen.contains(row) {
                    continue;
                }
                seen.insert(row);
                visited += 1;
                let scored = Scored {
                    score: score(row),
                    row,
                };
                let is_full = found.len() >= keep;
                if is_full && found.peek().is_some_and(|worst| scored > *worst) {
                    continue;
                }
                open.push(std::cmp::Reverse(scored));
                if allowed.contains(cover.global(row)) {
                    found.push(scored);
                    if found.len() > keep {
                        found.pop();
                    }
                }
            }
            if visited > most {
                return None;
            }
        }
        let global = found.into_iter().map(|scored| Scored {
            row: cover.global(scored.row),
            ..scored
        });
        Some(global.collect())
    }
}
