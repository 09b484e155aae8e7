//! The walk against real folders and real git.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod agreement;
mod changes;
mod gates;
mod parts;
mod repositories;
mod rules;
mod safety;
mod sandbox;
