//! `wherein related FILE:LINE [PATH]`: what belongs to a place in the code.

use std::io::Write;

use anyhow::{Context, Result};
use wherein_core::{QueryError, limits};
use wherein_index::Place;

use super::{json, remark, tell_pending};
use crate::args::RelatedArguments;
use crate::{Ending, display, session};

pub(crate) fn run(arguments: &RelatedArguments) -> Result<Ending> {
    let place = meant(&arguments.place);
    let answer = session::ask(
        arguments.path.as_deref(),
        arguments.no_refresh,
        false,
        |repository| {
            let usual = repository.settings().search.results;
            let k = arguments.k.unwrap_or(usual.min(limits::MAX_RESULTS));
            if k == 0 || k > limits::MAX_RESULTS {
                return Err(QueryError::BadK(k).into());
            }
            Ok(k)
        },
        |repository, k| repository.related(&place, *k, &arguments.exclude, None),
    )?;
    let Some((answer, _)) = answer else {
        return Ok(Ending::Interrupted);
    };
    if arguments.json {
        json(&answer)?;
    } else {
        let mut out = anstream::stdout().lock();
        display::related(&mut out, &answer, arguments.lines)
            .and_then(|()| out.flush())
            .context("cannot write to standard output")?;
    }
    tell_pending(&answer.index);
    if answer.hits.is_empty() && answer.callers.is_empty() && answer.callees.is_empty() {
        if !arguments.json {
            remark("nothing is related to it");
        }
        return Ok(Ending::NothingFound);
    }
    Ok(Ending::Found)
}

/// A path that is one from here is taken for that; any other is one of the repository.
fn meant(place: &Place) -> Place {
    let here = std::path::absolute(&place.path).ok();
    let here = here.filter(|path| path.is_file());
    // The root of a checkout has no links in it.
    let parent = here
        .as_ref()
        .and_then(|path| path.parent()?.canonicalize().ok());
    let name = here.as_ref().and_then(|path| path.file_name());
    match (parent, name) {
        (Some(parent), Some(name)) => Place {
            path: parent.join(name).to_string_lossy().into_owned(),
            line: place.line,
        },
        _ => place.clone(),
    }
}
