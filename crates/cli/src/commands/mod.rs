//! One file for each command.

pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod gc;
pub(crate) mod hook;
pub(crate) mod index;
pub(crate) mod mcp;
pub(crate) mod model;
pub(crate) mod related;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod transfer;
pub(crate) mod why;

use std::io::Write;

use anyhow::Context;
use serde::Serialize;
use wherein_core::IndexState;

/// Writes a value as one line of JSON.
fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Said where no word of a query was found.
pub(crate) const MEANING_ALONE: &str =
    "no word of the query occurs here; what was found is near in meaning alone";

/// A remark on standard error; a closed one is no reason to fail.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(
        anstream::stderr(),
        "wherein: {}",
        crate::display::sanitized(text)
    );
}

/// Says how many files the answer is without.
fn tell_pending(index: &IndexState) {
    if index.pending_files > 0 {
        let files = crate::display::counted(index.pending_files, "file");
        remark(&format!(
            "{files} changed since they were indexed and are not in the answer"
        ));
    }
}
