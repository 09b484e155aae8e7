//! Walk, chunk, embed, store as one bounded pipeline: planning, progress, and
//! the handle on one repository.
//!
//! [`Location`] says which index answers for a path, [`Repository`] brings it
//! up to date and asks it. Programs (the command line, the service) know this
//! crate and the types of `wherein-core`, and none of the stages.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod archive;
mod asking;
mod bring_up;
mod collect;
mod context;
mod diagnosis;
mod error;
mod exact;
mod fill;
mod joint;
mod known;
mod locate;
mod look;
mod models;
mod own_writer;
mod pipeline;
mod plan;
mod progress;
mod related;
mod report;
mod repository;
mod settings;
mod settings_sources;
mod status;
mod turn;
mod urgent;
mod view_in_progress;
mod workers;

pub use archive::{Exported, import};
pub use asking::start_threads;
pub use asking::{CandidateSpan, CandidateSpans, RankerShape, SearchOptions, ranker_shape};
pub use bring_up::IndexOptions;
pub use collect::{Collection, collect};
pub use context::{ContextOptions, context};
pub use diagnosis::{Finding, Health, diagnose, diagnose_index};
pub use error::IndexError;
pub use fill::{FillReport, Filling};
pub use joint::{Joint, JointError, Member, search};
pub use locate::{Location, home};
pub use models::AddedModels;
pub use progress::{Phase, Progress};
pub use related::{BadPlace, Place};
pub use report::IndexReport;
pub use repository::{Current, Repository};
pub use settings::{IndexSettings, SearchSettings, ServeSettings, Settings, VectorSearch};
pub use status::{QualityVectors, Status, Why};
pub use turn::{LastRun, Turn, now};
pub use wherein_embed::{ModelError, ModelKind, OFFERED, RUNTIME, Registry};
pub use wherein_pack::{BadSpanId, Format, SpanId, Tokenizer};
pub use wherein_search::StageTimes;
pub use wherein_watch::{WatchError, Watcher};

use std::sync::Arc;

/// The model that is part of the program.
pub fn shipped_model() -> Result<Arc<dyn wherein_embed::Embedder>, IndexError> {
    Ok(wherein_embed::shipped()?)
}
