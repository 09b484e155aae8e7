//! `wherein index [PATH]`: build the index or bring it up to date.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use wherein_index::{FillReport, IndexReport};

use super::{json, remark};
use crate::args::IndexArguments;
use crate::session::{self, Wanted};
use crate::{Ending, behind, display, interrupt};

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a IndexReport,
    /// Where a model is in use beside the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    vectors: Option<&'a FillReport>,
}

pub(crate) fn run(arguments: &IndexArguments) -> Result<Ending> {
    if arguments.background {
        behind::step_back();
    }
    let location = session::locate(arguments.path.as_deref())?;
    let opened = session::open_looking(location, Wanted::default())?;
    let repository = &opened.repository;
    let ran = match &opened.damage {
        Some(damage) if !arguments.full => session::rebuild(repository, damage),
        _ => session::index(repository, arguments.full),
    };
    let report = match ran {
        Err(error) if error.is_mended_by_rebuild() => session::rebuild(repository, &error)?,
        Err(error) if error.is_locked() && interrupt::happened() => {
            return Ok(Ending::Interrupted);
        }
        other => other?,
    };
    // The index answers from here on.
    if !arguments.json {
        print(&report)?;
    }
    let vectors = if interrupt::happened() {
        None
    } else {
        session::fill(repository)?
    };
    match &vectors {
        _ if arguments.json => json(&Output {
            report: &report,
            vectors: vectors.as_ref(),
        })?,
        Some(vectors) => print_vectors(vectors)?,
        None => {}
    }
    if interrupt::happened() {
        remark("interrupted; what is done is kept, and the next run goes on from there");
        return Ok(Ending::Interrupted);
    }
    if report.files == 0 {
        remark(&format!(
            "no file of {} can be indexed ({}); `wherein status --skipped` lists them",
            report.repo,
            display::counted(report.skipped, "skipped path"),
        ));
        return Ok(Ending::NothingFound);
    }
    Ok(Ending::Found)
}

fn print_vectors(report: &FillReport) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let share = (report.vector_coverage * 100.0).floor();
    if report.elsewhere {
        writeln!(
            out,
            "{share} % of the chunks have a vector of {}; another process makes the rest",
            report.model
        )?;
    } else {
        writeln!(
            out,
            "{share} % of the chunks have a vector of {}; {} new in {:.2} s",
            report.model,
            display::counted(report.chunks, "vector"),
            report.seconds
        )?;
    }
    out.flush()?;
    Ok(())
}

fn print(report: &IndexReport) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let changed = report.files_indexed + report.files_reused + report.files_removed;
    writeln!(
        out,
        "{}: {}, {} ({} skipped)",
        display::sanitized(&report.repo),
        display::counted(report.files, "file"),
        display::counted(report.chunks, "chunk"),
        display::count(report.skipped),
    )?;
    if changed == 0 {
        writeln!(out, "nothing has changed ({:.2} s)", report.seconds)?;
    } else {
        writeln!(
            out,
            "{} indexed, {} removed, {} unchanged; {} in {:.2} s ({:.1} MB/s)",
            display::counted(report.files_indexed + report.files_reused, "file"),
            display::count(report.files_removed),
            display::count(report.files_unchanged),
            display::size(report.bytes_indexed),
            report.seconds,
            report.bytes_indexed as f64 / 1e6 / report.seconds.max(1e-6),
        )?;
    }
    out.flush()?;
    Ok(())
}
