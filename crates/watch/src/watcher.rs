//! One watcher for all checkouts of a process: the operating system allows few.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tempfile::TempDir;
use wherein_core::caught;
use wherein_walk::Checkout;

use crate::error::WatchError;
use crate::followed::{Followed, Heard, State};
use crate::local::remote_file_system;

/// Whether the system tells of all below a folder at no further cost.
const TELLS_OF_ALL_BELOW: bool = cfg!(any(target_os = "macos", target_os = "windows"));

/// How long one waits until earlier events have come.
const CATCH_UP: Duration = Duration::from_millis(250);

/// Hears of changes in all checkouts that are followed; a clone is the same one.
#[derive(Clone)]
pub struct Watcher(Arc<Inner>);

struct Inner {
    ear: Arc<Ear>,
    backend: Mutex<RecommendedWatcher>,
    /// How many have come to wait, and how many of them are served, with what came of it.
    came: AtomicU64,
    served: Mutex<(u64, bool)>,
    /// Canonical; see [`Watcher::catch_up`].
    cookies: PathBuf,
    _cookies: TempDir,
}

/// What events come to, on the backend's own thread. It must never wait for the
/// backend.
#[derive(Default)]
struct Ear {
    interests: Mutex<HashMap<PathBuf, Vec<Interest>>>,
    cookies: PathBuf,
    asked: AtomicU64,
    told: Mutex<u64>,
    tells: Condvar,
}

/// A checkout to which a folder matters.
#[derive(Clone)]
struct Interest {
    state: Weak<State>,
    place: Place,
}

/// What a folder is to a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of it, relative to the root: empty or with a final `/`.
    Inside(String),
    /// A folder above its root, with rules for it.
    Above,
    /// Git's folder of the worktree.
    Git,
    /// Git's folder of rules of the user's own.
    GitInfo,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watcher {
    /// A watcher that hears of nothing yet.
    pub fn new() -> Result<Self, WatchError> {
        let folder = tempfile::Builder::new().prefix("wherein-").tempdir();
        let folder = folder.map_err(WatchError::Temporary)?;
        let cookies = fs::canonicalize(folder.path()).map_err(WatchError::Temporary)?;
        let ear = Arc::new(Ear {
            cookies: cookies.clone(),
            ..Ear::default()
        });
        let hears = Arc::clone(&ear);
        let mut backend = notify::recommended_watcher(move |event| hears.hear(event))
            .map_err(WatchError::System)?;
        backend
            .watch(&cookies, RecursiveMode::NonRecursive)
            .map_err(WatchError::System)?;
        Ok(Self(Arc::new(Inner {
            ear,
            backend: Mutex::new(backend),
            came: AtomicU64::new(0),
            served: Mutex::default(),
            cookies,
            _cookies: folder,
        })))
    }

    /// Follows a checkout. Of a new one everything counts as changed; its folders
    /// are watched as a walk enters them. `on_change` is called, on a thread of the
    /// system's, when something changes while nothing else was to be taken.
    pub fn follow(
        &self,
        checkout: &Checkout,
        on_change: impl Fn() + Send + Sync + 'static,
    ) -> Result<Followed, WatchError> {
        let root = &checkout.root;
        if let Some(kind) = remote_file_system(root) {
            let path = root.clone();
            return Err(WatchError::Remote { path, kind });
        }
        if TELLS_OF_ALL_BELOW {
            locked(&self.0.backend)
                .watch(root, RecursiveMode::Recursive)
                .map_err(WatchError::System)?;
        }
        Ok(Followed::new(self.clone(), checkout, Box::new(on_change)))
    }

    /// Waits until all that happened before is heard; `false` when that takes too
    /// long or cannot be found out.
    ///
    /// A file is made in a folder that is watched like all others: its event comes
    /// after theirs (the method of watchman's cookies). Those who come while one waits
    /// share the next file.
    pub fn catch_up(&self) -> bool {
        let own = self.0.came.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = locked(&self.0.served);
        if served.0 < own {
            // All of these came before the file is made.
            let came = self.0.came.load(Ordering::SeqCst);
            *served = (came, self.wait_for_a_file());
        }
        served.1
    }

    fn wait_for_a_file(&self) -> bool {
        let Inner { ear, cookies, .. } = &*self.0;
        let number = ear.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let cookie = cookies.join(number.to_string());
        if File::create(&cookie).is_err() {
            return false;
        }
        let told = locked(&ear.told);
        let told = ear
            .tells
            .wait_timeout_while(told, CATCH_UP, |told| *told < number);
        let (_told, waited) = told.unwrap_or_else(PoisonError::into_inner);
        let _ = fs::remove_file(&cookie);
        !waited.timed_out()
    }

    /// Hears of a folder for a checkout from now on.
    pub(crate) fn hear_of(
        &self,
        folder: &Path,
        place: Place,
        state: &Arc<State>,
    ) -> Result<(), notify::Error> {
        {
            let mut interests = locked(&self.0.ear.interests);
            let all = interests.entry(folder.to_owned()).or_default();
            let is_its = |one: &Interest| one.state.as_ptr() == Arc::as_ptr(state);
            if !all.iter().any(|one| is_its(one) && one.place == place) {
                let state = Arc::downgrade(state);
                all.push(Interest { state, place });
            }
        }
        if TELLS_OF_ALL_BELOW {
            return Ok(());
        }
        let mut backend = locked(&self.0.backend);
        // It panics when its thread is gone.
        caught(|| backend.watch(folder, RecursiveMode::NonRecursive))
            .unwrap_or_else(|panic| Err(notify::Error::generic(&panic)))
    }

    /// A folder no longer matters to a checkout.
    pub(crate) fn ignore(&self, folder: &Path, state: &Arc<State>) {
        {
            let mut interests = locked(&self.0.ear.interests);
            let Some(all) = interests.get_mut(folder) else {
                return;
            };
            all.retain(|one| one.state.as_ptr() != Arc::as_ptr(state));
            if !all.is_empty() {
                return;
            }
            interests.remove(folder);
        }
        if !TELLS_OF_ALL_BELOW {
            let mut backend = locked(&self.0.backend);
            // One that is gone is no longer watched anyway.
            let _ = caught(|| backend.unwatch(folder));
        }
    }

    /// Hears of nothing below a root any more.
    pub(crate) fn ignore_all_below(&self, root: &Path) {
        if TELLS_OF_ALL_BELOW {
            let mut backend = locked(&self.0.backend);
            let _ = caught(|| backend.unwatch(root));
        }
    }
}

