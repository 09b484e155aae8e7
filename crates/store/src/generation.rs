//! A generation on disk: from the commit payload of the lexical index to the
//! manifest and the catalog, each checked on the way.

use std::path::Path;

use crate::catalog::{CATALOG_KIND, Catalog, FORMAT_VERSION, MANIFEST_KIND, Manifest};
use crate::disk::{self, Layout};
use crate::error::StoreError;
use crate::frame;
use crate::graph::Graph;
use crate::lock::WriteLock;

/// What a commit says: which manifest is in force.
pub(crate) struct Payload {
    pub(crate) manifest: String,
    pub(crate) hash: [u8; 32],
}

impl Payload {
    pub(crate) fn parse(text: &str, lexical: &Path) -> Result<Self, StoreError> {
        let parsed = text.split_once(' ').and_then(|(name, hex)| {
            let hash = blake3::Hash::from_hex(hex).ok()?;
            let plain = name.starts_with("manifest-") && !name.contains(['/', '\\']);
            plain.then(|| Self {
                manifest: name.to_owned(),
                hash: *hash.as_bytes(),
            })
        });
        parsed.ok_or_else(|| {
            StoreError::damaged(&lexical.join("meta.json"), "it does not name a manifest")
        })
    }
}

fn read_hashed(path: &Path, hash: [u8; 32]) -> Result<Vec<u8>, StoreError> {
    let bytes = disk::read(path)?;
    if *blake3::hash(&bytes).as_bytes() != hash {
        return Err(StoreError::damaged(
            path,
            "it is not the one that was committed",
        ));
    }
    Ok(bytes)
}

/// Reads the manifest and catalog of a commit.
pub(crate) fn read(layout: &Layout, payload: &str) -> Result<(Manifest, Catalog), StoreError> {
    let payload = Payload::parse(payload, &layout.lexical())?;
    let path = layout.file(&payload.manifest);
    let bytes = read_hashed(&path, payload.hash)?;
    let manifest: Manifest = frame::decode(MANIFEST_KIND, FORMAT_VERSION, &bytes, &path)?;
    let path = layout.file(&manifest.catalog);
    let bytes = read_hashed(&path, manifest.catalog_hash)?;
    let catalog: Catalog = frame::decode(CATALOG_KIND, FORMAT_VERSION, &bytes, &path)?;
    Ok((manifest, catalog))
}

/// Writes catalog and manifest, durably, and gives the payload that puts them in force.
pub(crate) fn write(
    layout: &Layout,
    manifest: &mut Manifest,
    catalog: &Catalog,
) -> Result<String, StoreError> {
    manifest.catalog = Layout::catalog_name(manifest.generation);
    manifest.catalog_hash = disk::write_durable(&layout.file(&manifest.catalog), |out| {
        frame::write(CATALOG_KIND, FORMAT_VERSION, catalog, out)
    })?;
    let name = Layout::manifest_name(manifest.generation);
    let hash = disk::write_durable(&layout.file(&name), |out| {
        frame::write(MANIFEST_KIND, FORMAT_VERSION, manifest, out)
    })?;
    disk::sync_folder(&layout.root)?;
    Ok(format!("{name} {}", blake3::Hash::from(hash).to_hex()))
}

/// Removes what no generation needs: files of older generations and of runs
/// that did not finish. Only the holder of the write lock may call it.
pub(crate) fn sweep(layout: &Layout, manifest: &Manifest) {
    let mut kept = vec![
        Layout::catalog_name(manifest.generation),
        Layout::manifest_name(manifest.generation),
    ];
    for segment in &manifest.segments {
        kept.push(Layout::chunks_name(segment.id));
        kept.push(Layout::vectors_name(segment.id));
        if let Some(quality) = &segment.quality {
            kept.push(Layout::quality_name(segment.id, quality.serial));
        }
    }
    sweep_graph(layout, manifest);
    let entries = walkdir::WalkDir::new(&layout.root)
        .min_depth(1)
        .max_depth(1);
    for entry in entries.into_iter().flatten() {
        let name = entry.file_name().to_string_lossy();
        let ours = ["manifest-", "catalog-", "chunks-", "vectors-", "quality-"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if ours && entry.file_type().is_file() && !kept.iter().any(|one| *one == name) {
            remove(entry.path());
        }
    }
}

/// Removes what a writer that died was about to put in place. To be called before
/// there is a new one: tantivy's threads make such files at any time.
pub(crate) fn sweep_temporary(layout: &Layout) {
    for entry in std::fs::read_dir(layout.lexical())
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(".tmp") {
            remove(&entry.path());
        }
    }
}

/// Removes a graph over segments that are gone, and what a builder that died
/// has left.
fn sweep_graph(layout: &Layout, manifest: &Manifest) {
    let vectors = manifest.segments.iter();
    let in_force: Vec<_> = vectors
        .filter_map(|segment| Some(segment.vectors.as_ref()?.identity))
        .collect();
    let (graph, part) = (layout.graph(), layout.graph_part());
    if graph.exists() && !Graph::is_over(&graph, &in_force) {
        remove(&graph);
    }
    if part.exists() && WriteLock::acquire(&layout.graph_lock()).is_ok() {
        remove(&part);
    }
}

/// What cannot be removed now is removed by a later commit.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "left over");
    }
}
