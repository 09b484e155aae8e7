//! The handle on one repository: what is open of its index. How it is brought
//! up to date stands in `bring_up`, how it is asked in `asking`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use wherein_embed::{Embedder, QualityModel};
use wherein_store::{Committed, RowSet, Snapshot, StatRecord, Statistics, View};
use wherein_walk::{Checkout, Listing};
use wherein_watch::Followed;

use crate::error::IndexError;
use crate::locate::Location;
use crate::look::Settled;
use crate::models::AddedModels;
use crate::settings::Settings;

/// One generation, as one checkout sees it.
pub struct Current {
    /// The generation.
    pub snapshot: Snapshot,
    /// The rows of the checkout.
    pub rows: RowSet,
    /// What scoring has to know of them.
    pub(crate) counted: Statistics,
    /// Share of them with a vector of the model.
    pub(crate) vector_coverage: f64,
    /// Share of them with a vector of the second model.
    pub(crate) quality_coverage: f64,
    /// Where the view stands in the catalog.
    view: usize,
    /// By the number of a file, where it stands in the view; `u32::MAX` when it is not
    /// in it.
    places: Vec<u32>,
}

impl Current {
    /// The view of the checkout.
    pub(crate) fn view(&self) -> &View {
        &self.snapshot.catalog().views[self.view]
    }

    /// What `stat` said of a file of the view, by its number.
    pub(crate) fn stat(&self, file: u32) -> Option<&StatRecord> {
        let place = *self.places.get(file as usize)?;
        self.view().files.get(place as usize).map(|file| &file.stat)
    }

    /// The numbers of the files of the view.
    pub(crate) fn held(&self) -> impl Iterator<Item = u32> {
        let numbered = self.places.iter().zip(0..);
        numbered.filter_map(|(place, number)| (*place != u32::MAX).then_some(number))
    }
}

/// A repository, its index and its model. All methods may be called from any
/// thread; searches never wait for a run.
pub struct Repository {
    pub(crate) location: Location,
    pub(crate) settings: Settings,
    pub(crate) root: String,
    embedder: Option<Arc<dyn Embedder>>,
    pub(crate) added: AddedModels,
    /// Why the second model takes no part although it is in use.
    pub(crate) quality_error: OnceLock<String>,
    /// Why there is no model although one was wanted.
    model_error: Option<IndexError>,
    current: RwLock<Option<Arc<Current>>>,
    /// A listing made while the index was opened, for the first look.
    listed: Mutex<Option<Listing>>,
    /// Told by a watcher what changes, where there is one.
    pub(crate) followed: RwLock<Option<Arc<Followed>>>,
    pub(crate) settled: Mutex<Option<Settled>>,
    /// Held by whoever writes to the index in this process: others wait, and are not
    /// told that it is locked.
    pub(crate) writing: Mutex<()>,
    /// Files known to differ from the index since the last look.
    pub(crate) pending: AtomicU64,
    /// Whether the last look found nothing to do.
    pub(crate) checked: AtomicBool,
}

impl Repository {
    /// The repository at `location`; opens what index there is.
    pub fn open(
        location: Location,
        settings: Settings,
        embedder: Option<Arc<dyn Embedder>>,
    ) -> Result<Self, IndexError> {
        let repository = Self::open_without_index(location, settings, embedder);
        repository.reload()?;
        Ok(repository)
    }

    /// The repository at `location`, without looking at its index: for one
    /// that is damaged and about to be built anew.
    pub fn open_without_index(
        location: Location,
        settings: Settings,
        embedder: Option<Arc<dyn Embedder>>,
    ) -> Self {
        Self {
            root: location.checkout.root.to_string_lossy().into_owned(),
            location,
            settings,
            embedder,
            added: AddedModels::default(),
            quality_error: OnceLock::new(),
            model_error: None,
            current: RwLock::new(None),
            listed: Mutex::new(None),
            followed: RwLock::new(None),
            settled: Mutex::new(None),
            writing: Mutex::new(()),
            pending: AtomicU64::new(0),
            checked: AtomicBool::new(false),
        }
    }

