//! A sentence encoder in ONNX: tokenise, batch, run, put the rows back in order.

use ort::value::TensorRef;
use rayon::prelude::*;

use crate::batch::{Batch, Encoded, plan};
use crate::sessions::Sessions;
use crate::{EmbedError, Embedder, Role, Tokenizer};

/// What is known of a model before it is loaded. The graph takes `input_ids`,
/// `attention_mask` and `token_type_ids` (`[n, l] int64`; type 1 is a query)
/// and gives `sentence_embedding` (`[n, dimensions] f32`, L2-normalised).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelSpec {
    /// Name without the content hash.
    pub(crate) name: &'static str,
    /// Length of a vector.
    pub(crate) dimensions: usize,
    /// Tokens read of a document at most.
    pub(crate) document_tokens: usize,
    /// Tokens read of a query at most.
    pub(crate) query_tokens: usize,
}

/// A loaded model.
pub(crate) struct Model {
    spec: ModelSpec,
    id: String,
    tokenizer: Tokenizer,
    sessions: Sessions,
}

/// Texts that one task of the thread pool tokenises and embeds.
const TEXTS_PER_TASK: usize = 256;

impl Model {
    /// Loads a model from its two files.
    pub(crate) fn load(
        spec: ModelSpec,
        onnx: &'static [u8],
        vocabulary: &str,
    ) -> Result<Self, EmbedError> {
        let sessions = Sessions::load(spec.name, onnx)?;
        let tokenizer = Tokenizer::from_vocabulary(spec.name, vocabulary)?;
        let hash = blake3::Hasher::new()
            .update(onnx)
            .update(vocabulary.as_bytes())
            .finalize();
        let id = format!("{}-{}", spec.name, &hash.to_hex()[..8]);
        Ok(Self {
            spec,
            id,
            tokenizer,
            sessions,
        })
    }

    /// Embeds texts on this thread; `output` has a row of zeros for each.
    fn embed_here(&self, role: Role, texts: &[&str], output: &mut [f32]) -> Result<(), EmbedError> {
        let most = match role {
            Role::Query => self.spec.query_tokens,
            Role::Document => self.spec.document_tokens,
        };
        let mut encoded = Encoded::default();
        for text in texts {
            let start = encoded.ids.len();
            self.tokenizer.encode(text, most, &mut encoded.ids);
            encoded.texts.push(start..encoded.ids.len());
        }
        let batches = plan(&encoded);
        if batches.is_empty() {
            return Ok(());
        }
        self.sessions.with(|session| {
            for batch in &batches {
                self.run(session, role, &encoded, batch, output)?;
            }
            Ok(())
        })
    }

    /// Runs one batch and writes its rows.
    fn run(
        &self,
        session: &mut ort::session::Session,
        role: Role,
        encoded: &Encoded,
        batch: &Batch,
        output: &mut [f32],
    ) -> Result<(), EmbedError> {
        let (rows, width, dimensions) = (batch.rows.len(), batch.width, self.spec.dimensions);
        let mut ids = vec![0_i64; rows * width];
        let mut mask = vec![0_i64; rows * width];
        for (line, &row) in batch.rows.iter().enumerate() {
            for (at, &id) in encoded.ids[encoded.texts[row].clone()].iter().enumerate() {
                ids[line * width + at] = i64::from(id);
                mask[line * width + at] = 1;
            }
        }
        let kinds = vec![i64::from(role == Role::Query); rows * width];
        let fail = |source| EmbedError::Run {
            model: self.id.clone(),
            texts: rows,
            source,
        };
        let tensor = |values| TensorRef::from_array_view(([rows, width], values)).map_err(fail);
        let outputs = session
            .run(ort::inputs![
                "input_ids" => tensor(&ids[..])?,
                "attention_mask" => tensor(&mask[..])?,
                "token_type_ids" => tensor(&kinds[..])?,
            ])
            .map_err(fail)?;
        let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(fail)?;
        if **shape != [rows as i64, dimensions as i64] {
            return Err(EmbedError::Shape {
                model: self.id.clone(),
                texts: rows,
                dimensions,
                found: shape.to_vec(),
            });
        }
        for (values, &row) in values.chunks_exact(dimensions).zip(&batch.rows) {
            output[row * dimensions..(row + 1) * dimensions].copy_from_slice(values);
        }
        Ok(())
    }
}

impl Embedder for Model {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.spec.dimensions
    }

    fn embed(&self, role: Role, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
        let dimensions = self.spec.dimensions;
        let mut output = vec![0.0; texts.len() * dimensions];
        if texts.len() <= TEXTS_PER_TASK {
            self.embed_here(role, texts, &mut output)?;
        } else {
            texts
                .par_chunks(TEXTS_PER_TASK)
                .zip(output.par_chunks_mut(TEXTS_PER_TASK * dimensions))
                .try_for_each(|(texts, output)| self.embed_here(role, texts, output))?;
        }
        Ok(output)
    }

    fn knows_any(&self, text: &str) -> bool {
        self.tokenizer.knows_any(text)
    }
}
