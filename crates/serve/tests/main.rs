//! The service over real HTTP: each test has its own home, repository and port.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test that cannot go on panics, and its texts need not be made fast"
)]

mod concurrent;
mod life;
mod limits;
mod mcp;
mod openapi;
mod problems;
mod support;
mod watching;
