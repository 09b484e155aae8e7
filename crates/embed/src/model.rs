//! A sentence encoder in ONNX: tokenise, batch, run, put the rows back in order.

use ort::value::TensorRef;
use rayon::prelude::*;

use crate::batch::{Batch, Encoded, plan};
use crate::document::{DocumentParts, Field};
use crate::sessions::{Graph, Sessions, Threads};
use crate::{EmbedError, Embedder, Tokenizer};

/// What is known of a model before it is loaded. The graph takes `input_ids`,
/// `attention_mask` and `token_type_ids` (`[n, l] int64`; the type is the
/// [`Field`]) and gives `sentence_embedding` (`[n, dimensions] f32`, L2-normalised).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelSpec {
    /// Name without the content hash.
    pub(crate) name: &'static str,
    /// Length of a vector.
    pub(crate) dimensions: usize,
}

/// A loaded model.
pub(crate) struct Model {
    spec: ModelSpec,
    id: String,
    tokenizer: Tokenizer,
    sessions: Sessions,
}

/// Adds the tokens of one text, field by field.
struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    encoded: &'a mut Encoded,
}

impl Encoder<'_> {
    fn field(&mut self, field: Field, text: &str) {
        let ids = &mut self.encoded.ids;
        self.tokenizer.encode(text, field.tokens(), ids);
        self.encoded.fields.resize(ids.len(), field as u8);
    }
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
        let sessions = Sessions::load(spec.name, Graph::BuiltIn(onnx), Threads::Callers)?;
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

    /// Embeds texts, each given by its fields; the work is shared among threads.
    fn embed<T: Sync>(
        &self,
        texts: &[T],
        fields: impl Fn(&T, &mut Encoder<'_>) + Sync,
    ) -> Result<Vec<f32>, EmbedError> {
        let dimensions = self.spec.dimensions;
        let mut output = vec![0.0; texts.len() * dimensions];
        if texts.len() <= TEXTS_PER_TASK {
            self.embed_here(texts, &fields, &mut output)?;
        } else {
            texts
                .par_chunks(TEXTS_PER_TASK)
                .zip(output.par_chunks_mut(TEXTS_PER_TASK * dimensions))
                .try_for_each(|(texts, output)| self.embed_here(texts, &fields, output))?;
        }
        Ok(output)
    }

    /// Embeds texts on this thread; `output` has a row of zeros for each.
    fn embed_here<T>(
        &self,
        texts: &[T],
        fields: &impl Fn(&T, &mut Encoder<'_>),
        output: &mut [f32],
    ) -> Result<(), EmbedError> {
        let mut encoded = Encoded::default();
        for text in texts {
            let start = encoded.ids.len();
            fields(
                text,
                &mut Encoder {
                    tokenizer: &self.tokenizer,
                    encoded: &mut encoded,
                },
            );
            encoded.texts.push(start..encoded.ids.len());
        }
        let batches = plan(&encoded);
        if batches.is_empty() {
            return Ok(());
        }
        self.sessions.with(|session| {
            for batch in &batches {
                self.run(session, &encoded, batch, output)?;
            }
            Ok(())
        })
    }

    /// Runs one batch and writes its rows.
    fn run(
        &self,
        session: &mut ort::session::Session,
        encoded: &Encoded,
        batch: &Batch,
        output: &mut [f32],
    ) -> Result<(), EmbedError> {
        let (rows, width, dimensions) = (batch.rows.len(), batch.width, self.spec.dimensions);
        let mut ids = vec![0_i64; rows * width];
        let mut mask = vec![0_i64; rows * width];
        let mut kinds = vec![0_i64; rows * width];
        for (line, &row) in batch.rows.iter().enumerate() {
            let first = line * width;
            for (at, from) in (first..).zip(encoded.texts[row].clone()) {
                ids[at] = i64::from(encoded.ids[from]);
                kinds[at] = i64::from(encoded.fields[from]);
                mask[at] = 1;
            }
        }
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
                expected: vec![rows as i64, dimensions as i64],
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

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
        self.embed(texts, |text, encoder| encoder.field(Field::Query, text))
    }

    fn embed_documents(&self, documents: &[DocumentParts<'_>]) -> Result<Vec<f32>, EmbedError> {
        self.embed(documents, |document, encoder| {
            for (field, text) in document.fields() {
                encoder.field(field, text);
            }
        })
    }

    fn knows_any(&self, text: &str) -> bool {
        self.tokenizer.knows_any(text)
    }
}
