//! Registers `wherein` with coding agents: an entry in their settings, a short marked
//! block in their instructions, and where they have such a thing a search sub-agent.
//!
//! [`plan`] says what would change and changes nothing; [`Plan::apply`] writes it and
//! notes how it was before; [`undo`] brings that back. Comments, order and form of what
//! is there stay as they are, and a file that cannot be read as what it should be is
//! never touched. `agents` is the table of who keeps what where.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod agents;
mod block;
mod edit;
mod error;
mod files;
mod journal;
mod json;
mod places;
mod plan;
mod toml;
mod undo;

pub use agents::{Agent, all, find};
pub use error::SetupError;
pub use places::{Places, Scope, Server};
pub use plan::{Change, Options, Plan, State, plan, state};
pub use undo::{Undone, undo};
