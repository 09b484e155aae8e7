//! `wherein status [PATH]`: what is indexed and what is not.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use wherein_core::Skip;
use wherein_index::Status;

use super::{json, remark};
use crate::args::StatusArguments;
use crate::session::{self, Wanted};
use crate::{Ending, display};

#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_paths: Option<Vec<Skip>>,
}

pub(crate) fn run(arguments: &StatusArguments) -> Result<Ending> {
    let location = session::locate(arguments.path.as_deref())?;
    let opened = session::open_looking(location, Wanted::default())?;
    if let Some(damage) = opened.damage {
        return Err(damage.into());
    }
    let status = opened.repository.status()?;
    let indexed = status.indexed;
    let skips = arguments.skipped.then(|| opened.repository.skips());
    if arguments.json {
        json(&Output {
            status,
            skipped_paths: skips,
        })?;
    } else {
        print(&status, skips.as_deref().unwrap_or_default())?;
    }
    if indexed {
        Ok(Ending::Found)
    } else {
        remark("it is not indexed; run `wherein index`");
        Ok(Ending::NothingFound)
    }
}

fn print(status: &Status, skips: &[Skip]) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let mut line =
        |name: &str, value: String| writeln!(out, "{name:<12} {}", display::sanitized(&value));
    line("repository", status.repo.clone())?;
    line(
        "index",
        format!("{} ({})", status.index, display::size(status.index_bytes)),
    )?;
    line("model", format!("{} on {}", status.model, status.backend))?;
    if status.indexed {
        line("generation", status.generation.to_string())?;
        line(
            "head",
            status.head.clone().unwrap_or_else(|| "none".to_owned()),
        )?;
        let complete = if status.complete {
            "yes"
        } else {
            "no; run `wherein index` to go on"
        };
        line("complete", complete.to_owned())?;
        let pending = match status.pending_files {
            0 if status.fresh => "yes".to_owned(),
            0 => "no; `wherein index` brings it up to date".to_owned(),
            files => format!(
                "no; {} changed since, `wherein index` brings them in",
                display::counted(files, "file")
            ),
        };
        line("fresh", pending)?;
        line("indexed", display::ago(status.indexed_at))?;
        line(
            "files",
            format!(
                "{} ({})",
                display::count(status.files),
                display::size(status.source_bytes)
            ),
        )?;
        line("chunks", display::count(status.chunks))?;
        if let Some(vectors) = &status.vectors {
            let share = (vectors.coverage * 100.0).floor();
            let rest = match &vectors.filling {
                _ if vectors.coverage >= 1.0 => "",
                Some(how) => how,
                None => "`wherein index` makes the rest",
            };
            let text = format!(
                "{share} % of the chunks have one of {}; {rest}",
                vectors.model
            );
            line("vectors", text.trim_end_matches("; ").to_owned())?;
        }
        let languages: Vec<String> = status
            .languages
            .iter()
            .map(|(name, files)| format!("{name} {}", display::count(*files)))
            .collect();
        line("languages", languages.join(", "))?;
        for (title, counts) in [("skipped", &status.skipped), ("by lines", &status.partial)] {
            let reasons: Vec<String> = counts
                .iter()
                .map(|(reason, paths)| format!("{reason} {}", display::count(*paths)))
                .collect();
            if !reasons.is_empty() {
                line(title, reasons.join(", "))?;
            }
        }
    }
    for skip in skips {
        let detail = if skip.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", skip.detail)
        };
        let text = format!("{}: {}{detail}", skip.path, skip.reason.sentence());
        writeln!(out, "  {}", display::sanitized(&text))?;
    }
    out.flush()?;
    Ok(())
}
