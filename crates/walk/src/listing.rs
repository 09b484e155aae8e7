//! Lists a checkout, or parts of it again: names and `stat` only, no content but
//! that of rule files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use walkdir::{DirEntry, WalkDir};
use wherein_core::{FileStat, Skip};

use crate::follow::{Follower, Part};
use crate::marks::Marks;
use crate::survey::{Folder, Judged, Pass, Survey, is_gone, unreadable};
use crate::trouble::{is_trouble, watched};
use crate::{Checkout, Options, WalkError};

/// A file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, components joined by `/`.
    pub path: String,
    /// What `lstat` said of it.
    pub stat: FileStat,
}

/// All of a checkout: what is to be read, and what is not and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by path.
    pub files: Vec<Entry>,
    /// Sorted by path. A folder that is passed over is one skip.
    pub skips: Vec<Skip>,
}

/// Lists the files of a checkout that are to be read. What appears or vanishes
/// meanwhile may or may not be in it; nothing but an unreadable root fails.
pub fn list(checkout: &Checkout, options: &Options) -> Result<Listing, WalkError> {
    watched(|| {
        let mut walk = Walk::new(checkout, options, None);
        walk.below(walk.survey.root())?;
        Ok(walk.sorted())
    })
}

/// As [`list`], and tells the follower which folders are walked.
pub fn list_followed(
    checkout: &Checkout,
    options: &Options,
    follower: &dyn Follower,
) -> Result<Listing, WalkError> {
    watched(|| {
        let mut walk = Walk::new(checkout, options, Some(follower));
        walk.below_and_leave(walk.survey.root())?;
        Ok(walk.sorted())
    })
}

/// Lists a part of a checkout that a follower knows, and says what the listing
/// covers: folders that are new or gone are covered with all below them.
pub fn list_part(
    checkout: &Checkout,
    options: &Options,
    part: &Part,
    follower: &dyn Follower,
) -> Result<(Listing, Part), WalkError> {
    watched(|| {
        let mut walk = Walk::new(checkout, options, Some(follower));
        walk.covered = part.clone();
        for folder in &part.whole {
            if !part.is_inside_another(folder) {
                match walk.reach(folder) {
                    Some(pass) => walk.below_and_leave(pass)?,
                    None => walk.leave(folder),
                }
            }
        }
        for folder in &part.direct {
            if !walk.covered.has_whole(folder) {
                match walk.reach(folder) {
                    Some(pass) => walk.directly(pass)?,
                    None => walk.leave(folder),
                }
            }
        }
        let covered = std::mem::take(&mut walk.covered);
        Ok((walk.sorted(), covered))
    })
}

/// What became of a folder that a rule lets in.
enum Opened {
    Folder(Folder, Vec<DirEntry>),
    /// Something in it says that it is not walked.
    Refused(String),
    /// It cannot be read, or is gone.
    Unread,
}

struct Walk<'a> {
    survey: Survey<'a>,
    follower: Option<&'a dyn Follower>,
    listing: Listing,
    /// Folders on the way to those that are listed; `None` for what is not walked.
    on_the_way: FxHashMap<String, Option<Rc<Folder>>>,
    covered: Part,
}

impl<'a> Walk<'a> {
    fn new(
        checkout: &'a Checkout,
        options: &'a Options,
        follower: Option<&'a dyn Follower>,
    ) -> Self {
        Self {
            survey: Survey::new(checkout, options),
            follower,
            listing: Listing::default(),
            on_the_way: FxHashMap::default(),
            covered: Part::default(),
        }
    }

    fn sorted(self) -> Listing {
        let mut listing = self.listing;
        listing.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        listing
            .skips
            .sort_unstable_by(|a, b| (&a.path, a.reason).cmp(&(&b.path, b.reason)));
        listing
    }

    /// Lists a folder and all below it; gives the folders that were read.
    fn below(&mut self, pass: Pass) -> Result<BTreeSet<String>, WalkError> {
        let mut walked = BTreeSet::new();
        let mut pending = vec![pass];
        while let Some(pass) = pending.pop() {
            let path = match self.open(pass)? {
                Opened::Folder(folder, entries) => {
                    let entries = entries.iter();
                    pending.extend(entries.filter_map(|entry| self.visit(&folder, entry)));
                    folder.path
                }
                Opened::Refused(path) => {
                    if let Some(follower) = self.follower {
                        follower.refuse(&path);
                    }
                    path
                }
                Opened::Unread => continue,
            };
            if self.follower.is_some() {
                walked.insert(path);
            }
        }
        Ok(walked)
    }

    /// As [`Walk::below`]; folders that were followed and are no longer walked are left.
    fn below_and_leave(&mut self, pass: Pass) -> Result<(), WalkError> {
        let path = pass.path.clone();
        let walked = self.below(pass)?;
        if let Some(follower) = self.follower {
            for folder in follower.below(&path) {
                if !walked.contains(&folder) {
                    follower.leave(&folder);
                }
            }
        }
        Ok(())
    }

