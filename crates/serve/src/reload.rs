//! Takes up changes of the list of repositories while the service runs: of the registry,
//! which another process may write, and of the settings, which a person edits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wherein_index::{IndexError, Settings};

use crate::ServeOptions;
use crate::registry::Registry;
use crate::state::AppState;

/// How often it is looked whether a file has changed.
const EVERY: Duration = Duration::from_secs(1);

/// How settings are read again.
#[derive(Clone)]
pub struct Reload {
    /// Files that they are read from.
    pub files: Vec<PathBuf>,
    /// Reads them.
    pub read: Arc<dyn Fn() -> Result<Settings, IndexError> + Send + Sync>,
}

impl std::fmt::Debug for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reload")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// What `stat` says of a file, as far as it changes when the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let stamp = || {
            let metadata = std::fs::metadata(path).ok()?;
            #[cfg(unix)]
            let number = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let number = 0;
            Some((metadata.modified().ok()?, metadata.len(), number))
        };
        Self(stamp())
    }
}

/// Looks at the files for as long as the service runs, and at once when it is told to
/// (`SIGHUP`).
pub(crate) async fn follow(state: AppState, mut watched: Watched, mut told: Told) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {
                if !watched.has_changed() {
                    continue;
                }
            }
            () = told.next() => {
                watched.has_changed();
            }
        }
        let (state, set) = (state.clone(), watched.set());
        let taken_up = tokio::task::spawn_blocking(move || state.reload(&set));
        if taken_up.await.is_err() {
            tracing::error!("taking up the list of repositories panicked");
        }
    }
}

/// What is looked at.
pub(crate) struct Watched {
    reload: Option<Reload>,
    stamps: Vec<(PathBuf, Stamp)>,
    /// What the settings said last.
    set: BTreeMap<String, PathBuf>,
}

impl Watched {
    /// As the files are before they are read for the first time.
    pub(crate) fn new(options: &ServeOptions) -> Self {
        let reload = options.reload.clone();
        let registry = Registry::new(&options.home).path().to_owned();
        let files = reload.iter().flat_map(|reload| reload.files.clone());
        let stamps = std::iter::once(registry)
            .chain(files)
            .map(|path| (path.clone(), Stamp::of(&path)))
            .collect();
        Self {
            reload,
            stamps,
            set: options.settings.serve.repositories.clone(),
        }
    }

    fn has_changed(&mut self) -> bool {
        let mut has_changed = false;
        for (path, stamp) in &mut self.stamps {
            let now = Stamp::of(path);
            has_changed |= now != *stamp;
            *stamp = now;
        }
        has_changed
    }

    /// The repositories that the settings name now; those of before where they cannot be
    /// read.
    fn set(&mut self) -> BTreeMap<String, PathBuf> {
        if let Some(reload) = &self.reload {
            match (reload.read)() {
                Ok(settings) => self.set = settings.serve.repositories,
                Err(error) => tracing::error!(%error, "the settings are left as they were"),
            }
        }
        self.set.clone()
    }
}

/// Waits for the signal to read again.
pub(crate) struct Told {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

/// From now on the signal is no end of the process.
pub(crate) fn told() -> Told {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        Told {
            signal: signal(SignalKind::hangup()).ok(),
        }
    }
    #[cfg(not(unix))]
    Told {}
}

impl Told {
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
