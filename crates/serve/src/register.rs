//! Which folders are served, and how that changes: over HTTP, from the command line, and
//! from the settings. Only what stands in this list is ever opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wherein_index::{IndexError, Location};

use crate::error::ServeError;
use crate::job::Wish;
use crate::problem::Problem;
use crate::registry::{self, MAX_REPOSITORIES};
use crate::served::Served;
use crate::state::AppState;

/// Longest path of a folder, in characters.
const MAX_PATH_CHARS: usize = 4096;

/// Why a folder cannot be registered.
pub(crate) enum RegisterError {
    Name,
    /// It can be no path of a folder.
    Path(String),
    /// There is no such folder that can be served.
    Folder(String),
    TooMany,
    /// The settings give the name to a folder.
    Set(String),
    Registry(ServeError),
}

impl AppState {
    /// Serves a folder under this name; the one before it is returned.
    pub(crate) fn put(
        &self,
        name: &str,
        root: &Path,
        is_set: bool,
    ) -> (Arc<Served>, Option<Arc<Served>>) {
        let served = self.served(name, root, is_set);
        let mut repositories = self.repositories_mut();
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
        let root = self.root_of(name, path)?;
        let _changing = self.changing();
        let (is_new, count) = {
            let repositories = self.repositories();
            if let Some(served) = repositories.get(name) {
                if served.root == root {
                    return Ok((Arc::clone(served), false));
                }
                if served.is_set {
                    return Err(RegisterError::Set(name.to_owned()));
                }
            }
            (!repositories.contains_key(name), repositories.len())
        };
        if is_new && count >= MAX_REPOSITORIES {
            return Err(RegisterError::TooMany);
        }
        let change = |roots: &mut registry::Roots| {
            roots.insert(name.to_owned(), root.clone());
        };
        if let Some(registry) = self.registry() {
            registry.change(change).map_err(RegisterError::Registry)?;
        }
        let (served, before) = self.put(name, &root, false);
        if let Some(before) = before {
            self.jobs().cancel(&before);
        }
        Ok((served, is_new))
    }

    /// Serves a folder that the settings name; `true` when that is new.
    pub(crate) fn serve_as_set(
        &self,
        name: &str,
        path: &Path,
    ) -> Result<(Arc<Served>, bool), RegisterError> {
        let root = self.root_of(name, path)?;
        let _changing = self.changing();
        {
            let repositories = self.repositories();
            let before = repositories.get(name);
            if let Some(served) = before.filter(|one| one.root == root && one.is_set) {
                return Ok((Arc::clone(served), false));
            }
            if before.is_none() && repositories.len() >= MAX_REPOSITORIES {
                return Err(RegisterError::TooMany);
            }
        }
        let (served, before) = self.put(name, &root, true);
        if let Some(before) = before {
            self.jobs().cancel(&before);
        }
        Ok((served, true))
    }

    /// The folder that a path names, when it can be served under a name.
    fn root_of(&self, name: &str, path: &Path) -> Result<PathBuf, RegisterError> {
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
        let location = Location::exactly(self.home(), path)
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
        Ok(root)
    }

    /// Takes a name out of the registry and stops its job; its index stays.
    pub(crate) fn unregister(&self, name: &str) -> Result<(), Problem> {
        let _changing = self.changing();
        match self.get(name) {
            Some(served) if served.is_set => {
                return Err(RegisterError::Set(name.to_owned()).into());
            }
            Some(_) => {}
            None => {
                return Err(Problem::unknown_repository(format!(
                    "no repository is registered as {name:?}; GET /v1/repos lists them"
                )));
            }
        }
        if let Some(registry) = self.registry() {
            registry
                .change(|roots| {
                    roots.remove(name);
                })
                .map_err(|error| Problem::internal(error.to_string()))?;
        }
        self.leave(name);
        Ok(())
    }

    /// Serves a name no longer.
    fn leave(&self, name: &str) {
        let gone = self.repositories_mut().remove(name);
        if let Some(served) = gone {
            self.jobs().cancel(&served);
        }
    }

    /// Takes up what the registry and the settings say now; what cannot be served is
    /// logged, and the rest is.
    pub(crate) fn reload(&self, set: &BTreeMap<String, PathBuf>) {
        for (name, path) in set {
            match self.serve_as_set(name, path) {
                Ok((served, true)) => self.begin(&served),
                Ok((_, false)) => {}
                Err(error) => {
                    let error = error.at_start(name);
                    tracing::error!(%error, "a repository of the settings is not served");
                }
            }
        }
        // What is registered over HTTP meanwhile waits, and is in the file or not yet.
        let _changing = self.changing();
        for served in self.all() {
            if served.is_set && !set.contains_key(&served.name) {
                tracing::info!(repo = served.name, "no longer served");
                self.leave(&served.name);
            }
        }
        let registered = match self.registry().map(registry::Registry::load) {
            Some(Ok(roots)) => roots,
            Some(Err(error)) => {
                tracing::error!(%error, "the registry is left as it was");
                return;
            }
            None => return,
        };
        for served in self.all() {
            if !served.is_set && !registered.contains_key(&served.name) {
                tracing::info!(repo = served.name, "no longer served");
                self.leave(&served.name);
            }
        }
        for (name, root) in &registered {
            let before = self.get(name);
            if before.is_some_and(|one| one.root == *root || one.is_set) {
                continue;
            }
            let (served, before) = self.put(name, root, false);
            if let Some(before) = before {
                self.jobs().cancel(&before);
            }
            self.begin(&served);
        }
    }

    /// Indexes a repository that is served from now on.
    fn begin(&self, served: &Arc<Served>) {
        tracing::info!(repo = served.name, path = %served.root.display(), "served");
        // A full queue only means that the first search starts the job.
        let _ = self.ask(served, Wish::Asked { full: false });
    }
}

impl RegisterError {
    pub(crate) fn at_start(self, name: &str) -> ServeError {
        let detail = match self {
            Self::Registry(error) => return error,
            Self::Name => "a name has 1 to 64 of A-Z a-z 0-9 . _ -".to_owned(),
            Self::Path(detail) | Self::Folder(detail) => detail,
            Self::TooMany => format!("at most {MAX_REPOSITORIES} can be registered"),
            Self::Set(_) => "the settings give this name to another folder".to_owned(),
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
            RegisterError::Set(name) => Self::set_repository(format!(
                "the settings file gives the name {name:?} to a folder (serve.repositories); \
                 change it there"
            )),
            RegisterError::Registry(error) => Self::internal(error.to_string()),
        }
    }
}
