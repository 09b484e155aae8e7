//! The index on disk: catalog, lexical index, vectors, one commit point, recovery.
//!
//! An index is a folder. [`Writer`] is the only one that changes it, under a
//! lock; [`Snapshot`] reads one generation of it and is never disturbed. What
//! is in force is named by the commit payload of the lexical index: a manifest,
//! which names the catalog and the segments, each with its checksum. Every byte
//! that an answer depends on is checked before it is believed.
//!
//! Nothing here reads a file of a repository, knows a query language or talks
//! to a network.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod catalog;
mod chunks;
mod compaction;
mod dense;
mod disk;
mod dormant;
mod dot;
mod error;
mod frame;
mod generation;
mod graph;
mod lexical;
mod lexical_files;
mod lexical_writer;
mod linking;
mod lock;
mod named_files;
mod nearest;
mod opening;
mod quality;
mod rows;
mod scoring;
mod sections;
mod signs;
mod snapshot;
mod statistics;
mod tokenizer;
mod vectors;
mod verified;
mod views;
mod writer;

pub use catalog::{Catalog, FORMAT_VERSION, FileVersion, StatRecord, View, ViewFile, ViewSkip};
pub use dense::{Nearest, RoughQuery};
pub use error::StoreError;
pub use lexical::Pieces;
pub use opening::Committed;
pub use quality::VectorsOfFiles;
pub use rows::RowSet;
pub use scoring::{FIELDS, FileScore, Frequencies, LexicalQuery, LexicalScores, MAX_TERMS};
pub use snapshot::{ChunkInfo, Snapshot, SymbolInfo, Totals};
pub use statistics::Statistics;
pub use tokenizer::{each_term, terms};
pub use views::Collected;
pub use writer::{NewFile, Writer, WriterOptions};
