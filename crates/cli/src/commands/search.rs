//! `wherein search QUERY [PATH]`: ranked spans.

use std::io::Write;

use anyhow::{Context, Result};

use super::{MEANING_ALONE, json, remark, tell_pending};
use crate::args::SearchArguments;
use crate::{Ending, display, session};

pub(crate) fn run(arguments: &SearchArguments) -> Result<Ending> {
    let answer = session::ask(
        arguments.path.as_deref(),
        arguments.no_refresh,
        arguments.rerank.is_some(),
        |repository| Ok(arguments.query(repository.settings().search.results)?),
        wherein_index::Repository::search,
    )?;
    let Some((answer, repository)) = answer else {
        return Ok(Ending::Interrupted);
    };
    if arguments.json {
        json(&answer)?;
    } else {
        let mut out = anstream::stdout().lock();
        display::answer(&mut out, &answer, arguments.lines)
            .and_then(|()| out.flush())
            .context("cannot write to standard output")?;
    }
    tell_pending(&answer.index);
    session::fill_behind(&repository, &answer.index);
    if answer.by_meaning_alone {
        remark(MEANING_ALONE);
    }
    if answer.hits.is_empty() {
        if !arguments.json {
            remark("nothing found");
        }
        return Ok(Ending::NothingFound);
    }
    Ok(Ending::Found)
}
