//! `model.toml`: what a model's folder says of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{GRAPH, MANIFEST, ModelError, TOKENIZER};

/// What a model does with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Gives a vector of each text.
    Encoder,
    /// Gives a score of a question and a text together.
    Reranker,
}

/// How the vector of a text is made of those of its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first token's.
    Cls,
    /// The mean of all.
    #[default]
    Mean,
    /// The graph gives one vector a text.
    None,
}

/// A model, as its folder describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name in the registry: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it does.
    pub kind: ModelKind,
    /// Length of a vector; 0 for a re-ranker.
    #[serde(default)]
    pub dimensions: usize,
    /// From tokens to a text.
    #[serde(default)]
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1 after pooling.
    #[serde(default = "yes")]
    pub normalise: bool,
    /// Tokens read of a text at most.
    #[serde(default = "default_tokens")]
    pub max_tokens: usize,
    /// Put before a question.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before a text that is searched.
    #[serde(default)]
    pub document_prefix: String,
    /// Under which licence it may be used.
    #[serde(default)]
    pub licence: String,
    /// Where it is from.
    #[serde(default)]
    pub source: String,
    /// Checksums in hexadecimal, by file.
    #[serde(default)]
    pub sha256: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

fn default_tokens() -> usize {
    256
}

/// Length of a vector at most; a manifest is not trusted with our memory.
const MAX_DIMENSIONS: usize = 4096;
/// Tokens of a text at most.
const MAX_TOKENS: usize = 8192;

impl Manifest {
    /// Reads and checks `model.toml` of a folder.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(ModelError::io("read", &path))?;
        let manifest: Self = toml::from_str(&text)
            .map_err(|error| ModelError::manifest(&path, error.message().to_owned()))?;
        manifest.check(&path)?;
        Ok(manifest)
    }

    /// Writes `model.toml` into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join(MANIFEST);
        self.check(&path)?;
        let text = toml::to_string(self)
            .map_err(|error| ModelError::manifest(&path, error.to_string()))?;
        std::fs::write(&path, text).map_err(ModelError::io("write", &path))
    }

    /// Name and hash of all that vectors depend on: those of different ids are
    /// never compared.
    pub fn model_id(&self) -> String {
        let sum = |file| self.sha256.get(file).map_or("", String::as_str);
        let recipe = format!(
            "{}/{}/{:?}/{}/{}/{}/{}",
            sum(GRAPH),
            sum(TOKENIZER),
            self.pooling,
            self.normalise,
            self.max_tokens,
            self.query_prefix,
            self.document_prefix
        );
        let hash = blake3::hash(recipe.as_bytes()).to_hex();
        format!("{}-{}", self.name, &hash[..8])
    }

    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let fail = |reason: &str| Err(ModelError::manifest(path, reason.to_owned()));
        if !is_name(&self.name) {
            return fail("`name` must be letters, digits, `-`, `_` or `.`, 64 at most");
        }
        if self.kind == ModelKind::Encoder && !(1..=MAX_DIMENSIONS).contains(&self.dimensions) {
            return fail("`dimensions` must lie between 1 and 4096");
        }
        if !(8..=MAX_TOKENS).contains(&self.max_tokens) {
            return fail("`max_tokens` must lie between 8 and 8192");
        }
        for (file, sum) in &self.sha256 {
            let is_plain = !file.is_empty() && !file.contains(['/', '\\']) && file != "..";
            if !is_plain || sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
                return fail("`sha256` must give the 64 digits of files in this folder");
            }
        }
        Ok(())
    }
}

/// Whether a text can name a model, and so a folder.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest, ModelError> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(MANIFEST), text).expect("a file");
        Manifest::read(folder.path())
    }

    #[test]
    fn what_is_written_is_read() {
        let least = "name = \"a\"\nkind = \"encoder\"\ndimensions = 384\n";
        let manifest = read(least).expect("a manifest");
        assert_eq!((manifest.max_tokens, manifest.normalise), (256, true));
        assert_eq!(manifest.pooling, Pooling::Mean);
        let folder = tempfile::tempdir().expect("a folder");
        manifest.write(folder.path()).expect("written");
        assert_eq!(Manifest::read(folder.path()).expect("read"), manifest);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_path() {
        for (text, reason) in [
            ("", "missing field"),
            (
                "name = \"../a\"\nkind = \"encoder\"\ndimensions = 1",
                "`name`",
            ),
            ("name = \"a\"\nkind = \"encoder\"", "`dimensions`"),
            (
                "name = \"a\"\nkind = \"encoder\"\ndimensions = 99999",
                "`dimensions`",
            ),
            ("name = \"a\"\nkind = \"singer\"", "unknown variant"),
            (
                "name = \"a\"\nkind = \"reranker\"\nmax_tokens = 1",
                "`max_tokens`",
            ),
            (
                "name = \"a\"\nkind = \"reranker\"\nmin_tokens = 1",
                "unknown field",
            ),
            (
                "name = \"a\"\nkind = \"reranker\"\n[sha256]\n\"../x\" = \"00\"",
                "`sha256`",
            ),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(
                error.contains(reason) && error.contains(MANIFEST),
                "{error}"
            );
        }
    }
}
