//! The service over real HTTP: each test has its own home, repository and port.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on panics, and its texts need not be made fast"
)]

mod access;
mod answers;
mod concurrent;
mod examples;
mod jobs;
mod life;
mod limits;
mod mcp;
mod merged;
mod openapi;
mod problems;
mod reload;
mod slow;
mod support;
mod watching;
