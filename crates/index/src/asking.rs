//! Asking an index: one query, answered from the generation that is open, and
//! checked against the working tree before it is shown.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use wherein_core::{Filters, IndexState, Query, SearchAnswer};
use wherein_search::{Found, Searcher};

use crate::error::IndexError;
use crate::repository::{Current, Repository};

/// Hits beyond those asked for, in case some are of files that have changed.
const SPARE_HITS: usize = 10;

impl Repository {
    /// Answers a query from the generation that is open. Hits of files that
    /// are no longer as they were indexed are left out and counted.
    pub fn search(&self, query: &Query) -> Result<SearchAnswer, IndexError> {
        let started = Instant::now();
        let current = self.current().ok_or_else(|| IndexError::NotIndexed {
            root: self.checkout().root.clone(),
        })?;
        let mut wider = query.clone();
        wider.k = query.k + SPARE_HITS;
        if let Some(revision) = wider.filters.changed_since.take() {
            wider.filters.only_files = Some(self.changed_since(&revision, &current)?);
        }
        if !self.location.below.is_empty() {
            wider.filters = below(&self.location.below, wider.filters, &current);
        }
        let searcher = Searcher {
            snapshot: &current.snapshot,
            view: &current.rows,
            embedder: self.embedder(),
            nearest: self.nearest(),
        };
        let found = searcher.search(&wider)?;
        let (hits, stale) = self.verified(&searcher, &current, &found, query.k)?;
        let view = current.snapshot.catalog().view(&self.root);
        let pending = self.pending.load(Ordering::Relaxed).max(stale);
        if stale > 0 {
            self.checked.store(false, Ordering::Relaxed);
        }
        Ok(SearchAnswer {
            query: query.text.clone(),
            mode: found.mode,
            index: IndexState {
                repo: self.root.clone(),
                generation: current.snapshot.generation(),
                head: view.and_then(|view| view.head.clone()),
                fresh: pending == 0
                    && self.checked.load(Ordering::Relaxed)
                    && view.is_some_and(|view| view.complete),
                pending_files: pending,
                vector_coverage: current.vector_coverage,
                model: self.model_id().to_owned(),
            },
            hits,
            took_ms: started.elapsed().as_secs_f64() * 1000.0,
        })
    }

    /// Files of the view that differ from a revision of git.
    fn changed_since(&self, revision: &str, current: &Current) -> Result<Vec<String>, IndexError> {
        let snapshot = &current.snapshot;
        let files: Vec<&str> = current
            .stats
            .keys()
            .map(|number| snapshot.file(*number).0)
            .collect();
        let (checkout, options) = (self.checkout(), self.walk_options());
        Ok(wherein_walk::changed_since(
            checkout, revision, &files, &options,
        )?)
    }

    /// The first `k` hits whose files are as they were indexed, and how many
    /// files among those looked at are not.
    fn verified(
        &self,
        searcher: &Searcher<'_>,
        current: &Current,
        found: &Found,
        k: usize,
    ) -> Result<(Vec<wherein_core::Hit>, u64), IndexError> {
        let mut hits = Vec::new();
        let mut stale: Vec<u32> = Vec::new();
        let mut right: Vec<u32> = Vec::new();
        for span in &found.spans {
            if hits.len() == k {
                break;
            }
            let file = current.snapshot.file_of_row(span.row);
            if stale.contains(&file) {
                continue;
            }
            if !right.contains(&file) {
                if !self.is_as_indexed(current, file) {
                    stale.push(file);
                    continue;
                }
                right.push(file);
            }
            hits.push(searcher.hit(hits.len() + 1, span)?);
        }
        Ok((hits, stale.len() as u64))
    }

    /// By `stat`, and by content where that proves nothing.
    pub(crate) fn is_as_indexed(&self, current: &Current, file: u32) -> bool {
        let (path, hash, _) = current.snapshot.file(file);
        let Some(now) = wherein_walk::stat(self.checkout(), path) else {
            return false;
        };
        let recorded = current.stats.get(&file);
        if recorded.is_some_and(|stat| stat.proves_unchanged(now)) {
            return true;
        }
        wherein_walk::read(self.checkout(), path, &self.walk_options())
            .is_ok_and(|read| read.hash == hash)
    }
}

/// Keeps hits to a folder, whatever other path filters there are.
fn below(folder: &str, mut filters: Filters, current: &Current) -> Filters {
    let prefix = format!("{folder}/");
    let snapshot = &current.snapshot;
    let mut inside: Vec<String> = Vec::new();
    let mut last = None;
    for row in current.rows.iter() {
        let file = snapshot.file_of_row(row);
        if last != Some(file) {
            last = Some(file);
            let (path, _, _) = snapshot.file(file);
            if path.starts_with(&prefix) {
                inside.push(path.to_owned());
            }
        }
    }
    if let Some(only) = &filters.only_files {
        let only: HashSet<&String> = only.iter().collect();
        inside.retain(|path| only.contains(path));
    }
    filters.only_files = Some(inside);
    filters
}
