//! Index jobs that were asked for and are not done, in a file: a service that was ended or
//! killed goes on with them when it starts again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A larger file is not ours.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Version of the file's format.
const VERSION: u32 = 1;

/// How long the service before may take to end.
const ENDING: Duration = Duration::from_millis(200);

/// A job that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) repo: String,
    pub(crate) full: bool,
    pub(crate) created_at: u64,
    /// Services in which it has begun to run.
    #[serde(default)]
    pub(crate) attempts: u32,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    jobs: Vec<Entry>,
}

/// The file. Of several services over one data folder the first has it, the others keep
/// no such list.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    _lock: File,
}

impl Unfinished {
    /// `None` when another service has it, or it cannot be kept.
    pub(crate) fn open(home: &Path) -> Option<Self> {
        let folder = home.join("serve");
        let lock = || -> std::io::Result<Option<File>> {
            fs::create_dir_all(&folder)?;
            let lock = File::options()
                .create(true)
                .append(true)
                .open(folder.join("jobs.lock"))?;
            let until = Instant::now() + ENDING;
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(Some(lock)),
                    // One that ends holds it until its last thread has ended.
                    Err(fs::TryLockError::WouldBlock) if Instant::now() < until => {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    Err(fs::TryLockError::WouldBlock) => return Ok(None),
                    Err(fs::TryLockError::Error(error)) => return Err(error),
                }
            }
        };
        match lock() {
            Ok(lock) => Some(Self {
                path: folder.join("jobs.json"),
                _lock: lock?,
            }),
            Err(error) => {
                tracing::warn!(%error, "index jobs will not be gone on with after a restart");
                None
            }
        }
    }

    /// What the service before has left; a damaged list is an empty one, since all that
    /// is lost by it is found by the next look.
    pub(crate) fn load(&self) -> Vec<Entry> {
        let read = || -> Result<Vec<Entry>, String> {
            let metadata = match fs::metadata(&self.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                other => other.map_err(|error| error.to_string())?,
            };
            if metadata.len() > MAX_FILE_BYTES {
                return Err("it is too large".to_owned());
            }
            let text = fs::read_to_string(&self.path).map_err(|error| error.to_string())?;
            let document: Document =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if document.version != VERSION {
                return Err(format!("it has format version {}", document.version));
            }
            Ok(document.jobs)
        };
        read().unwrap_or_else(|error| {
            tracing::warn!(path = %self.path.display(), error, "the list of jobs is left out");
            Vec::new()
        })
    }

    /// Replaces the list.
    pub(crate) fn save(&self, jobs: Vec<Entry>) {
        let document = Document {
            version: VERSION,
            jobs,
        };
        let write = || -> std::io::Result<()> {
            let text = serde_json::to_vec_pretty(&document)?;
            let temporary = self.path.with_extension("json.new");
            File::create(&temporary)?.write_all(&text)?;
            fs::rename(&temporary, &self.path)
        };
        if let Err(error) = write() {
            tracing::warn!(path = %self.path.display(), %error, "the list of jobs is not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_service_keeps_the_list_and_damage_is_no_end() {
        let home = tempfile::tempdir().expect("folder");
        let first = Unfinished::open(home.path()).expect("ours");
        assert!(first.load().is_empty());
        let entry = Entry {
            id: "a-1".to_owned(),
            repo: "shop".to_owned(),
            full: true,
            created_at: 7,
            attempts: 1,
        };
        first.save(vec![entry.clone()]);
        assert!(Unfinished::open(home.path()).is_none());
        drop(first);
        let second = Unfinished::open(home.path()).expect("free again");
        assert_eq!(second.load(), [entry]);
        for damage in ["", "{", "[]", r#"{"version":2,"jobs":[]}"#] {
            fs::write(&second.path, damage).expect("writes");
            assert!(second.load().is_empty(), "{damage}");
        }
    }
}
