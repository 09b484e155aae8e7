//! What all requests share: the repositories, their jobs, the gate, the rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wherein_index::{IndexError, Location, ServeSettings, Settings};

use crate::ServeOptions;
use crate::error::ServeError;
use crate::guard::Guard;
use crate::job::{Job, Wish};
use crate::jobs::{Jobs, MAX_QUEUED, Refused};
use crate::limits::Gate;
use crate::problem::Problem;
use crate::refresher::Refresher;
use crate::registry::{self, MAX_REPOSITORIES, Registry};
use crate::served::{First, Opener, Served, opener};

/// Longest path of a folder, in characters.
const MAX_PATH_CHARS: usize = 4096;

/// Most requests that follow a job as it goes.
const MAX_FOLLOWERS: usize = 64;

/// What all requests share; a clone is another handle on the same.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    limits: ServeSettings,
    results: usize,
    home: std::path::PathBuf,
    guard: Guard,
    gate: Gate,
    opener: Arc<Opener>,
    /// Where what is registered is written down; `None` when it lives as long as the
    /// process.
    registry: Option<Registry>,
    first: First,
    /// Held while the registry changes.
    changing: Mutex<()>,
    repositories: RwLock<BTreeMap<String, Arc<Served>>>,
    jobs: Arc<Jobs>,
    refresher: Option<Arc<Refresher>>,
    followers: Arc<Semaphore>,
    requests: AtomicU64,
    is_ending: AtomicBool,
}

/// Why a folder cannot be registered.
pub(crate) enum RegisterError {
    Name,
    /// It can be no path of a folder.
    Path(String),
    /// There is no such folder that can be served.
    Folder(String),
    TooMany,
    Registry(ServeError),
}

