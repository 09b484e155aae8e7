//! Checkouts in an index that is written: taken out, handed over, forgotten; and the
//! versions that they share.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{FileVersion, View};
use crate::error::StoreError;
use crate::writer::Writer;

/// What was taken out of an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Checkouts.
    pub views: u64,
    /// Versions of files that none holds.
    pub versions: u64,
    /// Checkouts that are left.
    pub views_left: u64,
}

impl Writer {
    /// Takes the view of a checkout out, so that a new one can be made of it: to be
    /// committed, or all stays as it was.
    pub fn take_view(&mut self, root: &str) -> Option<View> {
        let views = &mut self.catalog.views;
        let at = views.iter().position(|view| view.root == root)?;
        self.lacks_view = true;
        Some(views.remove(at))
    }

    /// Leaves checkouts out of the next commit.
    pub fn forget(&mut self, is_gone: impl Fn(&View) -> bool) {
        self.catalog.views.retain(|view| !is_gone(view));
    }

    /// Whether the catalog has a view of a checkout: not after it was taken out.
    pub fn holds_view(&self, root: &str) -> bool {
        self.catalog.view(root).is_some()
    }

    /// Takes checkouts out of the index, and all versions that no other holds; what
    /// is left lies close together. Nothing is written when there is nothing to do.
    pub fn collect(&mut self, is_gone: impl Fn(&str) -> bool) -> Result<Collected, StoreError> {
        let (views, files) = (self.catalog.views.len(), self.catalog.files.len());
        self.catalog.views.retain(|one| !is_gone(&one.root));
        let held = self.catalog.views.iter().flat_map(|view| &view.files);
        let held: FxHashSet<u32> = held.map(|file| file.id).collect();
        let views = views - self.catalog.views.len();
        if views > 0 || held.len() < files {
            self.keeps_none = true;
            let committed = self.commit_catalog();
            self.keeps_none = false;
            committed?;
        }
        Ok(Collected {
            views: views as u64,
            versions: (files - self.catalog.files.len()) as u64,
            views_left: self.catalog.views.len() as u64,
        })
    }

    /// Gives the view of one root to another: the same files lie there, as far as
    /// their content is the same; nothing that `stat` said counts any more.
    pub fn hand_over(&mut self, from: &str, to: &str) -> Result<u64, StoreError> {
        let views = &mut self.catalog.views;
        let Some(at) = views.iter().position(|view| view.root == from) else {
            return Err(StoreError::Misuse(format!("there is no view of {from:?}")));
        };
        let mut view = views.remove(at);
        to.clone_into(&mut view.root);
        view.complete = false;
        for file in &mut view.files {
            file.stat = file.stat.distrusted();
        }
        for skip in &mut view.skips {
            skip.stat = skip.stat.map(crate::StatRecord::distrusted);
        }
        views.push(view);
        self.commit_catalog()
    }

    /// Lets views that hold the same content under the same path hold the same
    /// version, the newest: one that was made anew for one checkout serves all.
    pub(crate) fn share_versions(&mut self) {
        // Those that were there before have been through this.
        let before = self.in_force.as_ref().map_or(0, |one| one.next_file);
        let files = &self.catalog.files;
        let new = &files[files.partition_point(|file| file.id < before)..];
        let contents: FxHashSet<[u8; 32]> = new.iter().map(|file| file.hash).collect();
        let mut newest: FxHashMap<(&str, [u8; 32], u64), u32> = FxHashMap::default();
        let mut replaced: FxHashMap<u32, u32> = FxHashMap::default();
        let again = |file: &&FileVersion| contents.contains(&file.hash);
        for file in files.iter().rev().filter(again) {
            let key = (file.path.as_str(), file.hash, file.recipe);
            let newest = *newest.entry(key).or_insert(file.id);
            if newest != file.id {
                replaced.insert(file.id, newest);
            }
        }
        if replaced.is_empty() {
            return;
        }
        let views = self.catalog.views.iter_mut();
        for file in views.flat_map(|view| &mut view.files) {
            if let Some(newest) = replaced.get(&file.id) {
                file.id = *newest;
            }
        }
    }
}
