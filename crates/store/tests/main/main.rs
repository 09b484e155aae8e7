//! The store through its public interface, on real folders.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod damage;
mod generations;
mod graph;
mod quality;
mod searching;
mod signs;
mod support;
