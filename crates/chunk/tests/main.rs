//! Tests of the chunker through its public API, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "a test may fail, and its texts need not be made fast"
)]

mod fixtures;
mod hostile;
mod invariants;
mod properties;
mod rules;
mod support;
