//! Explains what becomes of one path, by the decisions that list and read make.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use wherein_core::Skip;

use crate::listing::readable;
use crate::marks::Marks;
use crate::read::{Unread, read};
use crate::survey::{Folder, Judged, Pass, Survey, is_gone, unreadable};
use crate::{Checkout, Options, WalkError};

/// What becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A file that is read, or a folder that is walked.
    Candidate,
    /// Passed over; the skip may be that of a folder above it.
    Skipped(Skip),
    /// Nothing lies there.
    Missing,
    /// Not below the root.
    Outside,
}

/// Explains one path, absolute or relative to the root. The file's content is
/// read, as [`read`](crate::read()) would.
pub fn why(checkout: &Checkout, path: &Path, options: &Options) -> Result<Verdict, WalkError> {
    let Some(inside) = below(&checkout.root, path) else {
        return Ok(Verdict::Outside);
    };
    let survey = Survey::new(checkout, options);
    let root = survey.root();
    readable(&survey, &root).map_err(|error| WalkError::from_io(checkout.root.clone(), error))?;

    let mut step = enter(&survey, root);
    let mut components = inside.components().peekable();
    while let Some(component) = components.next() {
        let folder = match step {
            Step::In(folder) => folder,
            Step::End(verdict) => return Ok(verdict),
        };
        let Component::Normal(name) = component else {
            return Ok(Verdict::Outside);
        };
        let is_last = components.peek().is_none();
        step = match descend(&survey, &folder, name) {
            Descended::Folder(pass) => enter(&survey, pass),
            Descended::File(path) if is_last => {
                return match read(checkout, &path, options) {
                    Ok(_) => Ok(Verdict::Candidate),
                    Err(Unread::Skipped(skip)) => Ok(Verdict::Skipped(skip)),
                    Err(Unread::Failed(error)) => Err(error),
                };
            }
            // A file where a folder was expected.
            Descended::File(_) => return Ok(Verdict::Missing),
            Descended::End(verdict) => return Ok(verdict),
        };
    }
    Ok(match step {
        Step::In(_) => Verdict::Candidate,
        Step::End(verdict) => verdict,
    })
}

enum Step {
    In(Folder),
    End(Verdict),
}

enum Descended {
    Folder(Pass),
    File(String),
    End(Verdict),
}

fn enter(survey: &Survey<'_>, pass: Pass) -> Step {
    if let Err(error) = readable(survey, &pass) {
        return Step::End(refused(pass.path, &error));
    }
    let marks = Marks::of(&survey.locate(&pass.path));
    match survey.enter(pass, marks) {
        Ok(folder) => Step::In(folder),
        Err(skip) => Step::End(Verdict::Skipped(skip)),
    }
}

fn descend(survey: &Survey<'_>, folder: &Folder, name: &OsStr) -> Descended {
    let location = survey.locate(&folder.path).join(name);
    let metadata = match fs::symlink_metadata(location) {
        Ok(metadata) => metadata,
        Err(error) => {
            let path = format!("{}{}", folder.path, name.to_string_lossy());
            return Descended::End(refused(path, &error));
        }
    };
    match survey.judge(folder, name, metadata.file_type()) {
        Judged::Folder(pass) => Descended::Folder(pass),
        Judged::Skip(skip) => Descended::End(Verdict::Skipped(skip)),
        Judged::File(path) => match survey.weigh(path, Ok(metadata)) {
            Some(Ok((path, _))) => Descended::File(path),
            Some(Err(skip)) => Descended::End(Verdict::Skipped(skip)),
            None => Descended::End(Verdict::Missing),
        },
    }
}

fn refused(path: String, error: &io::Error) -> Verdict {
    if is_gone(error) {
        Verdict::Missing
    } else {
        Verdict::Skipped(unreadable(path, error))
    }
}

/// The path that a walk would find below `root`, for one that a person gave:
/// relative to the root, or absolute. `None` when it lies elsewhere.
fn below(root: &Path, path: &Path) -> Option<PathBuf> {
    let whole = root.join(path);
    let climbs = whole.components().any(|part| part == Component::ParentDir);
    let inside = match whole.strip_prefix(root) {
        Ok(inside) if !climbs => inside.to_path_buf(),
        // The way there may cross a link, so the folder is asked where it is; the
        // name itself may be a link that is to be explained.
        _ => {
            let real = match (whole.parent(), whole.file_name()) {
                (Some(folder), Some(name)) => fs::canonicalize(folder).ok()?.join(name),
                _ => fs::canonicalize(&whole).ok()?,
            };
            real.strip_prefix(root).ok()?.to_path_buf()
        }
    };
    let is_here = |part: &Component<'_>| *part != Component::CurDir;
    Some(inside.components().filter(is_here).collect())
}
