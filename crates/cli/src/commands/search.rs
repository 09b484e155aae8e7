//! `wherein search QUERY [PATH]`: ranked spans.

use std::io::Write;

use anyhow::{Context, Result};

use super::{json, remark};
use crate::args::SearchArguments;
use crate::{Ending, display, interrupt, session};

pub(crate) fn run(arguments: &SearchArguments) -> Result<Ending> {
    let location = session::locate(arguments.path.as_deref())?;
    let opened = if arguments.no_refresh {
        session::open(location)?
    } else {
        session::open_looking(location)?
    };
    let repository = &opened.repository;
    // A query that is refused is refused before anything is indexed.
    let query = arguments.query(repository.settings().search.results)?;
    if arguments.no_refresh {
        if let Some(damage) = opened.damage {
            return Err(damage.into());
        }
    } else if let Err(error) = session::refresh(&opened)
        && !interrupt::happened()
    {
        return Err(error.into());
    }
    if interrupt::happened() {
        return Ok(Ending::Interrupted);
    }
    interrupt::ends_at_once();
    let answer = match repository.search(&query) {
        // Damage that shows only when the bytes are read.
        Err(error) if error.is_mended_by_rebuild() && !arguments.no_refresh => {
            session::rebuild(repository, &error)?;
            repository.search(&query)?
        }
        other => other?,
    };
    if arguments.json {
        json(&answer)?;
    } else {
        let mut out = anstream::stdout().lock();
        display::answer(&mut out, &answer, arguments.lines)
            .and_then(|()| out.flush())
            .context("cannot write to standard output")?;
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
