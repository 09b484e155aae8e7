//! What was heard of one checkout since it was last taken.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wherein_walk::{Checkout, Follower, Part, is_rule_file};

use crate::watcher::{Place, Watcher};

/// Paths that are counted; of more only that there are as many.
const MAX_COUNTED: usize = 10_000;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing that a listing would show. Git's `HEAD` may be another.
    Nothing,
    /// At most what lies in these folders.
    Part(Part),
    /// Nobody knows.
    Everything,
}

/// What an event tells of a folder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard<'a> {
    /// Something of this name in it.
    Entry(&'a str),
    /// It itself.
    Itself,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Walked,
    /// Entered, but not walked for what lies in it.
    Refused,
    /// It may be another folder of the same name by now, and unwatched.
    Doubtful,
}

/// A checkout as its watcher knows it.
pub(crate) struct State {
    root: PathBuf,
    known: Mutex<Known>,
    on_change: Box<dyn Fn() + Send + Sync>,
}

struct Known {
    folders: BTreeMap<String, Standing>,
    part: Part,
    is_everything: bool,
    /// Git's index or `HEAD` was written.
    is_git_changed: bool,
    /// Which paths git tracks, as a key, when all was last taken.
    tracked: Option<u64>,
    heard: HashSet<String>,
    /// Of those that were taken, and are not yet acted on.
    heard_before: usize,
    /// Takings that were neither given back nor acted on.
    taken: usize,
    heard_last: Option<Instant>,
    /// Why not all folders could be watched.
    failure: Option<String>,
}

impl Known {
    fn is_clean(&self) -> bool {
        !self.is_everything && !self.is_git_changed && self.part.is_empty()
    }

    fn doubt(&mut self, folder: &str) {
        for (_, standing) in below(&mut self.folders, folder) {
            *standing = Standing::Doubtful;
        }
    }

    fn doubt_everything(&mut self) {
        self.is_everything = true;
        self.doubt("");
    }
}

/// A folder and those below it.
fn below<'a>(
    folders: &'a mut BTreeMap<String, Standing>,
    folder: &'a str,
) -> impl Iterator<Item = (&'a String, &'a mut Standing)> {
    folders
        .range_mut::<str, _>((Bound::Included(folder), Bound::Unbounded))
        .take_while(move |(path, _)| path.starts_with(folder))
}

impl State {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an event in a folder, or of the folder.
    pub(crate) fn hear(&self, place: &Place, heard: Heard<'_>, is_structural: bool) {
        let mut known = self.known();
        let was_clean = known.is_clean();
        match (place, heard) {
            (Place::Inside(folder), Heard::Entry(name)) => {
                let part = &mut known.part;
                if is_rule_file(name) {
                    part.whole.insert(folder.clone());
                } else {
                    part.direct.insert(folder.clone());
                }
                let itself = format!("{folder}{name}/");
                if is_structural && known.folders.contains_key(&itself) {
                    known.doubt(&itself);
                    known.part.whole.insert(itself);
                }
                if known.heard.len() < MAX_COUNTED {
                    known.heard.insert(format!("{folder}{name}"));
                }
            }
            // Of others the folder above tells.
            (Place::Inside(folder), Heard::Itself) if folder.is_empty() => {
                if is_structural {
                    known.doubt_everything();
                } else {
                    known.part.direct.insert(String::new());
                }
            }
            (Place::Above, Heard::Entry(name)) if is_rule_file(name) => known.is_everything = true,
            (Place::Git, Heard::Entry("index" | "HEAD")) => known.is_git_changed = true,
            (Place::GitInfo, Heard::Entry("exclude")) => known.is_everything = true,
            _ => return,
        }
        known.heard_last = Some(Instant::now());
        drop(known);
        if was_clean {
            (self.on_change)();
        }
    }

    /// Takes note that events were lost.
    pub(crate) fn doubt_everything(&self) {
        let mut known = self.known();
        let was_clean = known.is_clean();
        known.doubt_everything();
        known.heard_last = Some(Instant::now());
        drop(known);
        if was_clean {
            (self.on_change)();
        }
    }
}

/// A checkout that is followed, until this is dropped.
pub struct Followed {
    watcher: Watcher,
    checkout: Checkout,
    state: Arc<State>,
}

impl Followed {
    pub(crate) fn new(
        watcher: Watcher,
        checkout: &Checkout,
        on_change: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let state = Arc::new(State {
            root: checkout.root.clone(),
            known: Mutex::new(Known {
                folders: BTreeMap::new(),
                part: Part::default(),
                is_everything: true,
                is_git_changed: false,
                tracked: None,
                heard: HashSet::new(),
                heard_before: 0,
                taken: 0,
                heard_last: None,
                failure: None,
            }),
            on_change,
        });
        let followed = Self {
            watcher,
            checkout: checkout.clone(),
            state,
        };
        for (folder, place) in followed.around() {
            followed.hear_of(&folder, place);
        }
        followed
    }

    /// Folders outside the checkout that say something of it.
    fn around(&self) -> Vec<(PathBuf, Place)> {
        let Some(git) = &self.checkout.git else {
            return Vec::new();
        };
        let mut all = vec![(git.git_dir.clone(), Place::Git)];
        let info = git.common_dir.join("info");
        if info.is_dir() {
            all.push((info, Place::GitInfo));
        }
        let above = self.checkout.root.ancestors().skip(1);
        let above = above.take_while(|folder| folder.starts_with(&git.toplevel));
        all.extend(above.map(|folder| (folder.to_owned(), Place::Above)));
        all
    }

