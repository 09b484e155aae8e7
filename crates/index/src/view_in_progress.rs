//! The view that a run makes: what stays of the one before it, and what was read.

use rustc_hash::FxHashMap;
use wherein_store::{Catalog, View, ViewFile, ViewSkip};

use crate::pipeline::now_ns;
use crate::plan::Plan;

/// The view under construction.
pub(crate) struct ViewInProgress {
    root: String,
    head: Option<String>,
    /// What stays, by path.
    kept: Vec<ViewFile>,
    /// What was read, as it came.
    pub(crate) files: Vec<ViewFile>,
    pub(crate) skips: Vec<ViewSkip>,
    /// What is not looked at yet stays as it was.
    pub(crate) before: FxHashMap<String, ViewFile>,
    pub(crate) skips_before: FxHashMap<String, ViewSkip>,
    gates_before: u64,
    gates: u64,
}

impl ViewInProgress {
    /// The view that a plan starts from: what stays of the one that there is.
    pub(crate) fn of(
        plan: &mut Plan,
        view: Option<View>,
        root: String,
        head: Option<String>,
    ) -> Self {
        let View {
            files: mut kept,
            skips,
            ..
        } = view.unwrap_or_default();
        kept.retain(|file| !plan.not_kept.contains(&file.id));
        let skips = skips.into_iter().enumerate();
        let skips = skips.filter(|(place, _)| !plan.skips_not_kept.contains(place));
        let listed = std::mem::take(&mut plan.listed_skips);
        Self {
            root,
            head,
            kept,
            files: Vec::new(),
            skips: skips
                .map(|(_, skip)| skip)
                .chain(listed.into_iter().map(|skip| ViewSkip::new(skip, None)))
                .collect(),
            before: std::mem::take(&mut plan.before),
            skips_before: std::mem::take(&mut plan.skips_before),
            gates_before: plan.gates_before.unwrap_or(plan.gates),
            gates: plan.gates,
        }
    }

    pub(crate) fn view(&self, complete: bool, catalog: &Catalog) -> View {
        let mut read = self.files.clone();
        let path = |file: &ViewFile| catalog.file(file.id).map_or("", |version| &version.path);
        // In their order, unless some were urgent.
        if !read.is_sorted_by(|one, other| path(one) <= path(other)) {
            read.sort_by(|one, other| path(one).cmp(path(other)));
        }
        let mut files = by_path(catalog, &self.kept, &read);
        if !complete {
            let mut before: Vec<(&String, &ViewFile)> = self.before.iter().collect();
            before.sort_unstable_by_key(|(path, _)| *path);
            let before: Vec<ViewFile> = before.into_iter().map(|(_, file)| *file).collect();
            files = by_path(catalog, &files, &before);
        }
        let mut skips = self.skips.clone();
        if !complete {
            skips.extend(self.skips_before.values().cloned());
        }
        skips.sort_by(|a, b| (a.stat.is_some(), &a.path).cmp(&(b.stat.is_some(), &b.path)));
        View {
            root: self.root.clone(),
            head: self.head.clone(),
            complete,
            // Some files of a part of a run were let in by the gates before.
            gates: if complete || self.gates == self.gates_before {
                self.gates
            } else {
                0
            },
            indexed_at_s: (now_ns() / 1_000_000_000) as u64,
            files,
            skips,
        }
    }
}

/// Merges files of a view, both ordered by path.
fn by_path(catalog: &Catalog, many: &[ViewFile], few: &[ViewFile]) -> Vec<ViewFile> {
    let path = |file: &ViewFile| catalog.file(file.id).map_or("", |version| &version.path);
    let mut merged = Vec::with_capacity(many.len() + few.len());
    let mut rest = many;
    for file in few {
        let wanted = path(file);
        let (before, after) = rest.split_at(rest.partition_point(|one| path(one) < wanted));
        merged.extend_from_slice(before);
        merged.push(*file);
        rest = after;
    }
    merged.extend_from_slice(rest);
    merged
}
