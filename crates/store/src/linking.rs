//! Builds the graph over the large vector segments (HNSW, Malkov & Yashunin
//! 2018) with hnsw_rs and writes it as our own checksummed file. The only place
//! that knows hnsw_rs; the file is read by [`crate::graph`].

use std::sync::atomic::{AtomicBool, Ordering};

use hnsw_rs::prelude::{Distance, Hnsw};
use rayon::prelude::*;

use crate::catalog::FORMAT_VERSION;
use crate::disk::{Layout, sync_folder};
use crate::dot::dot_i8;
use crate::error::StoreError;
use crate::graph::{Cover, META, layer_tags};
use crate::lock::WriteLock;
use crate::sections::{Identity, SectionWriter};

/// Neighbours of a row on the upper layers; twice as many on the lowest.
const NEIGHBOURS: usize = 16;
/// Candidates looked at for each row while building.
const BUILD_CANDIDATES: usize = 200;
const MAX_LAYERS: usize = 16;
/// Rows inserted between two looks at the stop flag.
const BATCH: usize = 4096;

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

fn with_scale(cover: &Cover<'_>, row: u32) -> Vec<i8> {
    let (codes, scale) = cover.row(row);
    let mut row = codes.to_vec();
    row.extend(scale.to_le_bytes().map(|byte| byte as i8));
    row
}

/// Builds the graph over `cover` and puts its file in place. `Ok(false)` when
/// `stop` was raised, or another process builds one.
pub(crate) fn build(
    layout: &Layout,
    cover: &Cover<'_>,
    of: &[Identity],
    stop: &AtomicBool,
) -> Result<bool, StoreError> {
    let _lock = match WriteLock::acquire(&layout.graph_lock()) {
        Ok(lock) => lock,
        Err(StoreError::Locked { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let rows = cover.rows();
    let hnsw = Hnsw::<i8, CodeDistance>::new(
        NEIGHBOURS,
        rows as usize,
        MAX_LAYERS,
        BUILD_CANDIDATES,
        CodeDistance,
    );
    for start in (0..rows).step_by(BATCH) {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        (start..(start + BATCH as u32).min(rows))
            .into_par_iter()
            .for_each(|row| hnsw.insert((&with_scale(cover, row), row as usize)));
    }
    let temporary = layout.graph_part();
    write(&temporary, &hnsw, rows, of)?;
    let path = layout.graph();
    std::fs::rename(&temporary, &path).map_err(StoreError::io("rename", &temporary))?;
    sync_folder(&layout.root)?;
    Ok(true)
}

fn words(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn write(
    path: &std::path::Path,
    hnsw: &Hnsw<'_, i8, CodeDistance>,
    rows: u32,
    of: &[Identity],
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
    let mut meta = vec![u64::from(entry), lists.len() as u64, u64::from(rows)];
    meta.extend(of.iter().flat_map(|one| [one.len, one.contents]));
    let meta: Vec<u8> = meta.into_iter().flat_map(u64::to_le_bytes).collect();
    out.section(META, &meta)?;
    for (layer, mut list) in lists.into_iter().enumerate() {
        list.sort_unstable();
        if layer == 0 {
            // Every row must have a list, at its own place.
            let mut whole = vec![Vec::new(); rows as usize];
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
