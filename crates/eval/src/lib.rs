//! Retrieval quality on labelled queries, through the same engine that users
//! run, and the features that a ranker is trained on.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod dataset;
mod error;
mod features;

pub use dataset::{Dataset, LabelledQuery, LabelledRepository, Scope, Selection, Target};
pub use error::EvalError;
pub use features::FeatureWriter;
