//! What a run has to do: the listing of the working tree against the catalog.

use rustc_hash::FxHashMap;
use wherein_core::{FileStat, Skip};
use wherein_store::{Catalog, FileVersion, View, ViewFile, ViewSkip};
use wherein_walk::{Entry, Listing};

/// A file that stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) path: String,
    pub(crate) file: ViewFile,
}

/// What to do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Certainly unchanged.
    pub(crate) kept: Vec<Kept>,
    /// Passed over by content before, and certainly unchanged.
    pub(crate) kept_skips: Vec<ViewSkip>,
    /// To be read: new, or perhaps changed.
    pub(crate) to_read: Vec<Entry>,
    /// What each file to be read was before.
    pub(crate) before: FxHashMap<String, ViewFile>,
    /// Why files to be read were passed over before, or were in by lines only:
    /// still so when their content turns out to be the same.
    pub(crate) skips_before: FxHashMap<String, ViewSkip>,
    /// By which gates the files of the view were let in.
    pub(crate) gates_before: Option<u64>,
    /// By which gates they are let in now.
    pub(crate) gates: u64,
    /// Files of the view that are gone.
    pub(crate) removed: u64,
    /// Passed over by name or rule.
    pub(crate) listed_skips: Vec<Skip>,
    /// Whether the skips by name and rule are the ones of last time.
    pub(crate) same_skips: bool,
}

impl Plan {
    /// Whether the index is as the working tree is but for what reading the
    /// doubtful files may show.
    pub(crate) fn is_settled(&self, view: Option<&View>, head: Option<&str>) -> bool {
        view.is_some_and(|view| view.complete && view.head.as_deref() == head)
            && self.gates_before == Some(self.gates)
            && self.removed == 0
            && self.same_skips
    }

    pub(crate) fn bytes_to_read(&self) -> u64 {
        self.to_read.iter().map(|entry| entry.stat.size).sum()
    }
}

/// What makes a file be looked at again although it has not changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Basis {
    /// Which chunker, options and model: versions of another are made anew.
    pub(crate) recipe: u64,
    /// Which gates: those of another are read again.
    pub(crate) gates: u64,
    /// Whether everything is to be made anew.
    pub(crate) full: bool,
}

/// Compares a listing with the view of the checkout. Nothing is read again that
/// `stat` proves unchanged, unless the `basis` is another.
pub(crate) fn plan(listing: &Listing, catalog: &Catalog, root: &str, basis: Basis) -> Plan {
    let empty = View::default();
    let found = catalog.view(root);
    let view = found.unwrap_or(&empty);
    let mut known: FxHashMap<&str, (&FileVersion, ViewFile)> = FxHashMap::default();
    for file in &view.files {
        if let Some(version) = catalog.file(file.id) {
            known.insert(&version.path, (version, *file));
        }
    }
    let mut skipped: FxHashMap<&str, &ViewSkip> = FxHashMap::default();
    let mut listed_before = 0;
    for skip in &view.skips {
        match skip.stat {
            Some(_) => {
                skipped.insert(&skip.path, skip);
            }
            None => listed_before += 1,
        }
    }
    let mut plan = Plan {
        same_skips: listed_before == listing.skips.len()
            && view
                .skips
                .iter()
                .filter(|skip| skip.stat.is_none())
                .zip(&listing.skips)
                .all(|(old, new)| old.path == new.path && old.reason() == new.reason),
        gates_before: found.map(|view| view.gates),
        gates: basis.gates,
        ..Plan::default()
    };
    let mut skips_seen = 0;
    let may_keep = !basis.full && view.gates == basis.gates;
    let mut seen = 0;
    for entry in &listing.files {
        let before = known.get(entry.path.as_str());
        seen += u64::from(before.is_some());
        let proven = |stat: &wherein_store::StatRecord, now: FileStat| {
            may_keep && stat.proves_unchanged(now)
        };
        let skip = skipped.get(entry.path.as_str());
        skips_seen += usize::from(skip.is_some());
        if let Some((version, file)) = before {
            if version.recipe == basis.recipe && proven(&file.stat, entry.stat) {
                plan.kept_skips
                    .extend(skip.map(|partial| (*partial).clone()));
                plan.kept.push(Kept {
                    path: entry.path.clone(),
                    file: *file,
                });
                continue;
            }
            plan.before.insert(entry.path.clone(), *file);
        } else if let Some(skip) = skip
            && skip.stat.is_some_and(|stat| proven(&stat, entry.stat))
        {
            plan.kept_skips.push((*skip).clone());
            continue;
        }
        if let Some(skip) = skip {
            plan.skips_before
                .insert(entry.path.clone(), (*skip).clone());
        }
        plan.to_read.push(entry.clone());
    }
    plan.removed = known.len() as u64 - seen;
    // One that was passed over may be gone too.
    plan.same_skips &= skips_seen == skipped.len();
    plan.listed_skips.clone_from(&listing.skips);
    plan
}
