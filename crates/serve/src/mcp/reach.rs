//! Which repository a call means, and what a server may read at all.
//!
//! Over HTTP that is what is registered. A process of its own serves the workspace that
//! it was started in or for, what its client names as a root, and what it was told to
//! allow; a `path` outside of those is refused.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wherein_index::Location;

use super::arguments::shown;
use crate::access::Access;
use crate::gather::Scope;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::AppState;

/// What is meant by a call.
pub(super) struct Meant {
    pub(super) scope: Scope,
    /// The folder of the one repository that is meant.
    pub(super) below: Option<String>,
    /// What paths are relative to, where the client does not stand there.
    pub(super) root: Option<PathBuf>,
}

/// Where all is looked for when a call names nothing.
struct Usual {
    location: Location,
    /// Where the client stands.
    start: PathBuf,
}

/// What may be meant.
pub(super) enum Reach {
    /// The repositories that are registered, as far as they exist for one who asks.
    Registered(Access),
    /// A workspace and what belongs to it.
    Workspace(Box<Workspace>),
}

/// What one process serves to one client.
pub(super) struct Workspace {
    /// The folder that was named on the command line.
    named: Option<PathBuf>,
    /// The folder that the process was started in.
    here: PathBuf,
    /// Folders below which everything may be read.
    allowed: Mutex<Vec<PathBuf>>,
    /// Folders that the client has named as its roots.
    roots: Mutex<Vec<PathBuf>>,
}

impl Workspace {
    pub(super) fn new(named: Option<PathBuf>, here: PathBuf, allowed: Vec<PathBuf>) -> Self {
        Self {
            named,
            here,
            allowed: Mutex::new(allowed),
            roots: Mutex::default(),
        }
    }

