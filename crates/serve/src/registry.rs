//! Which repositories are served: a JSON file under the home folder that
//! survives restarts, replaced atomically on each change.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::ServeError;

/// Version of the file's format.
const VERSION: u32 = 1;
/// A larger file is not ours.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Most repositories of one service.
pub(crate) const MAX_REPOSITORIES: usize = 256;
/// Longest name of a repository.
const MAX_NAME_BYTES: usize = 64;

/// The roots by name.
pub(crate) type Roots = BTreeMap<String, PathBuf>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    repositories: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: PathBuf,
}

/// The file that holds the registry.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
}

/// Whether a repository may be named so: `[A-Za-z0-9._-]{1,64}`, and not a
/// name that stands for a folder in a URL.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(plain)
        && name != "."
        && name != ".."
}

impl Registry {
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            path: home.join("serve").join("repos.json"),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it; none yet is an empty one.
    pub(crate) fn load(&self) -> Result<Roots, ServeError> {
        let text = match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Roots::new()),
            Err(error) => return Err(self.bad(&error)),
            Ok(metadata) if !metadata.is_file() => return Err(self.bad(&"it is not a file")),
            Ok(metadata) if metadata.len() > MAX_FILE_BYTES => {
                return Err(self.bad(&format!("it has more than {MAX_FILE_BYTES} bytes")));
            }
            Ok(_) => fs::read_to_string(&self.path).map_err(|error| self.bad(&error))?,
        };
        let document: Document = serde_json::from_str(&text)
            .map_err(|error| self.bad(&format!("it is damaged ({error})")))?;
        if document.version != VERSION {
            let found = document.version;
            return Err(self.bad(&format!(
                "it has format version {found}, this program reads {VERSION}"
            )));
        }
        if document.repositories.len() > MAX_REPOSITORIES {
            return Err(self.bad(&format!(
                "it names more than {MAX_REPOSITORIES} repositories"
            )));
        }
        let mut roots = Roots::new();
        for (name, entry) in document.repositories {
            if !is_name(&name) || !entry.path.is_absolute() {
                return Err(self.bad(&format!("it is damaged (the entry {name:?})")));
            }
            roots.insert(name, entry.path);
        }
        Ok(roots)
    }

    /// Reads it, changes it and writes it, while no other process does.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Roots)) -> Result<(), ServeError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| self.bad(&error))?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("repos.lock"))
            .map_err(|error| self.bad(&error))?;
        lock.lock().map_err(|error| self.bad(&error))?;
        let mut roots = self.load()?;
        change(&mut roots);
        self.save(folder, roots)
    }

    fn save(&self, folder: &Path, roots: Roots) -> Result<(), ServeError> {
        let document = Document {
            version: VERSION,
            repositories: roots
                .into_iter()
                .map(|(name, path)| (name, Entry { path }))
                .collect(),
        };
        let text = serde_json::to_vec_pretty(&document).map_err(|error| self.bad(&error))?;
        let temporary = self.path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(&text)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            if cfg!(unix) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        write().map_err(|error| self.bad(&error))
    }

    fn bad(&self, detail: &dyn ToString) -> ServeError {
        ServeError::Registry {
            path: self.path.clone(),
            detail: detail.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_named() {
        let home = tempfile::tempdir().expect("folder");
        let registry = Registry::new(home.path());
        assert!(registry.load().expect("loads").is_empty());
        registry
            .change(|roots| {
                roots.insert("one".to_owned(), PathBuf::from("/srv/one"));
            })
            .expect("saves");
        let loaded = registry.load().expect("loads");
        assert_eq!(loaded["one"], PathBuf::from("/srv/one"));
        for damage in [
            "",
            "{",
            "[]",
            r#"{"version":2,"repositories":{}}"#,
            r#"{"version":1,"repositories":{"a/b":{"path":"/x"}}}"#,
            r#"{"version":1,"repositories":{"a":{"path":"x"}}}"#,
        ] {
            fs::write(&registry.path, damage).expect("writes");
            let error = registry.load().expect_err(damage).to_string();
            assert!(error.contains("repos.json"), "{error}");
            assert!(
                registry.change(|_| ()).is_err(),
                "damage is not written over"
            );
        }
    }

    #[test]
    fn names_are_plain() {
        for good in ["a", "A.b-c_9", "...", &"x".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\0", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
