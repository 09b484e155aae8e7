//! Index runs behind git hooks: many may be asked for within a second (a rebase
//! makes as many as it has commits), one process at a time carries them out.
//!
//! Who asks leaves a note and then tries to get the turn. Whoever has it works
//! until there is no note; a note that is left when it just ended is seen by the
//! one who left it, since it then gets the turn itself.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::IndexError;
use crate::locate::Location;

/// What became of the last run behind a hook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// The hook that asked for it.
    pub hook: String,
    /// When it ended, in seconds since the epoch.
    pub at: u64,
    /// How long it took.
    pub seconds: f64,
    /// Files that were chunked and embedded, or removed.
    pub files: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The turn to index a checkout behind its hooks; given back when dropped, or by
/// the system when its holder dies.
pub struct Turn {
    location: Location,
    _lock: File,
}

impl Location {
    /// Whether this index was ever built.
    pub fn is_indexed(&self) -> bool {
        self.index.join("lexical").join("meta.json").exists()
    }

    fn of_this_checkout(&self, what: &str) -> PathBuf {
        let root = self.checkout.root.as_os_str().as_encoded_bytes();
        let hash = blake3::hash(root).to_hex();
        self.index.join(format!("{what}-{}", &hash[..16]))
    }

    /// Notes that the checkout has changed, as this hook says.
    pub fn leave_note(&self, hook: &str) -> Result<(), IndexError> {
        let path = self.of_this_checkout("asked");
        fs::write(&path, hook).map_err(IndexError::io("write", &path))
    }

    /// Whether somebody has noted a change since the last run began.
    pub fn has_note(&self) -> bool {
        self.of_this_checkout("asked").exists()
    }

    /// Takes the turn; `None` when another process has it.
    pub fn take_turn(&self) -> Result<Option<Turn>, IndexError> {
        let path = self.of_this_checkout("turn");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(IndexError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Turn {
                location: self.clone(),
                _lock: lock,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(IndexError::io("lock", &path)(error)),
        }
    }

    /// What became of the last run behind a hook, if there was one.
    pub fn last_run(&self) -> Option<LastRun> {
        let text = fs::read(self.of_this_checkout("hook")).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Turn {
    /// Takes the note away and says which hook left it; `None` when there is none,
    /// so that nothing is to be done.
    pub fn take_note(&self) -> Result<Option<String>, IndexError> {
        let path = self.location.of_this_checkout("asked");
        // One that is left between the two is for what the run that follows finds.
        let hook = fs::read_to_string(&path).unwrap_or_default();
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(hook)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(IndexError::io("remove", &path)(error)),
        }
    }

    /// Writes down what became of a run, for `wherein hook status`.
    pub fn report(&self, run: &LastRun) {
        let path = self.location.of_this_checkout("hook");
        let text = serde_json::to_vec(run).unwrap_or_default();
        if let Err(error) = fs::write(&path, text) {
            tracing::debug!(%error, path = %path.display(), "the run is not noted");
        }
    }
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_left_for_whoever_has_the_turn() {
        let folder = tempfile::tempdir().expect("folder");
        let location =
            Location::exactly(&folder.path().join("home"), folder.path()).expect("found");
        assert!(!location.is_indexed());
        fs::create_dir_all(&location.index).expect("created");
        let turn = location.take_turn().expect("free").expect("a turn");
        assert_eq!(turn.take_note().expect("read"), None);
        location.leave_note("post-commit").expect("left");
        location.leave_note("post-merge").expect("left again");
        assert!(location.take_turn().expect("held").is_none());
        let hook = turn.take_note().expect("taken");
        assert_eq!(hook.as_deref(), Some("post-merge"));
        assert!(!location.has_note());
        location.leave_note("post-commit").expect("left");
        drop(turn);
        // Who left it finds it, and the turn is free.
        assert!(location.has_note());
        let turn = location.take_turn().expect("free").expect("a turn");
        assert!(turn.take_note().expect("taken").is_some());
        assert_eq!(location.last_run(), None);
        let run = LastRun {
            hook: "post-commit".to_owned(),
            at: now(),
            seconds: 0.5,
            files: 2,
            error: None,
        };
        turn.report(&run);
        assert_eq!(location.last_run(), Some(run));
    }
}
