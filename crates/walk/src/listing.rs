//! Lists a checkout: names and `stat` only, no content but that of rule files.

use std::ffi::OsStr;
use std::io;

use walkdir::{DirEntry, WalkDir};
use wherein_core::{FileStat, Skip};

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
    watched(|| walk(checkout, options))
}

fn walk(checkout: &Checkout, options: &Options) -> Result<Listing, WalkError> {
    let survey = Survey::new(checkout, options);
    let mut listing = Listing::default();
    let mut pending = vec![survey.root()];
    while let Some(pass) = pending.pop() {
        let is_root = pass.path.is_empty();
        let contents = contents(&survey, &pass);
        if let Some(error) = contents.error {
            if is_root {
                return Err(WalkError::from_io(checkout.root.clone(), error));
            }
            if is_trouble(&error) {
                let path = survey.locate(&pass.path);
                return Err(WalkError::Trouble {
                    path,
                    source: error,
                });
            }
            if !is_gone(&error) {
                listing.skips.push(unreadable(pass.path.clone(), &error));
            }
            if contents.entries.is_empty() {
                continue;
            }
        }
        match survey.enter(
            pass,
            Marks::among(contents.entries.iter().map(DirEntry::file_name)),
        ) {
            Ok(folder) => visit(
                &survey,
                &folder,
                contents.entries,
                &mut pending,
                &mut listing,
            ),
            Err(skip) => listing.skips.push(skip),
        }
    }
    listing.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    listing
        .skips
        .sort_unstable_by(|a, b| (&a.path, a.reason).cmp(&(&b.path, b.reason)));
    Ok(listing)
}

/// Decides on each entry of one folder.
fn visit(
    survey: &Survey<'_>,
    folder: &Folder,
    entries: Vec<DirEntry>,
    pending: &mut Vec<Pass>,
    listing: &mut Listing,
) {
    for entry in entries {
        let name: &OsStr = entry.file_name();
        match survey.judge(folder, name, entry.file_type()) {
            Judged::Folder(pass) => pending.push(pass),
            Judged::Skip(skip) => listing.skips.push(skip),
            Judged::File(path) => {
                let metadata = entry.metadata().map_err(io::Error::from);
                match survey.weigh(path, metadata) {
                    Some(Ok((path, stat))) => listing.files.push(Entry { path, stat }),
                    Some(Err(skip)) => listing.skips.push(skip),
                    None => {}
                }
            }
        }
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
