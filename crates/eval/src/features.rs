//! Writes what a ranker is trained on: the candidates of each labelled query
//! with their features.
//!
//! `features.f32` holds the features of all candidates, row after row, as
//! little-endian floats; `queries.jsonl` one object for each query, with the
//! places of its candidates in the same order; `names.json` the names, the signs and
//! the weights set by hand.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use wherein_core::Query;
use wherein_index::{Repository, ranker_shape};

use crate::dataset::LabelledRepository;
use crate::error::EvalError;
use crate::labels::LabelledQuery;

#[derive(Serialize)]
struct Line<'a> {
    repository: &'a str,
    language: &'a str,
    query: &'a str,
    category: &'a str,
    is_symbol: bool,
    targets: Vec<(&'a str, Option<(u32, u32)>)>,
    candidates: Vec<(String, u32, u32)>,
}

/// Where the features go.
pub struct FeatureWriter {
    features: BufWriter<File>,
    queries: BufWriter<File>,
    folder: std::path::PathBuf,
}

impl FeatureWriter {
    /// Creates the files in a folder, over those that are there; for a ranker
    /// with or without a second model.
    pub fn create(folder: &Path, has_quality: bool) -> Result<Self, EvalError> {
        std::fs::create_dir_all(folder).map_err(EvalError::io("create", folder))?;
        let create = |name: &str| {
            let path = folder.join(name);
            File::create(&path)
                .map(BufWriter::new)
                .map_err(EvalError::io("create", &path))
        };
        let names = folder.join("names.json");
        let shape = ranker_shape(has_quality);
        let json = serde_json::json!({
            "features": shape.features,
            "signs": shape.signs,
            "symbol": shape.symbol,
            "question": shape.question,
        })
        .to_string();
        std::fs::write(&names, json).map_err(EvalError::io("write", &names))?;
        Ok(Self {
            features: create("features.f32")?,
            queries: create("queries.jsonl")?,
            folder: folder.to_owned(),
        })
    }

    /// Adds the queries of a repository that is indexed.
    pub fn add(
        &mut self,
        labelled: &LabelledRepository,
        repository: &Repository,
    ) -> Result<(), EvalError> {
        for query in &labelled.queries {
            self.add_query(labelled, query, repository)?;
        }
        Ok(())
    }

    fn add_query(
        &mut self,
        labelled: &LabelledRepository,
        query: &LabelledQuery,
        repository: &Repository,
    ) -> Result<(), EvalError> {
        let Ok(asked) = Query::new(&query.query, 50) else {
            return Ok(());
        };
        let found = repository
            .candidates(&asked)
            .map_err(EvalError::index(&labelled.name))?;
        let line = Line {
            repository: &labelled.name,
            language: &labelled.language,
            query: &query.query,
            category: &query.category,
            is_symbol: found.is_symbol,
            targets: query
                .targets
                .iter()
                .map(|target| (target.path.as_str(), target.lines))
                .collect(),
            candidates: found
                .rows
                .iter()
                .map(|row| (row.path.clone(), row.start_line, row.end_line))
                .collect(),
        };
        let mut write = || -> std::io::Result<()> {
            serde_json::to_writer(&mut self.queries, &line)?;
            self.queries.write_all(b"\n")?;
            for row in &found.rows {
                for feature in &row.features {
                    self.features.write_all(&feature.to_le_bytes())?;
                }
            }
            Ok(())
        };
        write().map_err(EvalError::io("write", &self.folder))
    }

    /// Writes what is still held.
    pub fn finish(mut self) -> Result<(), EvalError> {
        self.features
            .flush()
            .and_then(|()| self.queries.flush())
            .map_err(EvalError::io("write", &self.folder))
    }
}
