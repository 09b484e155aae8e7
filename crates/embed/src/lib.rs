//! From text to vectors: ONNX sessions, the tokenizer, batching, and the model that is shipped.
//!
//! [`shipped`] gives the model that is part of the program; [`Embedder`] is what
//! the other stages know. What is embedded is not what is shown: of a chunk it
//! is its [`DocumentParts`]. [`Registry`] holds the models that a user adds:
//! an [`Encoder`] whose vectors come beside the shipped ones ([`QualityModel`]),
//! a [`Reranker`].
//! Nothing is downloaded unless it is told to.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod backend;
mod batch;
mod cache;
mod document;
mod encoder;
mod error;
mod model;
mod native;
mod quality;
mod registry;
mod reranker;
mod sessions;
mod shipped;
mod tokenizer;
mod transformer;

pub use backend::{Backend, backend, prefer_added_runtime};
pub use cache::VectorCache;
pub use document::{DocumentParts, body};
pub use encoder::Encoder;
pub use error::EmbedError;
pub use quality::QualityModel;
pub use registry::{
    Added, Installed, Manifest, ModelError, ModelKind, OFFERED, Offer, Pooling, RUNTIME, Registry,
};
pub use reranker::Reranker;
pub use shipped::{SHIPPED_MODEL_FILES, shipped};
pub use tokenizer::Tokenizer;

/// A model that turns texts into vectors whose inner product is their nearness in meaning.
pub trait Embedder: Send + Sync {
    /// Name and content hash prefix, such as `wherein-static-v2-1a2b3c4d`;
    /// vectors of different ids are never compared.
    fn model_id(&self) -> &str;

    /// Length of one vector.
    fn dimensions(&self) -> usize;

    /// What is asked: `[texts.len(), dimensions] f32`, row-major, L2-normalised;
    /// a text without any known token gives a row of zeros. A row depends on its
    /// own text only (to 1e-6), whatever the texts beside it.
    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<f32>, EmbedError>;

    /// What is searched; as [`Embedder::embed_queries`].
    fn embed_documents(&self, documents: &[DocumentParts<'_>]) -> Result<Vec<f32>, EmbedError>;

    /// Whether the model knows some word of a text as such: of one that is made
    /// of unknown words the vector is that of their pieces, and says little.
    fn knows_any(&self, text: &str) -> bool;
}
