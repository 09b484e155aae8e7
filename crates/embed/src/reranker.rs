//! A cross-encoder: reads a question and a text together and says how well the
//! text answers. Slow, and right more often than what looks at both apart.

use std::path::Path;
use std::time::Instant;

use crate::EmbedError;
use crate::batch::Encoded;
use crate::registry::Manifest;
use crate::transformer::Transformer;

/// A loaded re-ranker.
pub struct Reranker(Transformer);

/// Texts that are scored together: the time is looked at after each group.
const GROUP: usize = 4;
/// Bytes of a text that are looked at.
const MAX_BYTES: usize = 4096;

impl Reranker {
    /// Loads the model of a folder.
    pub fn load(folder: &Path, manifest: &Manifest) -> Result<Self, EmbedError> {
        Transformer::load(folder, manifest).map(Self)
    }

    /// The model.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Scores texts in order, higher is better, until `until`: those that were
    /// reached, so fewer than there are texts when the time ran out.
    pub fn scores(
        &self,
        question: &str,
        texts: &[String],
        until: Instant,
    ) -> Result<Vec<f32>, EmbedError> {
        let mut scores = Vec::with_capacity(texts.len());
        for group in texts.chunks(GROUP) {
            if Instant::now() >= until {
                break;
            }
            scores.extend(self.group(question, group)?);
        }
        Ok(scores)
    }

    fn group(&self, question: &str, texts: &[String]) -> Result<Vec<f32>, EmbedError> {
        let mut encoded = Encoded::default();
        for text in texts {
            let end = text.floor_char_boundary(MAX_BYTES.min(text.len()));
            self.0.encode(question, Some(&text[..end]), &mut encoded)?;
        }
        let mut scores = vec![0.0; texts.len()];
        self.0.run(&encoded, |batch, given| {
            if given.values.len() != batch.rows.len() {
                return Err(EmbedError::Shape {
                    model: self.name().to_owned(),
                    expected: vec![batch.rows.len() as i64, 1],
                    found: given.shape,
                });
            }
            for (value, &row) in given.values.iter().zip(&batch.rows) {
                scores[row] = *value;
            }
            Ok(())
        })?;
        Ok(scores)
    }

    /// Asks the model something, as a check that it works at all.
    pub(crate) fn tried(&self) -> Result<(), EmbedError> {
        let texts = [
            "def check(password): compare the hash of the password",
            "the weather is fine",
        ]
        .map(str::to_owned);
        let scores = self.group("where is the password checked", &texts)?;
        if scores.iter().all(|score| score.is_finite()) && scores[0] > scores[1] {
            Ok(())
        } else {
            Err(EmbedError::Unusable {
                model: self.name().to_owned(),
                reason: "it ranks the weather before a password check".to_owned(),
            })
        }
    }
}
