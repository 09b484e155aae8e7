//! Settings: what there is to set, and between which bounds. Where they come
//! from stands in `settings_sources`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use wherein_core::limits;

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Building an index.
    pub index: IndexSettings,
    /// Searching.
    pub search: SearchSettings,
    /// The HTTP service.
    pub serve: ServeSettings,
}

/// Building an index; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct IndexSettings {
    pub max_file_bytes: u64,
    pub threads: usize,
    pub checkpoint_bytes: u64,
    pub vector_cache_bytes: u64,
    pub background: bool,
}

/// Searching; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct SearchSettings {
    pub results: usize,
    pub vectors: VectorSearch,
    pub graph_above: usize,
}

/// How vectors are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorSearch {
    /// Through a graph where there are many, else through a scan.
    Auto,
    /// Through a scan of all codes, always.
    Exact,
    /// Through a scan of all signs, then of the codes of the best.
    Signs,
    /// Through a graph, however few there are.
    Graph,
}

/// The HTTP service; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct ServeSettings {
    pub listen: String,
    pub token_file: PathBuf,
    pub hosts: Vec<String>,
    pub origins: Vec<String>,
    pub repositories: BTreeMap<String, PathBuf>,
    pub max_concurrent: usize,
    pub max_waiting: usize,
    pub max_connections: usize,
    pub max_streams: usize,
    pub stalled_seconds: u64,
    pub timeout_seconds: u64,
    pub max_body_bytes: usize,
    pub refresh_seconds: u64,
    /// Whether changes of files are watched.
    pub watch: bool,
}

impl Settings {
    /// The first key that is out of its bounds, and what they are.
    pub(crate) fn out_of_bounds(&self) -> Option<(&'static str, String)> {
        let (index, search, serve) = (&self.index, &self.search, &self.serve);
        let ranges = [
            ("index.max_file_bytes", index.max_file_bytes, 1, 1 << 30),
            ("index.threads", index.threads as u64, 0, 1024),
            (
                "index.checkpoint_bytes",
                index.checkpoint_bytes,
                1 << 20,
                1 << 40,
            ),
            (
                "index.vector_cache_bytes",
                index.vector_cache_bytes,
                0,
                1 << 40,
            ),
            (
                "search.results",
                search.results as u64,
                1,
                limits::MAX_RESULTS as u64,
            ),
            ("search.graph_above", search.graph_above as u64, 1, u64::MAX),
            (
                "serve.max_concurrent",
                serve.max_concurrent as u64,
                0,
                10_000,
            ),
            (
                "serve.max_connections",
                serve.max_connections as u64,
                1,
                100_000,
            ),
            ("serve.max_streams", serve.max_streams as u64, 0, 100_000),
            ("serve.stalled_seconds", serve.stalled_seconds, 1, 3600),
            ("serve.max_waiting", serve.max_waiting as u64, 0, 100_000),
            ("serve.timeout_seconds", serve.timeout_seconds, 1, 3600),
            (
                "serve.max_body_bytes",
                serve.max_body_bytes as u64,
                1024,
                64 << 20,
            ),
            ("serve.refresh_seconds", serve.refresh_seconds, 1, 86_400),
        ];
        ranges
            .into_iter()
            .find(|(_, value, least, most)| value < least || value > most)
            .map(|(key, value, least, most)| {
                (
                    key,
                    format!("{key} is {value}; it must lie between {least} and {most}"),
                )
            })
    }

    /// Takes back what a repository asks for beyond `most`: it is not trusted
    /// with more memory or threads than its user gives. Names the keys.
    pub(crate) fn keep_within(&mut self, built_in: &Self) -> Vec<&'static str> {
        let most = &built_in.index;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most_threads = if most.threads == 0 {
            cores
        } else {
            most.threads
        };
        let index = &mut self.index;
        let mut cut = Vec::new();
        if index.max_file_bytes > most.max_file_bytes {
            index.max_file_bytes = most.max_file_bytes;
            cut.push("index.max_file_bytes");
        }
        if index.checkpoint_bytes > most.checkpoint_bytes {
            index.checkpoint_bytes = most.checkpoint_bytes;
            cut.push("index.checkpoint_bytes");
        }
        if index.threads > most_threads {
            index.threads = most.threads;
            cut.push("index.threads");
        }
        if index.vector_cache_bytes != most.vector_cache_bytes {
            index.vector_cache_bytes = most.vector_cache_bytes;
            cut.push("index.vector_cache_bytes");
        }
        if index.background && !most.background {
            index.background = false;
            cut.push("index.background");
        }
        // A graph costs minutes of all cores.
        let search = &mut self.search;
        if search.vectors != VectorSearch::Exact {
            search.vectors = built_in.search.vectors;
            cut.push("search.vectors");
        }
        if search.graph_above < built_in.search.graph_above {
            search.graph_above = built_in.search.graph_above;
            cut.push("search.graph_above");
        }
        cut
    }
}