    fn hear_of(&self, folder: &std::path::Path, place: Place) {
        let Err(error) = self.watcher.hear_of(folder, place, &self.state) else {
            return;
        };
        match error.kind {
            // It is gone, and its absence will be told; or it cannot be read.
            notify::ErrorKind::PathNotFound => {}
            notify::ErrorKind::Io(ref io)
                if matches!(
                    io.kind(),
                    std::io::ErrorKind::NotFound
                        | std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::NotADirectory
                ) => {}
            _ => {
                let mut known = self.state.known();
                if known.failure.is_none() {
                    let root = self.state.root.display();
                    tracing::warn!(%error, %root, "not watched; it is looked at now and then");
                    known.failure = Some(error.to_string());
                }
            }
        }
    }

    /// Waits until all that happened before is known; when that cannot be found out,
    /// everything counts as changed.
    pub fn catch_up(&self) {
        if !self.watcher.catch_up() {
            self.state.known().is_everything = true;
        }
    }

    /// Whether nothing has changed that was not acted on, as far as it is known.
    pub fn is_unchanged(&self) -> bool {
        let known = self.state.known();
        known.is_clean() && known.taken == 0 && known.failure.is_none()
    }

    /// How many paths have changed that were not acted on, as far as it is known.
    pub fn changed_paths(&self) -> usize {
        let known = self.state.known();
        known.heard.len() + known.heard_before
    }

    /// When the last change was heard of.
    pub fn heard_last(&self) -> Option<Instant> {
        self.state.known().heard_last
    }

    /// Why not all folders could be watched; then everything counts as changed at
    /// all times.
    pub fn failure(&self) -> Option<String> {
        self.state.known().failure.clone()
    }

    /// Lets everything count as changed.
    pub fn doubt_everything(&self) {
        self.state.known().doubt_everything();
    }

    /// Takes what has changed. Who has acted on it says so by [`Followed::done`], who
    /// cannot gives it back.
    pub fn take(&self) -> Changes {
        let is_git_changed = {
            let known = self.state.known();
            known.is_git_changed || known.is_everything
        };
        // Before anything is taken: a later change is heard of again.
        let tracked = is_git_changed.then(|| wherein_walk::tracked_key(&self.checkout));
        let mut known = self.state.known();
        known.taken += 1;
        known.heard_before += known.heard.len();
        known.heard.clear();
        known.is_git_changed = false;
        let part = std::mem::take(&mut known.part);
        let mut is_everything = std::mem::take(&mut known.is_everything);
        if let Some(tracked) = tracked {
            // Git lifts rules for what it tracks.
            is_everything |= known.tracked.replace(tracked) != Some(tracked);
        }
        if is_everything || known.failure.is_some() {
            Changes::Everything
        } else if part.is_empty() {
            Changes::Nothing
        } else {
            Changes::Part(part)
        }
    }

    /// What was taken is acted on.
    pub fn done(&self) {
        let mut known = self.state.known();
        known.taken = known.taken.saturating_sub(1);
        if known.taken == 0 {
            known.heard_before = 0;
        }
    }

    /// Gives back what was taken and not acted on.
    pub fn give_back(&self, changes: Changes) {
        let mut known = self.state.known();
        known.taken = known.taken.saturating_sub(1);
        match changes {
            // The next one looks at git's files too.
            Changes::Nothing => known.is_git_changed = true,
            Changes::Part(part) => {
                known.is_git_changed = true;
                known.part.direct.extend(part.direct);
                known.part.whole.extend(part.whole);
            }
            Changes::Everything => known.is_everything = true,
        }
    }
}

impl Follower for Followed {
    fn enter(&self, folder: &str) {
        let standing = self.state.known().folders.get(folder).copied();
        if standing != Some(Standing::Walked) {
            let location = self.state.root.join(folder.trim_end_matches('/'));
            self.hear_of(&location, Place::Inside(folder.to_owned()));
            let mut known = self.state.known();
            known.folders.insert(folder.to_owned(), Standing::Walked);
        }
    }

    fn refuse(&self, folder: &str) {
        if let Some(standing) = self.state.known().folders.get_mut(folder) {
            *standing = Standing::Refused;
        }
    }

    fn leave(&self, folder: &str) {
        self.state.known().folders.remove(folder);
        let location = self.state.root.join(folder.trim_end_matches('/'));
        self.watcher.ignore(&location, &self.state);
    }

    fn follows(&self, folder: &str) -> bool {
        self.state.known().folders.get(folder) == Some(&Standing::Walked)
    }

    fn directly_in(&self, folder: &str) -> Vec<String> {
        let mut known = self.state.known();
        let inside = below(&mut known.folders, folder).map(|(path, _)| path);
        inside
            .filter(|path| {
                let rest = &path[folder.len()..];
                rest.find('/').is_some_and(|at| at + 1 == rest.len())
            })
            .cloned()
            .collect()
    }

    fn below(&self, folder: &str) -> Vec<String> {
        let mut known = self.state.known();
        let all = below(&mut known.folders, folder);
        all.map(|(path, _)| path.clone()).collect()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        for folder in Follower::below(self, "") {
            self.leave(&folder);
        }
        for (folder, _) in self.around() {
            self.watcher.ignore(&folder, &self.state);
        }
        self.watcher.ignore_all_below(&self.state.root);
    }
}
