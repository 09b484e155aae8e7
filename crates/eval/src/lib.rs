//! Retrieval quality on labelled queries, through the same engine that users
//! run, and the features that a ranker is trained on.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod baseline;
mod dataset;
mod error;
mod features;
mod labels;
mod metrics;
mod report;
mod run;
mod spending;

pub use baseline::{Change, Comparison, compare, read_report};
pub use dataset::{Dataset, LabelledRepository, Scope, Selection};
pub use error::EvalError;
pub use features::FeatureWriter;
pub use labels::{LabelledQuery, Target};
pub use metrics::BUDGETS;
pub use report::{Figures, Report};
pub use run::{Options, RepositoryRun, Row, run};
pub use spending::{Spending, Spent, Way};
