//! One repository that is served: its name, its root, its handle (opened when
//! first needed) and when it was last looked at.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::refresher::Refresher;
use wherein_index::{
    AddedModels, IndexError, IndexSettings, Location, Repository, SearchSettings, Settings,
};

/// Opens the repository at a root, with the service's model and settings.
pub(crate) type Opener = dyn Fn(&Path, First) -> Result<Repository, IndexError> + Send + Sync;

/// What is done first when a repository is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Changes are followed from the start: the right thing for a service.
    Follow,
    /// All files are looked at while the index is opened, and an answer is given;
    /// changes are followed afterwards. For one who waits.
    Look,
}

/// How this service opens repositories: indexes under `home`, one model for all.
pub(crate) fn opener(home: PathBuf, settings: Settings) -> Arc<Opener> {
    let added = AddedModels::in_use(&home, &settings).unwrap_or_else(|error| {
        tracing::warn!(%error, "the built-in model alone answers");
        AddedModels::default()
    });
    let model = match wherein_index::shipped_model() {
        Ok(model) => Some(model),
        Err(error) => {
            tracing::error!(%error, "words alone answer, from the indexes as they are");
            None
        }
    };
    Arc::new(move |root: &Path, first: First| {
        let location = Location::exactly(&home, root)?;
        let settings = own_settings(&settings, &location.checkout.root);
        let damaged = (location.clone(), settings.clone());
        let unopened = |location, settings| {
            let model = match &model {
                Some(model) => Ok(Arc::clone(model)),
                None => wherein_index::shipped_model(),
            };
            Repository::with_model(location, settings, model).beside(added.clone())
        };
        let (repository, opened) = match first {
            First::Follow => {
                let repository = unopened(location, settings);
                let opened = repository.reload();
                (repository, opened)
            }
            First::Look => {
                let model = || match &model {
                    Some(model) => Ok(Arc::clone(model)),
                    None => wherein_index::shipped_model(),
                };
                Repository::open_looking(location, settings, model, added.clone())
            }
        };
        match opened {
            Ok(()) => Ok(repository),
            // The first search starts the job that builds it anew.
            Err(error) if error.is_mended_by_rebuild() => {
                tracing::warn!(%error, "the index is left out");
                let (location, settings) = damaged;
                Ok(unopened(location, settings))
            }
            Err(error) => Err(error),
        }
    })
}

/// The service's settings, under what the repository says of itself.
fn own_settings(service: &Settings, root: &Path) -> Settings {
    if !root.join("wherein.toml").is_file() {
        return service.clone();
    }
    match Settings::load(Some(root)) {
        Ok(Settings { index, search, .. }) => Settings {
            index: IndexSettings { ..index },
            search: SearchSettings { ..search },
            serve: service.serve.clone(),
        },
        Err(error) => {
            tracing::warn!(%error, root = %root.display(), "the repository's settings are left out");
            service.clone()
        }
    }
}

#[derive(Default)]
struct Looks {
    /// When the last look that saw every file began.
    complete: Option<Instant>,
    /// When the last look began, whatever came of it.
    tried: Option<Instant>,
}

/// One repository that is served.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) root: PathBuf,
    /// Whether the settings name it; else it is registered.
    pub(crate) is_set: bool,
    opener: Arc<Opener>,
    refresher: Option<Arc<Refresher>>,
    first: First,
    is_followed: Mutex<bool>,
    handle: OnceLock<Repository>,
    opening: Mutex<()>,
    looks: Mutex<Looks>,
    /// Whether it is served no longer: nothing more is read of it.
    pub(crate) is_gone: AtomicBool,
    /// Calls that wait for a first index.
    pub(crate) waiting: AtomicUsize,
}

impl Served {
    pub(crate) fn new(
        name: String,
        root: PathBuf,
        is_set: bool,
        opener: Arc<Opener>,
        refresher: Option<Arc<Refresher>>,
        first: First,
    ) -> Self {
        Self {
            first,
            is_followed: Mutex::new(false),
            refresher,
            name,
            root,
            is_set,
            opener,
            handle: OnceLock::new(),
            opening: Mutex::new(()),
            looks: Mutex::new(Looks::default()),
            is_gone: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether it is served no longer.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// The handle, if it is open.
    pub(crate) fn opened(&self) -> Option<&Repository> {
        self.handle.get()
    }

    /// The handle; reads the disk when it is not open yet.
    pub(crate) fn repository(self: &Arc<Self>) -> Result<&Repository, IndexError> {
        if let Some(repository) = self.handle.get() {
            return Ok(repository);
        }
        let _one_at_a_time = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(repository) = self.handle.get() {
            return Ok(repository);
        }
        let opened = (self.opener)(&self.root, self.first)?;
        let opened = self.handle.get_or_init(|| opened);
        if self.first == First::Follow {
            self.follow();
        }
        Ok(opened)
    }

    /// Has changes told from now on, if the repository is open; blocks until that is so.
    /// `true` when this call has done it.
    pub(crate) fn follow(self: &Arc<Self>) -> bool {
        let (Some(refresher), Some(opened)) = (&self.refresher, self.handle.get()) else {
            return false;
        };
        let is_followed = self.is_followed.lock();
        let mut is_followed = is_followed.unwrap_or_else(PoisonError::into_inner);
        let is_first = !std::mem::replace(&mut *is_followed, true);
        if is_first {
            refresher.follow(self, opened);
        }
        is_first
    }

    /// Notes that a look begins.
    pub(crate) fn look_begins(&self) -> Instant {
        let now = Instant::now();
        self.looks().tried = Some(now);
        now
    }

    /// Notes that the look begun at `began` saw every file.
    pub(crate) fn look_was_complete(&self, began: Instant) {
        let mut looks = self.looks();
        looks.complete = looks.complete.max(Some(began));
    }

    /// Whether the last look can be believed: every file was seen within `age`, or
    /// a watcher tells of changes.
    pub(crate) fn is_seen_within(&self, age: Duration) -> bool {
        self.opened().is_some_and(Repository::is_followed)
            || self
                .looks()
                .complete
                .is_some_and(|began| began.elapsed() <= age)
    }

    /// Whether it is time to look again: the last look is old, and nobody tells of
    /// changes or of what another process has written.
    pub(crate) fn is_look_due(&self, age: Duration) -> bool {
        if self
            .looks()
            .tried
            .is_some_and(|began| began.elapsed() <= age)
        {
            return false;
        }
        let followed = self.opened().filter(|one| one.is_followed());
        let is_due = followed.is_none_or(|one| one.is_look_due() || !one.is_newest());
        if !is_due {
            self.looks().tried = Some(Instant::now());
        }
        is_due
    }

    fn looks(&self) -> std::sync::MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
