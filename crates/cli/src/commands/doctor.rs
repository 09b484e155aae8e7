//! `wherein doctor [PATH]`: what an answer depends on, checked.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use wherein_index::{Finding, Health};

use super::json;
use crate::args::DoctorArguments;
use crate::{Ending, display};

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    healthy: bool,
    findings: Vec<Finding>,
}

pub(crate) fn run(arguments: &DoctorArguments) -> Result<Ending> {
    let findings = wherein_index::diagnose(arguments.path.as_deref());
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