    /// Lists what lies directly in a folder, and all that is new below it.
    fn directly(&mut self, pass: Pass) -> Result<(), WalkError> {
        let path = pass.path.clone();
        if !self.follower.is_some_and(|one| one.follows(&path)) {
            self.covered.whole.insert(path);
            return self.below_and_leave(pass);
        }
        let (folder, entries) = match self.open(pass)? {
            Opened::Folder(folder, entries) => (folder, entries),
            Opened::Refused(_) => {
                self.leave(&path);
                if let Some(follower) = self.follower {
                    follower.enter(&path);
                    follower.refuse(&path);
                }
                return Ok(());
            }
            Opened::Unread => {
                self.leave(&path);
                return Ok(());
            }
        };
        let mut seen = BTreeSet::new();
        for entry in &entries {
            if let Some(pass) = self.visit(&folder, entry) {
                seen.insert(pass.path.clone());
                let is_listed = self.covered.has_whole(&pass.path);
                if !is_listed && !self.follower.is_some_and(|one| one.follows(&pass.path)) {
                    self.covered.whole.insert(pass.path.clone());
                    self.below_and_leave(pass)?;
                }
            }
        }
        let before = self.follower.map(|one| one.directly_in(&path));
        for gone in before.into_iter().flatten() {
            if !seen.contains(&gone) {
                self.leave(&gone);
            }
        }
        Ok(())
    }

    /// Nothing of a folder is in the listing, which says so.
    fn leave(&mut self, folder: &str) {
        if let Some(follower) = self.follower {
            for one in follower.below(folder) {
                follower.leave(&one);
            }
        }
        self.covered.whole.insert(folder.to_owned());
    }

    /// Reads a folder. One that is passed over is noted.
    fn open(&mut self, pass: Pass) -> Result<Opened, WalkError> {
        if let Some(follower) = self.follower {
            follower.enter(&pass.path);
        }
        let contents = contents(&self.survey, &pass);
        if let Some(error) = contents.error {
            if pass.path.is_empty() {
                let root = self.survey.locate("");
                return Err(WalkError::from_io(root, error));
            }
            if is_trouble(&error) {
                let path = self.survey.locate(&pass.path);
                return Err(WalkError::Trouble {
                    path,
                    source: error,
                });
            }
            if !is_gone(&error) {
                self.listing
                    .skips
                    .push(unreadable(pass.path.clone(), &error));
            }
            if contents.entries.is_empty() {
                return Ok(Opened::Unread);
            }
        }
        let path = pass.path.clone();
        let marks = Marks::among(contents.entries.iter().map(DirEntry::file_name));
        match self.survey.enter(pass, marks) {
            Ok(folder) => Ok(Opened::Folder(folder, contents.entries)),
            Err(skip) => {
                self.listing.skips.push(skip);
                Ok(Opened::Refused(path))
            }
        }
    }

    /// Decides on an entry of a folder; gives the folders to be entered.
    fn visit(&mut self, folder: &Folder, entry: &DirEntry) -> Option<Pass> {
        let name: &OsStr = entry.file_name();
        match self.survey.judge(folder, name, entry.file_type()) {
            Judged::Folder(pass) => return Some(pass),
            Judged::Skip(skip) => self.listing.skips.push(skip),
            Judged::File(path) => {
                let metadata = entry.metadata().map_err(io::Error::from);
                match self.survey.weigh(path, metadata) {
                    Some(Ok((path, stat))) => self.listing.files.push(Entry { path, stat }),
                    Some(Err(skip)) => self.listing.skips.push(skip),
                    None => {}
                }
            }
        }
        None
    }

    /// The way to a folder from the root; `None` when a whole walk does not come there.
    fn reach(&mut self, path: &str) -> Option<Pass> {
        let Some(above) = path.strip_suffix('/') else {
            return Some(self.survey.root());
        };
        let (above, name) = match above.rsplit_once('/') {
            Some((above, name)) => (format!("{above}/"), name),
            None => (String::new(), above),
        };
        let folder = self.way_through(&above)?;
        let location = self.survey.locate(path.trim_end_matches('/'));
        let kind = std::fs::symlink_metadata(location).ok()?.file_type();
        match self.survey.judge(&folder, OsStr::new(name), kind) {
            Judged::Folder(pass) => Some(pass),
            Judged::File(_) | Judged::Skip(_) => None,
        }
    }

    fn way_through(&mut self, path: &str) -> Option<Rc<Folder>> {
        if let Some(known) = self.on_the_way.get(path) {
            return known.clone();
        }
        let entered = self.reach(path).and_then(|pass| {
            let marks = Marks::of(&self.survey.locate(path));
            self.survey.enter(pass, marks).ok().map(Rc::new)
        });
        self.on_the_way.insert(path.to_owned(), entered.clone());
        entered
    }
}

/// The entries of one folder, as far as they could be read.
struct Contents {
    entries: Vec<DirEntry>,
    error: Option<io::Error>,
}

/// Reads one folder. It is read whole before anything in it is judged, since its
/// rule files may be the last of it; a link in its place is not followed.
fn contents(survey: &Survey<'_>, pass: &Pass) -> Contents {
    let mut contents = Contents {
        entries: Vec::new(),
        error: None,
    };
    let folder = WalkDir::new(survey.locate(&pass.path))
        .min_depth(1)
        .max_depth(1)
        .follow_root_links(false);
    for entry in folder {
        match entry {
            Ok(entry) => contents.entries.push(entry),
            Err(error) => contents.error = Some(error.into()),
        }
    }
    contents
}

/// Whether a folder can be read, and the error when it cannot.
pub(crate) fn readable(survey: &Survey<'_>, pass: &Pass) -> io::Result<()> {
    match std::fs::read_dir(survey.locate(&pass.path)) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}
