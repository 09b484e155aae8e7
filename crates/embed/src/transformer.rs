//! What encoders and re-rankers share: the tokenizer and the graph of their folder.

use std::path::Path;

use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use tokenizers::{TruncationParams, TruncationStrategy};

use crate::EmbedError;
use crate::batch::{Batch, Encoded, plan};
use crate::registry::{GRAPH, Manifest, TOKENIZER};
use crate::sessions::{Graph, Sessions, Threads};

/// A tokenizer as Hugging Face's library reads it.
struct TextTokenizer(tokenizers::Tokenizer);

impl TextTokenizer {
    /// Reads a `tokenizer.json`; what it says of padding is not followed, since
    /// batches are padded here, and it cuts texts at `max_tokens`.
    fn load(path: &Path, max_tokens: usize) -> Result<Self, EmbedError> {
        let fail = |error: tokenizers::Error| EmbedError::Unusable {
            model: path.display().to_string(),
            reason: format!("no tokenizer that can be read: {error}"),
        };
        let mut tokenizer = tokenizers::Tokenizer::from_file(path).map_err(fail)?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                strategy: TruncationStrategy::LongestFirst,
                ..TruncationParams::default()
            }))
            .map_err(fail)?;
        Ok(Self(tokenizer))
    }

    /// Adds the tokens of a text, or of a pair of texts.
    fn encode(
        &self,
        text: &str,
        second: Option<&str>,
        encoded: &mut Encoded,
    ) -> Result<(), EmbedError> {
        let made = match second {
            None => self.0.encode(text, true),
            Some(second) => self.0.encode((text, second), true),
        };
        let made = made.map_err(|error| EmbedError::Unusable {
            model: "tokenizer".to_owned(),
            reason: error.to_string(),
        })?;
        let start = encoded.ids.len();
        encoded.ids.extend_from_slice(made.get_ids());
        let types = made.get_type_ids().iter().map(|kind| *kind as u8);
        encoded.fields.extend(types);
        encoded.texts.push(start..encoded.ids.len());
        Ok(())
    }
}

/// A loaded transformer, whatever its output means.
pub(crate) struct Transformer {
    name: String,
    tokenizer: TextTokenizer,
    sessions: Sessions,
    inputs: Vec<&'static str>,
}

impl Transformer {
    /// Loads the model of a folder. Its checksums are not looked at here.
    pub(crate) fn load(folder: &Path, manifest: &Manifest) -> Result<Self, EmbedError> {
        let tokenizer = TextTokenizer::load(&folder.join(TOKENIZER), manifest.max_tokens)?;
        let graph = Graph::File(folder.join(GRAPH));
        let sessions = Sessions::load(&manifest.name, graph, Threads::Session)?;
        let inputs = sessions.with(|session| inputs(&manifest.name, session))?;
        Ok(Self {
            name: manifest.name.clone(),
            tokenizer,
            sessions,
            inputs,
        })
    }

    /// Name of the model.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Adds the tokens of a text, or of a pair of texts.
    pub(crate) fn encode(
        &self,
        text: &str,
        second: Option<&str>,
        encoded: &mut Encoded,
    ) -> Result<(), EmbedError> {
        self.tokenizer.encode(text, second, encoded)
    }

    /// Runs all texts, in batches; `each` gets what the graph gave for a batch.
    pub(crate) fn run(
        &self,
        encoded: &Encoded,
        mut each: impl FnMut(&Batch, Output) -> Result<(), EmbedError>,
    ) -> Result<(), EmbedError> {
        self.sessions.with(|session| {
            for batch in &plan(encoded) {
                let given = run(&self.name, session, &self.inputs, encoded, batch)?;
                each(batch, given)?;
            }
            Ok(())
        })
    }
}

/// The inputs that graphs of this kind have.
const INPUTS: [&str; 3] = ["input_ids", "attention_mask", "token_type_ids"];

/// The inputs of a graph; an error when it has others than we can give.
fn inputs(model: &str, session: &Session) -> Result<Vec<&'static str>, EmbedError> {
    let unusable = |reason| EmbedError::Unusable {
        model: model.to_owned(),
        reason,
    };
    let found: Vec<&str> = session
        .inputs()
        .iter()
        .map(ort::value::Outlet::name)
        .collect();
    let known: Vec<&'static str> = INPUTS
        .into_iter()
        .filter(|name| found.contains(name))
        .collect();
    if known.len() != found.len() || !known.contains(&"input_ids") {
        return Err(unusable(format!(
            "its graph takes {}, where input_ids, attention_mask and token_type_ids can be given",
            found.join(", ")
        )));
    }
    Ok(known)
}

/// What a graph gave for a batch.
pub(crate) struct Output {
    pub(crate) shape: Vec<i64>,
    pub(crate) values: Vec<f32>,
}

/// Runs a batch; its first output.
fn run(
    model: &str,
    session: &mut Session,
    inputs: &[&'static str],
    encoded: &Encoded,
    batch: &Batch,
) -> Result<Output, EmbedError> {
    let (rows, width) = (batch.rows.len(), batch.width);
    let mut ids = vec![0_i64; rows * width];
    let mut mask = vec![0_i64; rows * width];
    let mut kinds = vec![0_i64; rows * width];
    for (line, &row) in batch.rows.iter().enumerate() {
        for (at, from) in (line * width..).zip(encoded.texts[row].clone()) {
            ids[at] = i64::from(encoded.ids[from]);
            kinds[at] = i64::from(encoded.fields[from]);
            mask[at] = 1;
        }
    }
    let fail = |source| EmbedError::Run {
        model: model.to_owned(),
        texts: rows,
        source,
    };
    let mut given: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
    for name in inputs {
        let values = match *name {
            "input_ids" => &ids,
            "attention_mask" => &mask,
            _ => &kinds,
        };
        let tensor = TensorRef::from_array_view(([rows, width], &values[..])).map_err(fail)?;
        given.push((name, tensor.into()));
    }
    let outputs = session.run(given).map_err(fail)?;
    let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(fail)?;
    Ok(Output {
        shape: shape.to_vec(),
        values: values.to_vec(),
    })
}
