//! Any sentence encoder in ONNX, from a folder of the registry: its own
//! tokenizer, pooling by its manifest.

use std::path::Path;

use crate::batch::Encoded;
use crate::document::DocumentParts;
use crate::registry::{Manifest, ModelError, Pooling};
use crate::transformer::Transformer;
use crate::{EmbedError, Embedder};

/// A loaded encoder.
pub struct Encoder {
    manifest: Manifest,
    id: String,
    transformer: Transformer,
}

/// Bytes of a text that are looked at for each token that is read: what comes
/// after is beyond the tokens, and tokenising it would cost time and memory.
const BYTES_PER_TOKEN: usize = 16;

impl Encoder {
    /// Loads the model of a folder. Its checksums are not looked at here.
    pub fn load(folder: &Path, manifest: &Manifest) -> Result<Self, EmbedError> {
        Ok(Self {
            id: manifest.model_id(),
            manifest: manifest.clone(),
            transformer: Transformer::load(folder, manifest)?,
        })
    }

    /// Length of the vectors that a model gives, and whether it gives one a text
    /// and not one a token; found out by asking for one.
    pub(crate) fn shape_of(
        folder: &Path,
        manifest: &Manifest,
    ) -> Result<(usize, bool), ModelError> {
        let transformer = Transformer::load(folder, manifest)?;
        let mut encoded = Encoded::default();
        transformer.encode("a text", None, &mut encoded)?;
        let mut found = (0, false);
        transformer.run(&encoded, |_, given| {
            let dimensions = given.shape.last().copied().unwrap_or(0) as usize;
            found = (dimensions, given.shape.len() == 2);
            Ok(())
        })?;
        Ok(found)
    }

    /// Asks the model something, as a check that it works at all.
    pub(crate) fn tried(&self) -> Result<(), EmbedError> {
        let rows = self.embed_queries(&["where is a session opened"])?;
        if rows.iter().all(|value| value.is_finite()) && rows.iter().any(|value| *value != 0.0) {
            Ok(())
        } else {
            Err(self.no_tokens())
        }
    }

    fn no_tokens(&self) -> EmbedError {
        EmbedError::Unusable {
            model: self.manifest.name.clone(),
            reason: "it gives no vector of a plain sentence".to_owned(),
        }
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<f32>, EmbedError> {
        let dimensions = self.manifest.dimensions;
        let mut output = vec![0.0; texts.len() * dimensions];
        let mut encoded = Encoded::default();
        for text in texts {
            if text.trim().is_empty() {
                // No text has a vector of its special tokens alone.
                let end = encoded.ids.len();
                encoded.texts.push(end..end);
            } else {
                self.transformer.encode(text, None, &mut encoded)?;
            }
        }
        self.transformer.run(&encoded, |batch, given| {
            let rows = batch.rows.len();
            let expected: &[i64] = match self.manifest.pooling {
                Pooling::None => &[rows as i64, dimensions as i64],
                _ => &[rows as i64, batch.width as i64, dimensions as i64],
            };
            if given.shape != expected {
                return Err(EmbedError::Shape {
                    model: self.id.clone(),
                    expected: expected.to_vec(),
                    found: given.shape,
                });
            }
            for (line, &row) in batch.rows.iter().enumerate() {
                let length = encoded.texts[row].len();
                let target = &mut output[row * dimensions..(row + 1) * dimensions];
                self.pool(&given.values, line, batch.width, length, target);
            }
            Ok(())
        })?;
        Ok(output)
    }

    /// Writes the vector of one text of a batch.
    fn pool(&self, values: &[f32], line: usize, width: usize, length: usize, target: &mut [f32]) {
        let d = self.manifest.dimensions;
        match self.manifest.pooling {
            Pooling::None => target.copy_from_slice(&values[line * d..(line + 1) * d]),
            Pooling::Cls => {
                let start = line * width * d;
                target.copy_from_slice(&values[start..start + d]);
            }
            Pooling::Mean => {
                let start = line * width * d;
                for token in values[start..start + length * d].chunks_exact(d) {
                    for (sum, value) in target.iter_mut().zip(token) {
                        *sum += value / length as f32;
                    }
                }
            }
        }
        if self.manifest.normalise {
            let norm = target.iter().map(|value| value * value).sum::<f32>().sqrt();
            if norm > 0.0 {
                for value in target {
                    *value /= norm;
                }
            }
        }
    }

    /// A text as the model reads it: cut where its tokens certainly end.
    fn bounded(&self, prefix: &str, text: &str) -> String {
        let most = self.manifest.max_tokens * BYTES_PER_TOKEN;
        let end = text.floor_char_boundary(most.min(text.len()));
        format!("{prefix}{}", &text[..end])
    }
}

impl Embedder for Encoder {
    fn model_id(&self) -> &str {
        &self.id
    }

    fn dimensions(&self) -> usize {
        self.manifest.dimensions
    }

    fn embed_queries(&self, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
        let prefix = &self.manifest.query_prefix;
        let texts: Vec<String> = texts
            .iter()
            .map(|text| self.bounded(prefix, text))
            .collect();
        self.embed(&texts)
    }

    fn embed_documents(&self, documents: &[DocumentParts<'_>]) -> Result<Vec<f32>, EmbedError> {
        let prefix = &self.manifest.document_prefix;
        let texts: Vec<String> = documents
            .iter()
            .map(|document| self.bounded(prefix, &document.as_text()))
            .collect();
        self.embed(&texts)
    }

    fn knows_any(&self, _text: &str) -> bool {
        // Word pieces and their context: no word is unknown.
        true
    }
}
