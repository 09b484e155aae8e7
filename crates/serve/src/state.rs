//! What all requests share: the repositories, their jobs, the gate, the rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wherein_index::{ServeSettings, Settings};

use crate::ServeOptions;
use crate::access::{Access, Tokens};
use crate::error::ServeError;
use crate::guard::Guard;
use crate::job::{Job, Wish};
use crate::jobs::{Jobs, MAX_QUEUED, Refused};
use crate::limits::Gate;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::refresher::Refresher;
use crate::registry::Registry;
use crate::served::{First, Opener, Served, opener};
use crate::unfinished::Unfinished;

/// Indexes that are opened at once when the service starts.
const LOADERS: usize = 4;

/// What all requests share; a clone is another handle on the same.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

pub(crate) type Repositories = BTreeMap<String, Arc<Served>>;

struct Shared {
    limits: ServeSettings,
    metrics: Arc<Metrics>,
    results: usize,
    home: PathBuf,
    guard: Guard,
    gate: Gate,
    opener: Arc<Opener>,
    /// Where what is registered is written down; `None` when it lives as long as the
    /// process.
    registry: Option<Registry>,
    first: First,
    /// Held while the registry changes.
    changing: Mutex<()>,
    repositories: RwLock<Repositories>,
    jobs: Arc<Jobs>,
    refresher: Option<Arc<Refresher>>,
    followers: Arc<Semaphore>,
    requests: AtomicU64,
    /// Whether the indexes that were there at the start are open.
    is_loaded: AtomicBool,
    is_ending: AtomicBool,
}

impl AppState {
    /// Reads the registry, loads the model, registers what the options name.
    pub fn open(options: &ServeOptions, address: SocketAddr) -> Result<Self, ServeError> {
        let serve = &options.settings.serve;
        let guard = Guard::new(
            address,
            options.tokens.clone(),
            &serve.hosts,
            &serve.origins,
        )?;
        let registry = Registry::new(&options.home);
        let roots = registry.load()?;
        let unfinished = Unfinished::open(&options.home);
        let state = Self::with(
            &options.settings,
            &options.home,
            guard,
            Some(registry),
            unfinished,
        );
        for (name, root) in roots {
            state.put(&name, &root, false);
        }
        let mut set = Vec::new();
        for (name, path) in &serve.repositories {
            let (served, _) = state
                .serve_as_set(name, path)
                .map_err(|error| error.at_start(name))?;
            set.push(served);
        }
        // Before anything else is asked for, which writes the list anew.
        for left in state.jobs().left() {
            if let Some(served) = state.get(&left.repo) {
                tracing::info!(repo = left.repo, id = left.id, "an index job goes on");
                let _ = state.jobs().resume(&served, left);
            }
        }
        for served in set {
            let _ = state.ask(&served, Wish::Asked { full: false });
        }
        for (name, path) in &options.repositories {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let name = &state.free_name(name, &path);
            let (served, _) = state
                .register(name, &path)
                .map_err(|error| error.at_start(name))?;
            tracing::info!(repo = name, path = %path.display(), "served");
            // A full queue only means that the first search starts the job.
            let _ = state.ask(&served, Wish::Asked { full: false });
        }
        Ok(state)
    }

