//! What the commands share: from a path argument to an open repository, brought
//! up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use wherein_index::{
    IndexError, IndexOptions, IndexReport, Location, Progress, Repository, Settings,
};

use crate::commands::remark;
use crate::interrupt;
use crate::progress;

/// How long to wait for another process that indexes the same repository.
const WAIT: Duration = Duration::from_mins(10);

/// A repository, and what was found wrong with its index.
pub(crate) struct Opened {
    pub(crate) repository: Repository,
    pub(crate) damage: Option<IndexError>,
}

/// Where the repository that answers for `path` and its index lie.
pub(crate) fn locate(path: Option<&Path>) -> Result<Location, IndexError> {
    Location::find(&wherein_index::home()?, path)
}

/// Opens the index at a location as it is.
pub(crate) fn open(location: Location) -> Result<Opened> {
    let settings = Settings::load(Some(&location.checkout.root))?;
    let model = wherein_index::shipped_model();
    let repository = Repository::with_model(location, settings, model);
    let opened = repository.reload();
    with_damage(repository, opened)
}

/// Opens the index at a location and looks at the working tree meanwhile: for
/// what compares the two.
pub(crate) fn open_looking(location: Location) -> Result<Opened> {
    let settings = Settings::load(Some(&location.checkout.root))?;
    let (repository, opened) =
        Repository::open_looking(location, settings, wherein_index::shipped_model);
    with_damage(repository, opened)
}

fn with_damage(repository: Repository, opened: Result<(), IndexError>) -> Result<Opened> {
    if let Some(error) = repository.model_error() {
        remark(&format!(
            "{error}; words alone answer, from the index as it is"
        ));
    }
    let damage = match opened {
        Ok(()) => None,
        Err(error) if error.is_mended_by_rebuild() => Some(error),
        Err(error) => return Err(error.into()),
    };
    Ok(Opened { repository, damage })
}

/// Runs with a progress bar and lets Ctrl-C stop it.
fn with_progress<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let counters = Arc::new(Progress::default());
    interrupt::stops(&counters);
    progress::shown(&counters, || work(&counters))
}

/// One run, shown; waits for another process that indexes, and says so.
pub(crate) fn index(repository: &Repository, full: bool) -> Result<IndexReport, IndexError> {
    let wait = Duration::ZERO;
    with_progress(
        |progress| match repository.index(IndexOptions { full, wait }, progress) {
            Err(error) if error.is_locked() => {
                remark(&format!("{error}; waiting, Ctrl-C ends the wait"));
                repository.index(IndexOptions { full, wait: WAIT }, progress)
            }
            other => other,
        },
    )
}

/// Builds anew what is damaged, and says so.
pub(crate) fn rebuild(
    repository: &Repository,
    damage: &IndexError,
) -> Result<IndexReport, IndexError> {
    remark(&format!("{damage}; it is built anew"));
    index(repository, true)
}

/// Brings the index up to date as well as may be before a search: one that
/// another process is writing, or that cannot be written, answers as it is; a
/// damaged one is built anew.
pub(crate) fn refresh(opened: &Opened) -> Result<(), IndexError> {
    let Opened { repository, damage } = opened;
    if let Some(damage) = damage {
        return rebuild(repository, damage).map(drop);
    }
    let options = IndexOptions {
        full: false,
        wait: Duration::ZERO,
    };
    match with_progress(|progress| repository.index(options, progress)) {
        Ok(_) => Ok(()),
        Err(error) if error.is_locked() && repository.is_indexed() => {
            remark("another process is indexing; the index is searched as it is");
            Ok(())
        }
        // Nothing to answer from yet.
        Err(error) if error.is_locked() => index(repository, false).map(drop),
        Err(error) if error.is_unwritable() && repository.is_indexed() => {
            remark(&format!("{error}; the index is searched as it is"));
            Ok(())
        }
        Err(error) if error.is_mended_by_rebuild() => rebuild(repository, &error).map(drop),
        Err(error) => Err(error),
    }
}

/// Opens the repository that answers for `path`, brings it up to date unless
/// told not to, and asks it; `None` when the user interrupted. `checked` makes
/// the query: one that is refused is refused before anything is indexed.
pub(crate) fn ask<Q, A>(
    path: Option<&Path>,
    no_refresh: bool,
    checked: impl FnOnce(&Repository) -> Result<Q>,
    answer: impl Fn(&Repository, &Q) -> Result<A, IndexError>,
) -> Result<Option<A>> {
    let location = locate(path)?;
    let opened = if no_refresh {
        open(location)?
    } else {
        open_looking(location)?
    };
    let query = checked(&opened.repository)?;
    if no_refresh {
        if let Some(damage) = opened.damage {
            return Err(damage.into());
        }
    } else if let Err(error) = refresh(&opened)
        && !interrupt::happened()
    {
        return Err(error.into());
    }
    if interrupt::happened() {
        return Ok(None);
    }
    interrupt::ends_at_once();
    let repository = &opened.repository;
    match answer(repository, &query) {
        // Damage that shows only when the bytes are read.
        Err(error) if error.is_mended_by_rebuild() && !no_refresh => {
            rebuild(repository, &error)?;
            Ok(Some(answer(repository, &query)?))
        }
        other => Ok(Some(other?)),
    }
}
