//! Tells which folders of a checkout have changed since they were last looked at.
//!
//! [`Watcher`] hears from the operating system, [`Followed`] keeps what it heard of
//! one checkout until it is taken. Only folders that the walk enters are watched,
//! so what ignore rules leave out (build output, dependencies) costs nothing. What
//! cannot be known for certain, as after events were lost, is told as
//! [`Changes::Everything`].

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod error;
mod followed;
mod local;
mod watcher;

pub use error::WatchError;
pub use followed::{Changes, Followed};
pub use watcher::Watcher;