    /// For one process that nobody reaches over a network: nothing is registered, and
    /// what will be is forgotten with it.
    pub(crate) fn alone(settings: &Settings, home: &Path) -> Result<Self, ServeError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let guard = Guard::new(address, Tokens::default(), &[], &[])?;
        Ok(Self::with(settings, home, guard, None, None))
    }

    fn with(
        settings: &Settings,
        home: &Path,
        guard: Guard,
        registry: Option<Registry>,
        unfinished: Option<Unfinished>,
    ) -> Self {
        let limits = settings.serve.clone();
        let metrics = Arc::new(Metrics::new());
        // Threads have the order of the one that starts them: those of searches are not to
        // be started by a job.
        wherein_index::start_threads();
        let jobs = Jobs::new(unfinished, Arc::clone(&metrics), registry.is_some());
        let refresher = Some(&jobs)
            .filter(|_| limits.watch)
            .and_then(Refresher::start);
        let concurrent = match limits.max_concurrent {
            0 => 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            given => given,
        };
        Self(Arc::new(Shared {
            refresher,
            metrics,
            results: settings.search.results,
            home: home.to_owned(),
            guard,
            gate: Gate::new(concurrent, limits.max_waiting),
            followers: Arc::new(Semaphore::new(limits.max_streams)),
            limits,
            opener: opener(home.to_owned(), settings.clone()),
            first: match registry {
                Some(_) => First::Follow,
                None => First::Look,
            },
            is_loaded: AtomicBool::new(registry.is_none()),
            registry,
            changing: Mutex::new(()),
            repositories: RwLock::default(),
            jobs,
            requests: AtomicU64::new(0),
            is_ending: AtomicBool::new(false),
        }))
    }

    /// Opens the indexes there are; until then the service is not ready. A repository
    /// that is asked meanwhile is opened by that.
    pub(crate) fn load(&self) {
        let began = Instant::now();
        let all = self.all();
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..LOADERS.min(all.len()) {
                scope.spawn(|| {
                    while let Some(served) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if self.is_ending() {
                            return;
                        }
                        if let Err(error) = served.repository() {
                            tracing::warn!(%error, repo = served.name, "it cannot be opened");
                        }
                    }
                });
            }
        });
        self.0.is_loaded.store(true, Ordering::Release);
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(repositories = all.len(), ms, "ready");
    }

    /// Whether the indexes that were there at the start are open.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.is_loaded.load(Ordering::Acquire)
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// How many follow a job as it goes.
    pub(crate) fn follower_count(&self) -> usize {
        let most = self.0.limits.max_streams;
        most.saturating_sub(self.0.followers.available_permits())
    }

    /// The folder of the indexes.
    pub(crate) fn home(&self) -> &Path {
        &self.0.home
    }

    pub(crate) fn limits(&self) -> &ServeSettings {
        &self.0.limits
    }

    /// Hits when the query does not say how many.
    pub(crate) fn results(&self) -> usize {
        self.0.results
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    pub(crate) fn jobs(&self) -> &Arc<Jobs> {
        &self.0.jobs
    }

    /// What brings changes in before an answer, where changes are told.
    pub(crate) fn refresher(&self) -> Option<&Refresher> {
        self.0.refresher.as_deref()
    }

    /// A place among those that follow jobs.
    pub(crate) fn follow(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0.followers)
            .try_acquire_owned()
            .map_err(|_| {
                Problem::overloaded(format!(
                    "{} requests follow jobs already; ask for /v1/jobs/{{id}}",
                    self.0.limits.max_streams
                ))
                .retry_after(5)
            })
    }

    /// How old a look at a repository may be.
    pub(crate) fn refresh_age(&self) -> Duration {
        Duration::from_secs(self.0.limits.refresh_seconds)
    }

    /// How old a look may be for its repository to count as fresh: the next
    /// one begins after `refresh_age` and takes its time.
    pub(crate) fn fresh_age(&self) -> Duration {
        self.refresh_age() * 2
    }

    /// A number for the next request.
    pub(crate) fn number_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether requests are no longer welcome.
    pub(crate) fn is_ending(&self) -> bool {
        self.0.is_ending.load(Ordering::Relaxed)
    }

    /// Stops the jobs; what is answered now is the last.
    pub(crate) fn end(&self) {
        self.0.is_ending.store(true, Ordering::Relaxed);
        self.0.jobs.close();
    }

    /// Does what touches the index or the disk: behind the gate, on a thread
    /// that may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let came = Instant::now();
        let permit = self.0.gate.enter().await?;
        self.0.metrics.stage("queue", came.elapsed());
        let state = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let result = work(&state);
            drop(permit);
            result
        });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request panicked");
            Err(Problem::internal(
                "the request ended by a bug of wherein; see the log",
            ))
        })
    }

    pub(crate) fn repositories(&self) -> std::sync::RwLockReadGuard<'_, Repositories> {
        self.0
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn repositories_mut(&self) -> std::sync::RwLockWriteGuard<'_, Repositories> {
        self.0
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while the list of repositories changes.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn registry(&self) -> Option<&Registry> {
        self.0.registry.as_ref()
    }

    /// A repository that is served from now on.
    pub(crate) fn served(&self, name: &str, root: &Path, is_set: bool) -> Arc<Served> {
        Arc::new(Served::new(
            name.to_owned(),
            root.to_owned(),
            is_set,
            Arc::clone(&self.0.opener),
            self.0.refresher.clone(),
            self.0.first,
        ))
    }

    /// All repositories, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Served>> {
        self.repositories().values().cloned().collect()
    }

    /// All that exist for one who asks, by name.
    pub(crate) fn all_for(&self, access: &Access) -> Vec<Arc<Served>> {
        let mut all = self.all();
        all.retain(|served| access.has(&served.name));
        all
    }

    /// The repository of a name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Served>> {
        self.repositories().get(name).cloned()
    }

    /// The repository of a name, where it exists for one who asks.
    pub(crate) fn find(&self, access: &Access, name: &str) -> Result<Arc<Served>, Problem> {
        let served = self.get(name).filter(|served| access.has(&served.name));
        served.ok_or_else(|| {
            Problem::unknown_repository(format!(
                "no repository is registered as {name:?}; GET /v1/repos lists them"
            ))
        })
    }

    /// Queues or joins a job.
    pub(crate) fn ask(&self, served: &Arc<Served>, wish: Wish) -> Result<Arc<Job>, Problem> {
        self.0
            .jobs
            .ask(served, wish)
            .map_err(|refused| match refused {
                Refused::Full => Problem::overloaded(format!(
                    "{MAX_QUEUED} index jobs wait already; ask again in a moment"
                ))
                .retry_after(5),
                Refused::Closed => Problem::unavailable("the service ends").retry_after(5),
            })
    }

    /// Starts a look at a repository that is being searched, when it is time.
    pub(crate) fn refresh(&self, served: &Arc<Served>) -> Option<Arc<Job>> {
        if let Some(job) = self.0.jobs.active(served) {
            return Some(job);
        }
        if !served.is_look_due(self.refresh_age()) {
            return None;
        }
        self.0.jobs.ask(served, Wish::Refresh).ok()
    }
}
