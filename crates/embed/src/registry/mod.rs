//! The models of this machine: a folder each, under `models/` of the data folder,
//! with an ONNX graph, a tokenizer and a `model.toml`.
//!
//! A model appears all at once, checked, or not at all: it is put together in a
//! folder beside and renamed.

mod add;
mod error;
mod manifest;
mod sources;

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Encoder, Reranker};
use sha2::{Digest, Sha256};

pub use add::Added;
pub use error::ModelError;
pub use manifest::{Manifest, ModelKind, Pooling};
pub use sources::{OFFERED, Offer, RUNTIME};

/// What a folder says of its model.
pub(crate) const MANIFEST: &str = "model.toml";
/// The graph.
pub(crate) const GRAPH: &str = "model.onnx";
/// The tokenizer, as Hugging Face's `tokenizers` writes it.
pub(crate) const TOKENIZER: &str = "tokenizer.json";
/// File that names the model in use.
const IN_USE: &str = "in-use";

/// The folder of all models.
#[derive(Clone, Debug)]
pub struct Registry {
    home: PathBuf,
}

/// A model that is there.
#[derive(Debug)]
pub struct Installed {
    /// Its name: that of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// What it says of itself, or why it cannot be used.
    pub manifest: Result<Manifest, ModelError>,
}

impl Installed {
    /// Loads the model and asks it something with a known answer.
    pub fn tried(&self) -> Result<(), ModelError> {
        try_out(&self.folder)
    }
}

impl Registry {
    /// The registry in a data folder.
    pub fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
        }
    }

    /// The data folder.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    /// Folder of the model of this name.
    fn folder(&self, name: &str) -> Result<PathBuf, ModelError> {
        if manifest::is_name(name) {
            Ok(self.models().join(name))
        } else {
            Err(ModelError::unknown(name))
        }
    }

    /// All models, by name; a broken one says what is wrong with it.
    pub fn list(&self) -> Result<Vec<Installed>, ModelError> {
        let models = self.models();
        let entries = match std::fs::read_dir(&models) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ModelError::io("read", &models)(error)),
        };
        let mut found: Vec<Installed> = entries
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| self.installed(&entry.file_name().to_string_lossy()))
            .collect();
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// One model; `None` when there is none of this name.
    pub fn installed(&self, name: &str) -> Option<Installed> {
        let folder = self.folder(name).ok().filter(|folder| folder.is_dir())?;
        let manifest = Manifest::read(&folder).and_then(|manifest| {
            if manifest.name == name {
                Ok(manifest)
            } else {
                let reason = format!("it names the model {}", manifest.name);
                Err(ModelError::manifest(&folder.join(MANIFEST), reason))
            }
        });
        let sizes = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        Some(Installed {
            name: name.to_owned(),
            bytes: sizes
                .filter_map(|one| Some(one.metadata().ok()?.len()))
                .sum(),
            folder,
            manifest,
        })
    }

    /// A model that must be there and whole, its files checked against their checksums.
    pub fn verified(&self, name: &str) -> Result<Installed, ModelError> {
        let installed = self
            .installed(name)
            .ok_or_else(|| ModelError::unknown(name))?;
        if let Ok(manifest) = &installed.manifest {
            verify(&installed.folder, manifest)?;
            return Ok(installed);
        }
        installed
            .manifest
            .and_then(|_| Err(ModelError::unknown(name)))
    }

    /// Name of the encoder that is in use beside the built-in one.
    pub fn in_use(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.models().join(IN_USE)).ok()?;
        let name = text.trim();
        manifest::is_name(name).then(|| name.to_owned())
    }

    /// Uses an encoder beside the built-in one, or none.
    pub fn choose(&self, name: Option<&str>) -> Result<(), ModelError> {
        let path = self.models().join(IN_USE);
        let Some(name) = name else {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(ModelError::io("remove", &path)(error))
                }
                _ => Ok(()),
            };
        };
        let installed = self.verified(name)?;
        if installed
            .manifest
            .is_ok_and(|manifest| manifest.kind != ModelKind::Encoder)
        {
            return Err(ModelError::NotAnEncoder {
                name: name.to_owned(),
            });
        }
        replace(&path, name.as_bytes())
    }

    /// Removes a model; one in use is not used any more.
    pub fn remove(&self, name: &str) -> Result<(), ModelError> {
        let folder = self.folder(name)?;
        if !folder.is_dir() {
            return Err(ModelError::unknown(name));
        }
        if self.in_use().as_deref() == Some(name) {
            self.choose(None)?;
        }
        // Out of the way first: a removal that dies half way leaves no half model.
        let gone = self.models().join(format!(".{name}.gone"));
        std::fs::rename(&folder, &gone).map_err(ModelError::io("remove", &folder))?;
        std::fs::remove_dir_all(&gone).map_err(ModelError::io("remove", &gone))
    }
}

/// Loads the model of a folder and asks it something with a known answer.
pub(crate) fn try_out(folder: &Path) -> Result<(), ModelError> {
    let manifest = Manifest::read(folder)?;
    match manifest.kind {
        ModelKind::Encoder => Encoder::load(folder, &manifest)?.tried()?,
        ModelKind::Reranker => Reranker::load(folder, &manifest)?.tried()?,
    }
    Ok(())
}

/// Checks the files of a folder against the checksums of its manifest; all that
/// are needed must be there and have one.
pub(crate) fn verify(folder: &Path, manifest: &Manifest) -> Result<(), ModelError> {
    for file in [GRAPH, TOKENIZER] {
        let path = folder.join(file);
        let Some(expected) = manifest.sha256.get(file) else {
            let reason = format!("`sha256` lacks {file}");
            return Err(ModelError::manifest(&folder.join(MANIFEST), reason));
        };
        let found = sha256(&path)?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(ModelError::Checksum {
                path,
                expected: expected.clone(),
                found,
            });
        }
    }
    Ok(())
}

/// The checksum of a file, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String, ModelError> {
    let mut file = std::fs::File::open(path).map_err(ModelError::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file
            .read(&mut buffer)
            .map_err(ModelError::io("read", path))?
        {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(format!("{:x}", hasher.finalize()))
}

/// Writes a file so that it is there whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).map_err(ModelError::io("write", &beside))?;
    std::fs::rename(&beside, path).map_err(ModelError::io("write", path))
}