impl Ear {
    fn hear(&self, event: Result<notify::Event, notify::Error>) {
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            Ok(_) => return self.lost("the queue of the operating system was full"),
            Err(error) => return self.lost(&error.to_string()),
        };
        let is_structural = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => false,
            EventKind::Access(_) => return,
            _ => true,
        };
        for path in &event.paths {
            self.hear_of(path, is_structural);
        }
    }

    fn hear_of(&self, path: &Path, is_structural: bool) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let name = name.to_string_lossy();
        if folder == self.cookies {
            if let Ok(number) = name.parse::<u64>() {
                let mut told = locked(&self.told);
                *told = number.max(*told);
                self.tells.notify_all();
            }
            return;
        }
        for (state, place) in self.interested_in(folder) {
            state.hear(&place, Heard::Entry(&name), is_structural);
        }
        for (state, place) in self.interested_in(path) {
            state.hear(&place, Heard::Itself, is_structural);
        }
    }

    fn interested_in(&self, folder: &Path) -> Vec<(Arc<State>, Place)> {
        let interests = locked(&self.interests);
        let all = interests.get(folder).into_iter().flatten();
        all.filter_map(|one| Some((one.state.upgrade()?, one.place.clone())))
            .collect()
    }

    /// Some events were lost, nobody knows which.
    fn lost(&self, reason: &str) {
        tracing::info!(reason, "events were lost; all is looked at again");
        let mut states: Vec<Arc<State>> = Vec::new();
        for one in locked(&self.interests).values().flatten() {
            if let Some(state) = one.state.upgrade()
                && !states.iter().any(|other| Arc::ptr_eq(other, &state))
            {
                states.push(state);
            }
        }
        for state in states {
            state.doubt_everything();
        }
        // Those that wait may wait for what was lost.
        *locked(&self.told) = self.asked.load(Ordering::SeqCst);
        self.tells.notify_all();
    }
}

#[cfg(test)]
mod tests;
