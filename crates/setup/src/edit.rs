//! One edit of one file: what is put in, and how it is taken out again.

use std::path::Path;

use serde_json::Value;

use crate::error::SetupError;
use crate::places::Server;
use crate::{block, json, toml};

/// The name that the server is registered under.
pub(crate) const NAME: &str = "wherein";

/// How a file of settings holds its servers.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// An object of JSON (with comments) under `key`, by name.
    Json {
        /// The key at the top.
        key: &'static str,
        /// An entry.
        entry: fn(&Server) -> Value,
    },
    /// Tables of TOML, as Codex has them, and its sandbox.
    Codex,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json { key, .. } => write!(f, "Json({key})"),
            Self::Codex => f.write_str("Codex"),
        }
    }
}

/// An edit.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// The server's entry among others.
    Server {
        /// How the file holds it.
        form: Form,
        /// The server.
        server: Server,
    },
    /// The marked block in instructions.
    Block,
    /// A file that is ours alone.
    Whole(&'static str),
}

impl Edit {
    /// The text with the edit made; the same text when it is there already.
    pub(crate) fn put(&self, path: &Path, text: &str) -> Result<String, SetupError> {
        with_body(text, |text| match self {
            Self::Server {
                form: Form::Json { key, entry },
                server,
            } => json::put(path, text, key, &entry(server)),
            Self::Server {
                form: Form::Codex,
                server,
            } => toml::put(path, text, server),
            Self::Block => block::put(path, text),
            Self::Whole(whole) => Ok((*whole).to_owned()),
        })
    }

    /// The text without it, as far as it is still there.
    pub(crate) fn take(&self, path: &Path, text: &str) -> Result<String, SetupError> {
        with_body(text, |text| match self {
            Self::Server {
                form: Form::Json { key, .. },
                ..
            } => json::take(path, text, key),
            Self::Server {
                form: Form::Codex,
                server,
            } => toml::take(path, text, server),
            Self::Block => block::take(path, text),
            // Changed by hand: it is no longer ours.
            Self::Whole(whole) if text != *whole => Ok(text.to_owned()),
            Self::Whole(_) => Ok(String::new()),
        })
    }

    /// Whether a text says nothing, so that a file made for it is not needed.
    pub(crate) fn is_nothing(&self, text: &str) -> bool {
        let text = text.trim();
        let is_json = matches!(
            self,
            Self::Server {
                form: Form::Json { .. },
                ..
            }
        );
        text.is_empty() || is_json && text.trim_matches(['{', '}']).trim().is_empty()
    }

    /// Whether it is there, in whatever form.
    pub(crate) fn is_there(&self, path: &Path, text: &str) -> Result<bool, SetupError> {
        match self {
            Self::Whole(_) => Ok(!text.is_empty()),
            _ => Ok(self.take(path, text)? != text),
        }
    }
}

/// A mark of the byte order is no part of a text, and stays before it.
fn with_body(
    text: &str,
    edit: impl Fn(&str) -> Result<String, SetupError>,
) -> Result<String, SetupError> {
    match text.strip_prefix('\u{feff}') {
        Some(body) => Ok(format!("\u{feff}{}", edit(body)?)),
        None => edit(text),
    }
}
