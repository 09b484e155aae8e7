//! `wherein export` and `wherein import`: an index as one file.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use wherein_index::{IndexOptions, IndexReport, Progress};

use super::json;
use crate::args::{ExportArguments, ImportArguments};
use crate::session::{self, Wanted};
use crate::{Ending, display, interrupt};

/// What `import --json` prints.
#[derive(Serialize)]
struct Imported<'a> {
    file: &'a Path,
    #[serde(flatten)]
    report: IndexReport,
}

pub(crate) fn export(arguments: &ExportArguments) -> Result<Ending> {
    let location = session::locate(arguments.path.as_deref())?;
    let opened = session::open_looking(location, Wanted::default())?;
    // What is given away is whole and up to date.
    session::refresh(&opened)?;
    if interrupt::happened() {
        return Ok(Ending::Interrupted);
    }
    let options = IndexOptions {
        full: false,
        wait: session::WAIT,
    };
    let home = wherein_index::home()?;
    let progress = Progress::default();
    let exported = opened
        .repository
        .export(&home, &arguments.file, options, &progress)?;
    if arguments.json {
        json(&exported)?;
        return Ok(Ending::Found);
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}: {}, {}",
        display::sanitized(&exported.file),
        display::counted(exported.files, "file"),
        display::size(exported.bytes)
    )?;
    out.flush()?;
    Ok(Ending::Found)
}

pub(crate) fn import(arguments: &ImportArguments) -> Result<Ending> {
    let location = session::locate(arguments.path.as_deref())?;
    let home = wherein_index::home()?;
    let root = location.checkout.root.clone();
    // What is there may be damaged: it is replaced as it is.
    let before = session::unopened(location)?;
    wherein_index::import(&home, &before, &arguments.file, arguments.replace)?;
    drop(before);
    let opened = session::open_looking(session::locate(Some(&root))?, Wanted::default())?;
    let report = session::index(&opened.repository, false)?;
    if arguments.json {
        json(&Imported {
            file: &arguments.file,
            report,
        })?;
        return Ok(Ending::Found);
    }
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}: {}, {}; {} differ from the archive, {} are gone ({:.2} s)",
        display::sanitized(&report.repo),
        display::counted(report.files, "file"),
        display::counted(report.chunks, "chunk"),
        display::count(report.files_indexed),
        display::count(report.files_removed),
        report.seconds
    )?;
    out.flush()?;
    Ok(Ending::Found)
}
