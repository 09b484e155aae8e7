//! What the commands share: from a path argument to an open repository, brought
//! up to date.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use wherein_core::IndexState;
use wherein_index::{
    AddedModels, FillReport, Filling, IndexError, IndexOptions, IndexReport, Location, Progress,
    Repository, Settings,
};

use crate::commands::remark;
use crate::interrupt;
use crate::progress;

/// How long to wait for another process that indexes the same repository.
pub(crate) const WAIT: Duration = Duration::from_mins(10);

/// A repository, and what was found wrong with its index.
pub(crate) struct Opened {
    pub(crate) repository: Repository,
    pub(crate) damage: Option<IndexError>,
}

/// Where the repository that answers for `path` and its index lie.
pub(crate) fn locate(path: Option<&Path>) -> Result<Location, IndexError> {
    Location::find(&wherein_index::home()?, path)
}

/// What is asked of the models that were added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Whether a question is asked, so that the encoder is needed soon.
    pub(crate) question: bool,
    /// Whether a re-ranker is needed.
    pub(crate) reranker: bool,
}

/// The models that were added; one that is in use and gone is told, and left out.
pub(crate) fn added(settings: &Settings, wanted: Wanted) -> Result<AddedModels> {
    let home = wherein_index::home()?;
    let added = AddedModels::in_use(&home, settings).unwrap_or_else(|error| {
        remark(&format!(
            "{error}; `wherein model use built-in` goes without it, as this answer does"
        ));
        AddedModels::default()
    });
    if wanted.question {
        added.warm();
    }
    if wanted.reranker {
        return Ok(added.with_reranker(&home)?);
    }
    Ok(added)
}

/// The repository at a location, its index not looked at.
pub(crate) fn unopened(location: Location) -> Result<Repository> {
    let settings = Settings::load(Some(&location.checkout.root))?;
    let model = wherein_index::shipped_model();
    Ok(Repository::with_model(location, settings, model))
}

/// Opens the index at a location as it is.
pub(crate) fn open(location: Location, wanted: Wanted) -> Result<Opened> {
    let settings = Settings::load(Some(&location.checkout.root))?;
    let added = added(&settings, wanted)?;
    let model = wherein_index::shipped_model();
    let repository = Repository::with_model(location, settings, model).beside(added);
    let opened = repository.reload();
    with_damage(repository, opened)
}

/// Opens the index at a location and looks at the working tree meanwhile: for
/// what compares the two.
pub(crate) fn open_looking(location: Location, wanted: Wanted) -> Result<Opened> {
    let settings = Settings::load(Some(&location.checkout.root))?;
    let added = added(&settings, wanted)?;
    let (repository, opened) =
        Repository::open_looking(location, settings, wherein_index::shipped_model, added);
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
    with_progress(|progress| {
        let report = match repository.index_alone(IndexOptions { full, wait }, progress) {
            Err(error) if error.is_locked() => {
                remark(&format!("{error}; waiting, Ctrl-C ends the wait"));
                repository.index_alone(IndexOptions { full, wait: WAIT }, progress)
            }
            other => other,
        };
        if report.is_ok() {
            // Unless the run has done so by itself.
            repository.tidy(false);
        }
        report
    })
}

/// Gives the chunks their vectors of the model in use beside the built-in one, shown.
pub(crate) fn fill(repository: &Repository) -> Result<Option<FillReport>, IndexError> {
    with_progress(|progress| repository.fill(progress))
}

/// After an answer: says how far the vectors of the model in use are, and lets a
/// process in the background go on with them.
pub(crate) fn fill_behind(repository: &Repository, index: &IndexState) {
    if let Some(reason) = repository.quality_error() {
        remark(&format!("{reason}; the built-in model alone answered"));
        return;
    }
    if !repository.lacks_vectors() {
        return;
    }
    let share = (index.vector_coverage * 100.0).floor();
    let told = match repository.filling() {
        Filling::Running => "the rest follows in the background".to_owned(),
        Filling::Failed(reason) => format!("the rest does not follow: {reason}"),
        Filling::Idle if !repository.settings().index.background => {
            "`wherein index` makes the rest".to_owned()
        }
        Filling::Idle => match start_filling(repository) {
            Ok(()) => "the rest follows in the background".to_owned(),
            Err(error) => format!("nothing could be started for the rest: {error}"),
        },
    };
    let model = &index.model;
    remark(&format!(
        "{share} % of the chunks have a vector of {model}; {told}"
    ));
}

fn start_filling(repository: &Repository) -> std::io::Result<()> {
    std::process::Command::new(std::env::current_exe()?)
        .args(["index", "--background"])
        .arg(&repository.checkout().root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

/// Builds anew what is damaged, and says so.
pub(crate) fn rebuild(
    repository: &Repository,
    damage: &IndexError,
) -> Result<IndexReport, IndexError> {
    remark(&format!("{damage}; it is built anew"));
    let report = index(repository, true)?;
    repository.open_newest()?;
    Ok(report)
}

/// Brings the index up to date as well as may be before a search: one that
/// another process is writing, or that cannot be written, answers as it is; a
/// damaged one is built anew.
pub(crate) fn refresh(opened: &Opened) -> Result<(), IndexError> {
    let Opened { repository, damage } = opened;
    refreshed(repository, damage.as_ref())?;
    // A run of many files has closed it.
    repository.open_newest()
}

fn refreshed(repository: &Repository, damage: Option<&IndexError>) -> Result<(), IndexError> {
    if let Some(damage) = damage {
        return rebuild(repository, damage).map(drop);
    }
    let options = IndexOptions {
        full: false,
        wait: Duration::ZERO,
    };
    match with_progress(|progress| repository.index(options, progress)) {
        Ok(_) => {
            repository.tidy(true);
            Ok(())
        }
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
/// told not to, and asks it; `None` when the user interrupted. `reranker` says
/// whether one is asked for. `checked` makes
/// the query: one that is refused is refused before anything is indexed.
pub(crate) fn ask<Q, A>(
    path: Option<&Path>,
    no_refresh: bool,
    reranker: bool,
    checked: impl FnOnce(&Repository) -> Result<Q>,
    answer: impl Fn(&Repository, &Q) -> Result<A, IndexError>,
) -> Result<Option<(A, Repository)>> {
    let location = locate(path)?;
    let wanted = Wanted {
        question: true,
        reranker,
    };
    let opened = if no_refresh {
        open(location, wanted)?
    } else {
        open_looking(location, wanted)?
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
    let repository = opened.repository;
    let answered = match answer(&repository, &query) {
        // Damage that shows only when the bytes are read.
        Err(error) if error.is_mended_by_rebuild() && !no_refresh => {
            rebuild(&repository, &error)?;
            answer(&repository, &query)?
        }
        other => other?,
    };
    Ok(Some((answered, repository)))
}
