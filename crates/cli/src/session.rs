//! What the commands share: from a path argument to an open repository.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use wherein_index::{
    IndexError, IndexOptions, IndexReport, Location, Progress, Repository, Settings,
};

use crate::interrupt;
use crate::progress;

/// Opens the repository that answers for `path`. An index that is damaged is
/// reported by `open`'s caller through `rebuild`.
pub(crate) fn open(path: Option<&Path>) -> Result<Opened> {
    let home = wherein_index::home()?;
    let location = Location::find(&home, path)?;
    let settings = Settings::load(Some(&location.checkout.root))?;
    let model = wherein_index::shipped_model()?;
    match Repository::open(location.clone(), settings.clone(), Some(model.clone())) {
        Ok(repository) => Ok(Opened {
            repository,
            damage: None,
        }),
        Err(error) if error.is_mended_by_rebuild() => {
            let repository = Repository::open_without_index(location, settings, Some(model));
            Ok(Opened {
                repository,
                damage: Some(error),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// A repository, and what was found wrong with its index.
pub(crate) struct Opened {
    pub(crate) repository: Repository,
    pub(crate) damage: Option<IndexError>,
}

/// Runs with a progress bar and lets Ctrl-C stop it.
pub(crate) fn with_progress<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let counters = Arc::new(Progress::default());
    interrupt::stops(&counters);
    progress::shown(&counters, || work(&counters))
}

/// One run, shown.
pub(crate) fn index(
    repository: &Repository,
    options: IndexOptions,
) -> Result<IndexReport, IndexError> {
    with_progress(|progress| repository.index(options, progress))
}
