//! From text to vectors: ONNX sessions, the tokenizer, batching, and the model that is shipped.
//!
//! [`shipped`] gives the model that is part of the program; [`Embedder`] is what
//! the other stages know. What is embedded is not what is shown: a chunk's text
//! is put together by [`document_input`]. Nothing here downloads anything.

mod backend;
mod batch;
mod document;
mod error;
mod model;
mod native;
mod sessions;
mod shipped;
mod tokenizer;

pub use backend::{Backend, backend};
pub use document::{DocumentParts, document_input};
pub use error::EmbedError;
pub use shipped::{SHIPPED_MODEL_FILES, shipped};
pub use tokenizer::Tokenizer;

/// What a text is to the model: it weighs the words of a question and of code differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What is asked.
    Query,
    /// What is searched.
    Document,
}

/// A model that turns texts into vectors whose inner product is their nearness in meaning.
pub trait Embedder: Send + Sync {
    /// Name and content hash prefix, such as `wherein-static-v1-1a2b3c4d`;
    /// vectors of different ids are never compared.
    fn model_id(&self) -> &str;

    /// Length of one vector.
    fn dimensions(&self) -> usize;

    /// `[texts.len(), dimensions] f32`, row-major, L2-normalised; a text
    /// without any known token gives a row of zeros. A row depends on its own
    /// text only (to 1e-6), whatever the texts beside it.
    fn embed(&self, role: Role, texts: &[&str]) -> Result<Vec<f32>, EmbedError>;

    /// Whether the model knows some word of a text as such: of one that is made
    /// of unknown words the vector is that of their pieces, and says little.
    fn knows_any(&self, text: &str) -> bool;
}
