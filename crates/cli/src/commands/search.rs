//! `wherein search QUERY [PATH]`: ranked spans.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use wherein_index::IndexOptions;

use super::{json, remark};
use crate::args::SearchArguments;
use crate::{Ending, display, interrupt, session};

pub(crate) fn run(arguments: &SearchArguments) -> Result<Ending> {
    let opened = session::open(arguments.path.as_deref())?;
    let repository = &opened.repository;
    // A query that is refused is refused before anything is indexed.
    let query = arguments.query(repository.settings().search.results)?;
    if let Some(damage) = opened.damage {
        if arguments.no_refresh {
            return Err(damage.into());
        }
        remark(&format!("{damage}; it is built anew"));
        let wait = Duration::from_mins(10);
        session::index(repository, IndexOptions { full: true, wait })?;
    } else if !arguments.no_refresh {
        let refreshed = session::with_progress(|progress| repository.refresh(progress));
        match refreshed {
            Ok(Some(_)) => {}
            Ok(None) => remark("another process is indexing; the index is searched as it is"),
            Err(error) if error.is_unwritable() && repository.is_indexed() => {
                remark(&format!("{error}; the index is searched as it is"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if interrupt::happened() {
        return Ok(Ending::Interrupted);
    }
    let answer = repository.search(&query)?;
    if arguments.json {
        json(&answer)?;
    } else {
        let mut out = anstream::stdout().lock();
        display::answer(&mut out, &answer, arguments.lines)?;
        out.flush()?;
    }
    if answer.index.pending_files > 0 {
        let files = display::counted(answer.index.pending_files, "file");
        remark(&format!(
            "{files} changed since they were indexed and are not in the answer"
        ));
    }
    if answer.hits.is_empty() {
        if !arguments.json {
            remark("nothing found");
        }
        return Ok(Ending::NothingFound);
    }
    Ok(Ending::Found)
}