    /// The client says what it works on.
    pub(super) fn set_roots(&self, roots: &[PathBuf]) {
        let roots = roots.iter().filter_map(|one| one.canonicalize().ok());
        *self.roots.lock().unwrap_or_else(PoisonError::into_inner) = roots.collect();
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.roots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn usual(&self, home: &Path) -> Result<Usual, String> {
        if let Some(named) = &self.named {
            let location = Location::find(home, Some(named)).map_err(|error| error.to_string())?;
            let start = named.clone();
            return Ok(Usual { location, start });
        }
        let roots = self.roots();
        // Some clients start their servers anywhere.
        let start = match roots.first() {
            Some(root) if !roots.iter().any(|one| self.here.starts_with(one)) => root,
            _ => &self.here,
        };
        let around = || Location::around(home, start);
        let mut location = around().map_err(|error| format!("{error}; {HOW}"))?;
        let root = &location.checkout.root;
        let is_of_person = std::env::home_dir().is_some_and(|home| home.starts_with(root));
        if is_of_person && roots.is_empty() {
            return Err(format!(
                "this server was started in {}, which is no repository; {HOW}",
                root.display()
            ));
        }
        // Who stands in a folder of a checkout works on all of it.
        location.below.clear();
        let start = start.clone();
        Ok(Usual { location, start })
    }

    /// Whether a folder may be read.
    fn is_allowed(&self, folder: &Path, usual: Option<&Path>) -> bool {
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = allowed.iter().map(PathBuf::as_path).chain(usual);
        all.any(|one| folder.starts_with(one))
            || self.roots().iter().any(|one| folder.starts_with(one))
    }

    fn meant(&self, state: &AppState, path: Option<&str>) -> Result<Meant, String> {
        let home = state.home();
        let usual = self.usual(home);
        let start = usual.as_ref().map_or(&self.here, |one| &one.start).clone();
        let usual = usual.map(|one| one.location);
        let location = match path.filter(|path| !matches!(*path, "" | "." | "./")) {
            None => usual?,
            Some(path) => {
                // What was named is all there is; else the checkout around.
                let root = match &self.named {
                    Some(named) => Some(named.as_path()),
                    None => usual.as_ref().ok().map(|one| one.checkout.root.as_path()),
                };
                let folder = folder(&root.unwrap_or(&self.here).join(path), path)?;
                if !self.is_allowed(&folder, root) {
                    return Err(format!(
                        "{} is outside of what this server may read; start it for that folder, \
                         or with --allow {}",
                        shown(path, 200),
                        folder.display()
                    ));
                }
                let found = Location::around(home, &folder).map_err(|error| error.to_string())?;
                // What lies around an allowed folder need not be allowed.
                if self.is_allowed(&found.checkout.root, root) {
                    found
                } else {
                    Location::exactly(home, &folder).map_err(|error| error.to_string())?
                }
            }
        };
        let served = serve(state, &location.checkout.root)?;
        Ok(Meant {
            scope: Scope {
                repositories: vec![served],
                is_named: true,
            },
            below: Some(location.below).filter(|below| !below.is_empty()),
            root: Some(location.checkout.root).filter(|root| *root != start),
        })
    }
}

/// What to do when there is no workspace.
const HOW: &str = "give `path`, or start `wherein mcp PATH`";

/// An existing folder, without links.
fn folder(path: &Path, given: &str) -> Result<PathBuf, String> {
    let given = shown(given, 200);
    let folder = path
        .canonicalize()
        .map_err(|_| format!("there is no folder {given}; `path` is relative to the repository"))?;
    if !folder.is_dir() {
        return Err(format!(
            "{given} is a file; `path` takes a folder, and `paths` picks files: [\"{given}\"]"
        ));
    }
    Ok(folder)
}

/// The repository at a root, served from now on.
fn serve(state: &AppState, root: &Path) -> Result<Arc<Served>, String> {
    let name = root.file_name().map_or_else(
        || "root".to_owned(),
        |name| {
            let name = name.to_string_lossy();
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            name.chars().map(plain).take(60).collect()
        },
    );
    let name = state.free_name(&name, root);
    let (served, _) = state
        .register(&name, root)
        .map_err(|error| Problem::from(error).detail().to_owned())?;
    Ok(served)
}

impl Reach {
    /// What a call with this `path` means; reads the disk.
    pub(super) fn meant(&self, state: &AppState, path: Option<&str>) -> Result<Meant, String> {
        match self {
            Self::Workspace(workspace) => workspace.meant(state, path),
            Self::Registered(access) => registered(state, access, path),
        }
    }
}

/// By name, by a folder in it (`name/src`), or by its absolute path.
fn registered(state: &AppState, access: &Access, path: Option<&str>) -> Result<Meant, String> {
    let all = state.all_for(access);
    let Some(path) = path.filter(|path| !matches!(*path, "" | "." | "./")) else {
        return Ok(Meant {
            scope: Scope {
                // The only one is meant as if it were named.
                is_named: all.len() == 1,
                repositories: all,
            },
            below: None,
            root: None,
        });
    };
    let one = |served: &Arc<Served>, below: &str| Meant {
        scope: Scope {
            repositories: vec![Arc::clone(served)],
            is_named: true,
        },
        below: Some(below.trim_matches('/').to_owned()).filter(|below| !below.is_empty()),
        root: None,
    };
    if let Some(meant) = all.iter().find_map(|served| {
        let rest = path.strip_prefix(served.name.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| one(served, rest))
    }) {
        return Ok(meant);
    }
    let by_root = all
        .iter()
        .filter_map(|served| Some((served, Path::new(path).strip_prefix(&served.root).ok()?)))
        .max_by_key(|(served, _)| served.root.components().count());
    if let Some((served, below)) = by_root {
        return Ok(one(served, &below.to_string_lossy()));
    }
    if let [only] = all.as_slice()
        && Path::new(path).is_relative()
    {
        return Ok(one(only, path.strip_prefix("./").unwrap_or(path)));
    }
    let names: Vec<&str> = all
        .iter()
        .map(|served| served.name.as_str())
        .take(50)
        .collect();
    Err(format!(
        "{} is in no repository of this service; there are {}",
        shown(path, 200),
        names.join(", ")
    ))
}
