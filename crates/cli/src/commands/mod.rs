//! One file for each command.

pub(crate) mod completions;
pub(crate) mod index;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod why;

use std::io::Write;

use serde::Serialize;

/// Writes a value as one line of JSON.
fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A remark on standard error; a closed one is no reason to fail.
fn remark(text: &str) {
    let _ = writeln!(
        anstream::stderr(),
        "wherein: {}",
        crate::display::sanitized(text)
    );
}
