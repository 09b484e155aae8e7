//! What can go wrong between a text and its vector.

/// A failure of a model or of what runs it; never of a text, any text can be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// No backend could be started.
    #[error(
        "cannot start the model backend: {reason}; set WHEREIN_ONNXRUNTIME=off to use the built-in one"
    )]
    Backend {
        /// What the backend said.
        reason: String,
    },

    /// A vocabulary file is not what a model needs.
    #[error("vocabulary of model {model}, line {line}: {reason}; fetch or build the model again")]
    Vocabulary {
        /// Name of the model.
        model: String,
        /// Line of the file, 1-based.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },

    /// A model file could not be read as one.
    #[error("cannot load model {model}: {source}; fetch or build the model again")]
    Load {
        /// Name of the model.
        model: String,
        /// What the backend said.
        source: ort::Error,
    },

    /// A model that was added cannot be used.
    #[error("model {model} cannot be used: {reason}")]
    Unusable {
        /// Name of the model.
        model: String,
        /// What is wrong.
        reason: String,
    },

    /// A loaded model failed on a batch.
    #[error(
        "model {model} failed on a batch of {texts} texts: {source}; please report it with the text"
    )]
    Run {
        /// Name of the model.
        model: String,
        /// Size of the batch.
        texts: usize,
        /// What the backend said.
        source: ort::Error,
    },

    /// A model gave an output of another shape than it declares.
    #[error(
        "model {model} gave an output of shape {found:?} where {expected:?} is needed; `kind`, `pooling` and `dimensions` in its model.toml say how it is read"
    )]
    Shape {
        /// Name of the model.
        model: String,
        /// What its manifest says.
        expected: Vec<i64>,
        /// Shape of the output.
        found: Vec<i64>,
    },
}
