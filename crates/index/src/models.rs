//! The models of a machine that repositories are searched with beside the
//! shipped one.

use std::path::Path;
use std::sync::Arc;

use wherein_embed::{ModelKind, QualityModel, Registry, Reranker, prefer_added_runtime};

use crate::error::IndexError;
use crate::settings::Settings;

/// Models that were added with `wherein model add`; none by default.
#[derive(Clone, Default)]
pub struct AddedModels {
    pub(crate) quality: Option<Arc<QualityModel>>,
    pub(crate) reranker: Option<Arc<Reranker>>,
}

impl AddedModels {
    /// The encoder that is in use, to be loaded when it is first asked. To be
    /// called before any model is loaded: it chooses what runs them.
    ///
    /// # Errors
    /// The encoder is gone, or says nothing of itself.
    pub fn in_use(home: &Path, settings: &Settings) -> Result<Self, IndexError> {
        let registry = Registry::new(home);
        let cache_bytes = settings.index.vector_cache_bytes;
        let quality = QualityModel::in_use(&registry, cache_bytes)?.map(Arc::new);
        if quality.is_some() {
            prefer_added_runtime(home);
        }
        Ok(Self {
            quality,
            reranker: None,
        })
    }

    /// With the first re-ranker of the machine, by name.
    ///
    /// # Errors
    /// There is none, or it cannot be loaded.
    pub fn with_reranker(mut self, home: &Path) -> Result<Self, IndexError> {
        prefer_added_runtime(home);
        for installed in Registry::new(home).list()? {
            let manifest = match installed.manifest {
                Ok(manifest) if manifest.kind == ModelKind::Reranker => manifest,
                _ => continue,
            };
            self.reranker = Some(Arc::new(Reranker::load(&installed.folder, &manifest)?));
            return Ok(self);
        }
        Err(IndexError::NoReranker)
    }

    /// Loads the encoder on a thread of its own, so that it is there when it is asked.
    pub fn warm(&self) {
        if let Some(quality) = self.quality.clone() {
            // What is wrong with it is told when it is asked.
            std::thread::spawn(move || quality.warm().is_ok());
        }
    }
}
