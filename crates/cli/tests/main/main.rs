//! The real program on real folders: arguments in, output and exit code out.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stderr,
    reason = "a test says what it measured or left out"
)]

mod bad_input;
mod collecting;
mod context;
#[cfg(target_os = "linux")]
mod crash;
mod damage;
mod diagnosis;
#[cfg(unix)]
mod equivalence;
mod evaluating;
mod fixtures;
mod formats;
mod freshness;
mod hooks;
mod mcp;
mod mcp_client;
mod models;
mod operating;
mod program;
mod ranking;
mod related;
mod searching;
mod serving;
mod setup;
mod shown;
mod terminal;
mod tiers;
mod transfer;