impl AppState {
    /// Reads the registry, loads the model, registers what the options name.
    pub fn open(options: &ServeOptions, address: SocketAddr) -> Result<Self, ServeError> {
        let guard = Guard::new(address, options.token.clone())?;
        let registry = Registry::new(&options.home);
        let roots = registry.load()?;
        let state = Self::with(&options.settings, &options.home, guard, Some(registry));
        for (name, root) in roots {
            state.put(&name, &root);
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
        let guard = Guard::new(SocketAddr::from(([127, 0, 0, 1], 0)), None)?;
        Ok(Self::with(settings, home, guard, None))
    }

    fn with(settings: &Settings, home: &Path, guard: Guard, registry: Option<Registry>) -> Self {
        let limits = settings.serve.clone();
        let jobs = Jobs::new();
        let refresher = Some(&jobs)
            .filter(|_| limits.watch)
            .and_then(Refresher::start);
        Self(Arc::new(Shared {
            refresher,
            results: settings.search.results,
            home: home.to_owned(),
            guard,
            gate: Gate::new(limits.max_concurrent, limits.max_waiting),
            limits,
            opener: opener(home.to_owned(), settings.clone()),
            first: match registry {
                Some(_) => First::Follow,
                None => First::Look,
            },
            registry,
            changing: Mutex::new(()),
            repositories: RwLock::default(),
            jobs,
            followers: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
            requests: AtomicU64::new(0),
            is_ending: AtomicBool::new(false),
        }))
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
                    "{MAX_FOLLOWERS} requests follow jobs already; ask for /v1/jobs/{{id}}"
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
        let permit = self.0.gate.enter().await?;
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

    fn repositories(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Served>>> {
        self.0
            .repositories
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All repositories, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Served>> {
        self.repositories().values().cloned().collect()
    }

    /// The repository of a name.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Served>, Problem> {
        self.repositories().get(name).cloned().ok_or_else(|| {
            Problem::unknown_repository(format!(
                "no repository is registered as {name:?}; GET /v1/repos lists them"
            ))
        })
    }

    /// Serves it under this name; the one before it is returned.
    fn put(&self, name: &str, root: &Path) -> (Arc<Served>, Option<Arc<Served>>) {
        let (opener, refresher) = (&self.0.opener, &self.0.refresher);
        let served = Served::new(
            name.to_owned(),
            root.to_owned(),
            Arc::clone(opener),
            refresher.clone(),
            self.0.first,
        );
        let served = Arc::new(served);
        let mut repositories = self
            .0
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = repositories.insert(name.to_owned(), Arc::clone(&served));
        (served, before)
    }

    /// The name that a folder has already, else `name`, with a number behind it
    /// when another folder has that: two folders named `app` are both served.
    pub(crate) fn free_name(&self, name: &str, path: &Path) -> String {
        let root = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let repositories = self.repositories();
        let is_its = |name: &str| repositories.get(name).is_none_or(|one| one.root == root);
        if let Some(one) = repositories.values().find(|one| one.root == root) {
            return one.name.clone();
        }
        let mut found = name.to_owned();
        for number in 2_usize.. {
            if is_its(&found) {
                break;
            }
            let short: String = name.chars().take(58).collect();
            found = format!("{short}-{number}");
        }
        found
    }

    /// Registers a folder; `true` when the name is new.
    pub(crate) fn register(
        &self,
        name: &str,
        path: &Path,
    ) -> Result<(Arc<Served>, bool), RegisterError> {
        if !registry::is_name(name) {
            return Err(RegisterError::Name);
        }
        let bad = |detail: &str| RegisterError::Path(detail.to_owned());
        if path.to_string_lossy().chars().count() > MAX_PATH_CHARS {
            return Err(bad("the path is too long"));
        }
        if !path.is_absolute() {
            return Err(bad("the path must be absolute"));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(bad("the path has a NUL in it"));
        }
        let location = Location::exactly(&self.0.home, path)
            .map_err(|error: IndexError| RegisterError::Folder(error.to_string()))?;
        let root = location.checkout.root;
        if !root.is_dir() {
            return Err(RegisterError::Folder("the path is not a folder".to_owned()));
        }
        if root.parent().is_none() {
            let detail = "the root of all folders is not taken; register the ones you search";
            return Err(RegisterError::Folder(detail.to_owned()));
        }
        if root.to_str().is_none() {
            return Err(RegisterError::Folder("the path is not UTF-8".to_owned()));
        }
        let _changing = self
            .0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (is_new, count) = {
            let repositories = self.repositories();
            if let Some(served) = repositories.get(name)
                && served.root == root
            {
                return Ok((Arc::clone(served), false));
            }
            (!repositories.contains_key(name), repositories.len())
        };
        if is_new && count >= MAX_REPOSITORIES {
            return Err(RegisterError::TooMany);
        }
        let change = |roots: &mut registry::Roots| {
            roots.insert(name.to_owned(), root.clone());
        };
        if let Some(registry) = &self.0.registry {
            registry.change(change).map_err(RegisterError::Registry)?;
        }
        let (served, before) = self.put(name, &root);
        if let Some(before) = before {
            self.0.jobs.cancel(&before);
        }
        Ok((served, is_new))
    }

    /// Takes a name out of the registry and stops its job; its index stays.
    pub(crate) fn unregister(&self, name: &str) -> Result<(), Problem> {
        let _changing = self
            .0
            .changing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let served = self.find(name)?;
        if let Some(registry) = &self.0.registry {
            registry
                .change(|roots| {
                    roots.remove(name);
                })
                .map_err(|error| Problem::internal(error.to_string()))?;
        }
        let mut repositories = self
            .0
            .repositories
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        repositories.remove(name);
        drop(repositories);
        self.0.jobs.cancel(&served);
        Ok(())
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

impl RegisterError {
    fn at_start(self, name: &str) -> ServeError {
        let detail = match self {
            Self::Registry(error) => return error,
            Self::Name => "a name has 1 to 64 of A-Z a-z 0-9 . _ -".to_owned(),
            Self::Path(detail) | Self::Folder(detail) => detail,
            Self::TooMany => format!("at most {MAX_REPOSITORIES} can be registered"),
        };
        ServeError::Repository {
            name: name.to_owned(),
            detail,
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Name => {
                Self::bad_name("a name has 1 to 64 of A-Z a-z 0-9 . _ - and is not . or ..")
            }
            RegisterError::Path(detail) => Self::bad_path(detail),
            RegisterError::Folder(detail) => Self::no_folder(detail),
            RegisterError::TooMany => Self::too_many_repositories(format!(
                "at most {MAX_REPOSITORIES} can be registered; DELETE one that is not needed"
            )),
            RegisterError::Registry(error) => Self::internal(error.to_string()),
        }
    }
}
