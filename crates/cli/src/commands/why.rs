//! `wherein why FILE`: why a path is or is not in the index.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::json;
use crate::args::WhyArguments;
use crate::{Ending, display, session};

pub(crate) fn run(arguments: &WhyArguments) -> Result<Ending> {
    // The index of the working directory, when the file lies below it, else
    // the one of the file's own folder.
    let folder = folder_of(&arguments.file);
    let canonical = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let here = session::locate(None)
        .ok()
        .filter(|here| canonical.starts_with(&here.checkout.root));
    let location = match here {
        Some(here) => here,
        None => session::locate(Some(&folder))?,
    };
    let opened = session::open(location, session::Wanted::default())?;
    if let Some(damage) = opened.damage {
        return Err(damage.into());
    }
    let why = opened.repository.why(&arguments.file)?;
    if arguments.json {
        json(&why)?;
    } else {
        let mut out = anstream::stdout().lock();
        let state = if why.indexed || why.is_folder {
            ""
        } else {
            "not indexed: "
        };
        let text = format!("{}: {state}{}", arguments.file.display(), why.explanation);
        writeln!(out, "{}", display::sanitized(&text))?;
        out.flush()?;
    }
    Ok(if why.indexed {
        Ending::Found
    } else {
        Ending::NothingFound
    })
}

/// The nearest folder above a path that exists.
fn folder_of(path: &Path) -> std::path::PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute
        .ancestors()
        .skip(1)
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"))
        .to_owned()
}
