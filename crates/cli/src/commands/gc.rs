//! `wherein gc [PATH]`: gives back the space of what no checkout needs.

use std::io::Write;

use anyhow::{Result, bail};
use serde::Serialize;
use wherein_index::Collection;

use super::{json, remark};
use crate::args::GcArguments;
use crate::{Ending, display, session};

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    dry_run: bool,
    indexes: Vec<Collection>,
    bytes_freed: u64,
}

pub(crate) fn run(arguments: &GcArguments) -> Result<Ending> {
    let home = wherein_index::home()?;
    let only = match &arguments.path {
        Some(path) => Some(session::locate(Some(path))?.index),
        None => None,
    };
    let indexes = wherein_index::collect(&home, only.as_deref(), arguments.dry_run)?;
    let freed = |one: &Collection| one.bytes_before.saturating_sub(one.bytes_after);
    let bytes_freed = indexes.iter().map(freed).sum();
    let failed = indexes.iter().filter(|one| one.error.is_some()).count();
    if arguments.json {
        json(&Output {
            dry_run: arguments.dry_run,
            indexes,
            bytes_freed,
        })?;
        return ended(failed);
    }
    let mut out = anstream::stdout().lock();
    for one in &indexes {
        let index = display::sanitized(&one.index);
        if let Some(error) = &one.error {
            remark(&format!("{}: {error}", one.index));
            continue;
        }
        for gone in &one.gone {
            let gone = display::sanitized(gone);
            writeln!(out, "{index}: {gone} is gone")?;
        }
        if one.removed {
            writeln!(
                out,
                "{index}: no checkout is left, {}",
                display::size(one.bytes_before)
            )?;
        } else if one.versions > 0 {
            let versions = display::counted(one.versions, "version");
            writeln!(out, "{index}: {versions} that no checkout holds")?;
        }
    }
    let count = match indexes.len() {
        1 => "1 index".to_owned(),
        many => format!("{many} indexes"),
    };
    let freed = display::size(bytes_freed);
    if arguments.dry_run {
        writeln!(out, "{count} looked at, nothing changed")?;
    } else {
        writeln!(out, "{count} looked at, {freed} given back")?;
    }
    out.flush()?;
    ended(failed)
}

fn ended(failed: usize) -> Result<Ending> {
    if failed > 0 {
        bail!("{failed} of them left as found, for the reasons above");
    }
    Ok(Ending::Found)
}