    /// As [`Repository::open_without_index`], with a model that may have failed to
    /// load: then words alone answer, from the index as it is, and
    /// [`Repository::model_error`] says why.
    pub fn with_model(
        location: Location,
        settings: Settings,
        model: Result<Arc<dyn Embedder>, IndexError>,
    ) -> Self {
        let (embedder, model_error) = match model {
            Ok(model) => (Some(model), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            model_error,
            ..Self::open_without_index(location, settings, embedder)
        }
    }

    /// With models that were added, beside the shipped one; to be said before the
    /// index is opened.
    #[must_use]
    pub fn beside(self, added: AddedModels) -> Self {
        Self { added, ..self }
    }

    /// As [`Repository::open`], with a look at the working tree at the same
    /// time, which the next run or [`Repository::status`] then need not take;
    /// `model` is loaded beside it too. What is wrong with the index is the
    /// second part of the answer: the repository can be used to build it anew.
    pub fn open_looking(
        location: Location,
        settings: Settings,
        model: impl FnOnce() -> Result<Arc<dyn Embedder>, IndexError>,
        added: AddedModels,
    ) -> (Self, Result<(), IndexError>) {
        let checkout = location.checkout.clone();
        let options = walk_options(&settings);
        std::thread::scope(|scope| {
            let look = scope.spawn(|| wherein_walk::list(&checkout, &options));
            let repository = Self::with_model(location, settings, model()).beside(added);
            let opened = repository.reload();
            if let Ok(Ok(listing)) = look.join() {
                *repository.listed() = Some(listing);
            }
            (repository, opened)
        })
    }

    pub(crate) fn listed(&self) -> std::sync::MutexGuard<'_, Option<Listing>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where checkout and index lie.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The checkout.
    pub fn checkout(&self) -> &Checkout {
        &self.location.checkout
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The model.
    pub fn embedder(&self) -> Option<&dyn Embedder> {
        self.embedder.as_deref()
    }

    /// Why there is no model although one was wanted.
    pub fn model_error(&self) -> Option<&IndexError> {
        self.model_error.as_ref()
    }

    /// The second model, unless it turned out that it cannot be used.
    pub(crate) fn quality(&self) -> Option<&QualityModel> {
        let model = self.added.quality.as_deref();
        model.filter(|_| self.quality_error.get().is_none())
    }

    /// Why the model in use beside the shipped one takes no part.
    pub fn quality_error(&self) -> Option<&str> {
        self.quality_error.get().map(String::as_str)
    }

    /// Whether chunks lack a vector of the model in use beside the shipped one.
    pub fn lacks_vectors(&self) -> bool {
        self.quality().is_some()
            && self
                .current()
                .is_some_and(|current| current.quality_coverage < 1.0)
    }

    pub(crate) fn model_id(&self) -> &str {
        self.embedder().map_or("", Embedder::model_id)
    }

    /// Whether what is open is the newest generation: no other process has made one.
    pub fn is_newest(&self) -> bool {
        let current = self.current();
        current.is_some_and(|current| current.snapshot.is_newest(&self.location.index))
    }

    /// Reads the newest generation unless it is open.
    pub fn open_newest(&self) -> Result<(), IndexError> {
        if self.is_newest() {
            Ok(())
        } else {
            self.reload()
        }
    }

    /// Reads the newest generation; what is open keeps answering until then.
    pub fn reload(&self) -> Result<(), IndexError> {
        self.reload_after(self.current().as_ref(), None)
    }

    /// As [`Repository::reload`], right after a commit.
    pub(crate) fn reload_committed(&self, committed: Option<Committed>) -> Result<(), IndexError> {
        self.reload_after(self.current().as_ref(), committed)
    }

    /// As [`Repository::reload`], and believes nothing that is open: it may be
    /// what was damaged.
    pub(crate) fn reload_all(&self) -> Result<(), IndexError> {
        self.reload_after(None, None)
    }

    fn reload_after(
        &self,
        previous: Option<&Arc<Current>>,
        committed: Option<Committed>,
    ) -> Result<(), IndexError> {
        let opened = Snapshot::open_committed(
            &self.location.index,
            previous.map(|current| &current.snapshot),
            committed,
        )?;
        let current = opened.and_then(|snapshot| {
            let views = &snapshot.catalog().views;
            let at = views.iter().position(|view| view.root == self.root)?;
            let view = &views[at];
            let rows = snapshot.view_rows(view);
            let counted = snapshot.statistics(&rows);
            let with_vectors = snapshot.rows_with_vectors(self.model_id(), &rows);
            let vector_coverage = match rows.count() {
                0 => 1.0,
                all => with_vectors as f64 / all as f64,
            };
            let quality_coverage = self.added.quality.as_ref().map_or(0.0, |model| {
                let with_vectors = snapshot.rows_with_vectors(model.model_id(), &rows);
                match rows.count() {
                    0 => 1.0,
                    all => with_vectors as f64 / all as f64,
                }
            });
            let mut places = vec![u32::MAX; snapshot.files()];
            for (file, place) in view.files.iter().zip(0..) {
                if let Some(number) = snapshot.file_number(file.id) {
                    places[number as usize] = place;
                }
            }
            Some(Arc::new(Current {
                snapshot,
                rows,
                counted,
                vector_coverage,
                quality_coverage,
                view: at,
                places,
            }))
        });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    /// Closes what is open; searches then find no index.
    pub(crate) fn close(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The generation that answers now; `None` before the first run.
    pub fn current(&self) -> Option<Arc<Current>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there is an index to search.
    pub fn is_indexed(&self) -> bool {
        self.current().is_some()
    }

    pub(crate) fn walk_options(&self) -> wherein_walk::Options {
        walk_options(&self.settings)
    }

    pub(crate) fn threads(&self) -> usize {
        match self.settings.index.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            given => given,
        }
    }

    /// The view of this checkout, if there is an index.
    pub fn with_view<T>(&self, look: impl FnOnce(&Current, &View) -> T) -> Option<T> {
        let current = self.current()?;
        Some(look(&current, current.view()))
    }

    /// Whether the last look found the index to be as the working tree is, and no
    /// watcher has told of a change since.
    pub fn is_fresh(&self) -> bool {
        self.pending_files() == 0
            && self.checked.load(Ordering::Relaxed)
            && self.followed().is_none_or(|one| one.is_unchanged())
    }

    /// Files known to differ from the index at the last look; of those that a watcher
    /// told of since, at most as many.
    pub fn pending_files(&self) -> u64 {
        let told = self.followed().map_or(0, |one| one.changed_paths() as u64);
        self.pending.load(Ordering::Relaxed).max(told)
    }
}

fn walk_options(settings: &Settings) -> wherein_walk::Options {
    wherein_walk::Options {
        max_file_bytes: settings.index.max_file_bytes,
        ..wherein_walk::Options::default()
    }
}
