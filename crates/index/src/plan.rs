//! What a run has to do: a listing of the working tree, or of a part of it, against
//! the catalog.

use rustc_hash::{FxHashMap, FxHashSet};
use wherein_core::{FileStat, Skip};
use wherein_store::{Catalog, StatRecord, View, ViewFile, ViewSkip};
use wherein_walk::{Entry, Listing, Part};

/// What to do. Files and skips of the view stay as they are unless they are named.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Files that certainly stay.
    pub(crate) kept: u64,
    /// Versions of the view that do not stay in it: gone, or to be read again.
    pub(crate) not_kept: FxHashSet<u32>,
    /// Places of skips in the view that do not stay in it.
    pub(crate) skips_not_kept: FxHashSet<usize>,
    /// To be read: new, or perhaps changed. By path.
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

impl Basis {
    /// Whether it is enough to look at what has changed since the view was made.
    pub(crate) fn allows_parts(&self, view: &View) -> bool {
        !self.full && view.complete && view.gates == self.gates
    }
}

/// Compares a listing with the view of the checkout, as far as the listing covers
/// it: `None` for all of it. Nothing is read again that `stat` proves unchanged,
/// unless the `basis` is another.
pub(crate) fn plan(
    listing: &Listing,
    covered: Option<&Part>,
    catalog: &Catalog,
    root: &str,
    basis: Basis,
) -> Plan {
    let empty = View::default();
    let found = catalog.view(root);
    let view = found.unwrap_or(&empty);
    let mut plan = Plan {
        gates_before: found.map(|view| view.gates),
        gates: basis.gates,
        listed_skips: listing.skips.clone(),
        ..Plan::default()
    };
    let is_covered = |path: &str| covered.is_none_or(|part| part.covers(path));
    let mut skipped: FxHashMap<&str, (usize, &ViewSkip)> = FxHashMap::default();
    let mut listed = listing.skips.iter();
    plan.same_skips = true;
    for (place, skip) in view.skips.iter().enumerate() {
        if !is_covered(&skip.path) {
            continue;
        }
        if skip.stat.is_some() {
            skipped.insert(&skip.path, (place, skip));
        } else {
            let same = |now: &Skip| now.path == skip.path && now.reason == skip.reason();
            plan.same_skips &= listed.next().is_some_and(same);
            plan.skips_not_kept.insert(place);
        }
    }
    plan.same_skips &= listed.next().is_none();

    // Both are ordered by path.
    let mut files_covered = FilesCovered::by(covered);
    let mut known = view
        .files
        .iter()
        .filter_map(|file| Some((catalog.file(file.id)?, file)))
        .filter(|(version, _)| files_covered.has(&version.path))
        .peekable();
    let may_keep = !basis.full && view.gates == basis.gates;
    let proven = |stat: &StatRecord, now: FileStat| may_keep && stat.proves_unchanged(now);
    for entry in &listing.files {
        while let Some((_, gone)) = known.next_if(|(version, _)| version.path < entry.path) {
            plan.removed += 1;
            plan.not_kept.insert(gone.id);
        }
        let before = known.next_if(|(version, _)| version.path == entry.path);
        let skip = skipped.remove(entry.path.as_str());
        if let Some((version, file)) = before {
            if version.recipe == basis.recipe && proven(&file.stat, entry.stat) {
                continue;
            }
            plan.not_kept.insert(file.id);
            plan.before.insert(entry.path.clone(), *file);
        } else if skip
            .is_some_and(|(_, skip)| skip.stat.is_some_and(|stat| proven(&stat, entry.stat)))
        {
            continue;
        }
        if let Some((place, skip)) = skip {
            plan.skips_not_kept.insert(place);
            plan.skips_before.insert(entry.path.clone(), skip.clone());
        }
        plan.to_read.push(entry.clone());
    }
    for (_, gone) in known {
        plan.removed += 1;
        plan.not_kept.insert(gone.id);
    }
    // What was passed over may be gone too.
    plan.same_skips &= skipped.is_empty();
    plan.skips_not_kept
        .extend(skipped.values().map(|(place, _)| *place));
    plan.kept = (view.files.len() - plan.not_kept.len()) as u64;
    plan
}

/// Which files a part covers; neighbours mostly lie in one folder.
struct FilesCovered<'a> {
    part: Option<&'a Part>,
    folder: String,
    is_covered: bool,
}

impl<'a> FilesCovered<'a> {
    fn by(part: Option<&'a Part>) -> Self {
        Self {
            part,
            folder: String::new(),
            is_covered: part.is_none_or(|part| part.covers("file")),
        }
    }

    fn has(&mut self, path: &str) -> bool {
        let Some(part) = self.part else {
            return true;
        };
        let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
        if folder != self.folder {
            folder.clone_into(&mut self.folder);
            self.is_covered = part.covers(path);
        }
        self.is_covered
    }
}
