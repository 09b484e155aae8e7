//! The encoder in use beside the shipped model: loaded when it is first asked,
//! its vectors of code kept by content.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::cache::{Key, VectorCache, rounded};
use crate::document::DocumentParts;
use crate::registry::{Manifest, ModelError, ModelKind, Registry};
use crate::{EmbedError, Embedder, Encoder};

/// An added encoder.
pub struct QualityModel {
    folder: PathBuf,
    manifest: Manifest,
    id: String,
    cache: VectorCache,
    loaded: OnceLock<Result<Encoder, String>>,
}

impl QualityModel {
    /// The encoder that a registry says is in use, with a cache of at most so many bytes.
    ///
    /// # Errors
    /// It is gone, or its manifest cannot be read. Its files are looked at when
    /// it is first asked.
    pub fn in_use(registry: &Registry, cache_bytes: u64) -> Result<Option<Self>, ModelError> {
        let Some(name) = registry.in_use() else {
            return Ok(None);
        };
        let installed = registry
            .installed(&name)
            .ok_or_else(|| ModelError::unknown(&name))?;
        let manifest = installed.manifest?;
        if manifest.kind != ModelKind::Encoder {
            return Err(ModelError::NotAnEncoder { name });
        }
        Ok(Some(Self {
            id: manifest.model_id(),
            folder: installed.folder,
            manifest,
            cache: VectorCache::new(registry.home(), cache_bytes),
            loaded: OnceLock::new(),
        }))
    }

    /// Loads it now, if it is not loaded yet.
    pub fn warm(&self) -> Result<(), EmbedError> {
        self.encoder().map(drop)
    }

    fn encoder(&self) -> Result<&Encoder, EmbedError> {
        let load =
            || Encoder::load(&self.folder, &self.manifest).map_err(|error| error.to_string());
        let loaded = self.loaded.get_or_init(load);
        loaded.as_ref().map_err(|reason| EmbedError::Unusable {
            model: self.manifest.name.clone(),
            reason: reason.clone(),
        })
    }

    fn key(&self, document: &DocumentParts<'_>) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.id.as_bytes()).update(&[0]);
        hasher.update(document.as_text().as_bytes());
        let mut key = Key::default();
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        key
    }
}

impl Embedder for QualityModel {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.manifest.dimensions
    }

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
        self.encoder()?.embed_queries(texts)
    }

    fn embed_documents(&self, documents: &[DocumentParts<'_>]) -> Result<Vec<f32>, EmbedError> {
        let dimensions = self.manifest.dimensions;
        let keys: Vec<Key> = documents.iter().map(|one| self.key(one)).collect();
        let known = self.cache.get(&keys, dimensions);
        let missing: Vec<usize> = (0..keys.len()).filter(|at| known[*at].is_none()).collect();
        let mut made = Vec::new();
        if !missing.is_empty() {
            let texts: Vec<DocumentParts<'_>> = missing.iter().map(|at| documents[*at]).collect();
            made = self.encoder()?.embed_documents(&texts)?;
            rounded(&mut made);
            let rows = missing.iter().map(|at| keys[*at]);
            let rows: Vec<(Key, &[f32])> = rows.zip(made.chunks_exact(dimensions)).collect();
            self.cache.put(&rows);
        }
        let mut made = made.chunks_exact(dimensions);
        let mut output = Vec::with_capacity(keys.len() * dimensions);
        for one in &known {
            match one {
                Some(vector) => output.extend_from_slice(vector),
                None => output.extend_from_slice(made.next().unwrap_or_default()),
            }
        }
        Ok(output)
    }

    fn knows_any(&self, _text: &str) -> bool {
        true
    }
}
