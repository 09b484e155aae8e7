//! `wherein doctor [PATH]`: what an answer depends on, checked, and an index that is
//! damaged mended.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use wherein_index::{Finding, Health};

use super::{json, remark};
use crate::args::DoctorArguments;
use crate::session::{self, Wanted};
use crate::{Ending, display};

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    healthy: bool,
    findings: Vec<Finding>,
}

pub(crate) fn run(arguments: &DoctorArguments) -> Result<Ending> {
    let path = arguments.path.as_deref();
    if arguments.repair {
        repair(path)?;
    }
    let findings = if arguments.check || arguments.repair {
        vec![wherein_index::diagnose_index(session::locate(path)?)]
    } else {
        wherein_index::diagnose(path)
    };
    let bad: Vec<&str> = findings
        .iter()
        .filter(|one| one.health == Health::Bad)
        .map(|one| one.name)
        .collect();
    let complaint = bad.join(", ");
    if arguments.json {
        json(&Output {
            healthy: bad.is_empty(),
            findings,
        })?;
    } else {
        print(&findings)?;
    }
    anyhow::ensure!(complaint.is_empty(), "not as it should be: {complaint}");
    Ok(Ending::Found)
}

/// Builds the index anew when a byte of it is not as it was written.
fn repair(path: Option<&Path>) -> Result<()> {
    let location = session::locate(path)?;
    let found = wherein_index::diagnose_index(location.clone());
    if found.health != Health::Bad {
        return Ok(());
    }
    remark(&format!("{}; it is built anew", found.found));
    let opened = session::open(location, Wanted::default())?;
    session::index(&opened.repository, true)?;
    session::fill(&opened.repository)?;
    Ok(())
}

fn print(findings: &[Finding]) -> Result<()> {
    let mut out = anstream::stdout().lock();
    for one in findings {
        let mark = match one.health {
            Health::Good => "ok  ",
            Health::Note => "note",
            Health::Bad => "BAD ",
        };
        writeln!(
            out,
            "{mark} {:<12} {}",
            one.name,
            display::sanitized(&one.found)
        )?;
        if !one.advice.is_empty() {
            writeln!(out, "     {:<12} {}", "", display::sanitized(&one.advice))?;
        }
    }
    out.flush()?;
    Ok(())
}
