//! The static model that is part of the program: no file to find, nothing to download.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Model, ModelSpec};
use crate::{EmbedError, Embedder};

const ONNX: &[u8] = include_bytes!("../model/model.onnx");
const VOCABULARY: &str = include_str!("../model/vocab.txt");

/// The files of the shipped model as they are in the program, by name; their
/// checksums are in `model/README.md`.
pub const SHIPPED_MODEL_FILES: [(&str, &[u8]); 2] =
    [("model.onnx", ONNX), ("vocab.txt", VOCABULARY.as_bytes())];

const SPEC: ModelSpec = ModelSpec {
    name: "wherein-static-v2",
    dimensions: 256,
};

/// The shipped model; loaded once a process, by the first call.
pub fn shipped() -> Result<Arc<dyn Embedder>, EmbedError> {
    static LOADED: Mutex<Option<Arc<Model>>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = loaded.as_ref() {
        return Ok(model.clone());
    }
    let model = Arc::new(Model::load(SPEC, ONNX, VOCABULARY)?);
    *loaded = Some(model.clone());
    Ok(model)
}
