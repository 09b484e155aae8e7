//! Every decision of the walk, one entry at a time. Listing a whole tree and
//! explaining one path both ask here, so they cannot disagree.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use wherein_core::{FileStat, Skip, SkipReason};

use crate::levels::{Level, Ruling};
use crate::marks::{Mark, Marks};
use crate::open::stat_of;
use crate::read::too_large;
use crate::rules::RuleFile;
use crate::tracked::Tracked;
use crate::trouble;
use crate::{Checkout, Options, folders, names};

/// What is the same for all entries of one walk.
pub(crate) struct Survey<'a> {
    checkout: &'a Checkout,
    options: &'a Options,
    /// The root below the top of the checkout; empty or with a final `/`.
    prefix: String,
    tracked: OnceCell<Tracked>,
    above_root: Rc<Level>,
}

/// A folder that is walked.
pub(crate) struct Folder {
    /// Relative to the root; empty for the root, else with a final `/`.
    pub(crate) path: String,
    level: Rc<Level>,
    only_tracked: OnlyTracked,
}

/// A folder that no rule leaves out; what lies in it may still do so.
pub(crate) struct Pass {
    /// Relative to the root; empty for the root, else with a final `/`.
    pub(crate) path: String,
    parent: Rc<Level>,
    only_tracked: OnlyTracked,
    /// The root, or taken in by a rule: built-in rules do not apply.
    is_wanted: bool,
}

/// Set in a folder that a rule leaves out although git tracks files in it: only
/// those are taken, the others fall under the rule.
type OnlyTracked = Option<Rc<(SkipReason, String)>>;

/// What becomes of an entry by its name and kind.
pub(crate) enum Judged {
    /// It is to be entered.
    Folder(Pass),
    /// A file that is a candidate, if its size is.
    File(String),
    /// Neither.
    Skip(Skip),
}

impl<'a> Survey<'a> {
    pub(crate) fn new(checkout: &'a Checkout, options: &'a Options) -> Self {
        Self {
            checkout,
            options,
            prefix: checkout.prefix(),
            tracked: OnceCell::new(),
            above_root: above_root(checkout, options),
        }
    }

    /// The root: always entered, whatever the rules of its parents say of it.
    pub(crate) fn root(&self) -> Pass {
        Pass {
            path: String::new(),
            parent: Rc::clone(&self.above_root),
            only_tracked: None,
            is_wanted: true,
        }
    }

    /// Where a path relative to the root lies.
    pub(crate) fn locate(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.checkout.root.clone()
        } else {
            self.checkout.root.join(path)
        }
    }

    fn tracked(&self) -> &Tracked {
        self.tracked.get_or_init(|| match &self.checkout.git {
            Some(git) => Tracked::of(git),
            None => Tracked::nothing(),
        })
    }

    /// Decides by what a folder holds whether it is walked.
    pub(crate) fn enter(&self, pass: Pass, marks: Marks) -> Result<Folder, Skip> {
        let Pass {
            path,
            parent,
            mut only_tracked,
            is_wanted,
        } = pass;
        if !path.is_empty() && marks.has(Mark::Git) {
            let detail = "it has its own .git; index it by itself".to_owned();
            return Err(skip(path, SkipReason::NestedRepository, detail));
        }
        let location = self.locate(&path);
        let full = format!("{}{path}", self.prefix);
        if !is_wanted
            && only_tracked.is_none()
            && let Some(detail) = folders::by_marks(&location, marks)
        {
            if !self.tracked().reaches_into(full.as_bytes()) {
                return Err(skip(path, SkipReason::Generated, detail));
            }
            only_tracked = Some(Rc::new((SkipReason::Generated, detail)));
        }
        let level = Level::enter(&parent, &location, marks, full.len(), &path);
        Ok(Folder {
            path,
            level,
            only_tracked,
        })
    }

    /// Decides by name, kind and rules what becomes of an entry of a folder.
    pub(crate) fn judge(&self, folder: &Folder, name: &OsStr, kind: FileType) -> Judged {
        let is_folder = kind.is_dir();
        let final_slash = if is_folder { "/" } else { "" };
        let shown = name.to_string_lossy();
        let path = format!("{}{shown}{final_slash}", folder.path);
        let Some(name) = name.to_str() else {
            let detail = "rename it to index it".to_owned();
            return Judged::Skip(skip(path, SkipReason::BadName, detail));
        };
        if folders::is_version_control(name, is_folder) {
            let detail = format!("named {name}");
            return Judged::Skip(skip(path, SkipReason::VersionControl, detail));
        }
        let full = format!("{}{path}", self.prefix);
        let bare = full.trim_end_matches('/').as_bytes();
        let is_tracked = || {
            if is_folder {
                self.tracked().reaches_into(full.as_bytes())
            } else {
                self.tracked().contains(bare)
            }
        };
        let ruling = folder.level.ruling(bare, is_folder);
        if let Ruling::ExcludedByWherein(detail) = ruling {
            return Judged::Skip(skip(path, SkipReason::WhereinIgnored, detail));
        }
        let mut only_tracked = folder.only_tracked.clone();
        if let Some(inherited) = &only_tracked {
            if !is_tracked() {
                let (reason, detail) = inherited.as_ref().clone();
                return Judged::Skip(skip(path, reason, detail));
            }
        } else {
            let against = match &ruling {
                Ruling::ExcludedByGit(detail) => Some((SkipReason::GitIgnored, detail.clone())),
                Ruling::Silent if is_folder => {
                    folders::by_name(name).map(|detail| (SkipReason::Generated, detail))
                }
                _ => None,
            };
            if let Some((reason, detail)) = against {
                if !is_tracked() {
                    return Judged::Skip(skip(path, reason, detail));
                }
                only_tracked = Some(Rc::new((reason, detail)));
            }
        }
        if is_folder {
            return Judged::Folder(Pass {
                path,
                parent: Rc::clone(&folder.level),
                only_tracked,
                is_wanted: ruling == Ruling::Included,
            });
        }
        match self.judge_file(folder, name, kind, bare) {
            Some((reason, detail)) => Judged::Skip(skip(path, reason, detail)),
            None => Judged::File(path),
        }
    }

    fn judge_file(
        &self,
        folder: &Folder,
        name: &str,
        kind: FileType,
        full: &[u8],
    ) -> Option<(SkipReason, String)> {
        if kind.is_symlink() {
            let detail = "what it points to is indexed where it lies".to_owned();
            return Some((SkipReason::Symlink, detail));
        }
        if !kind.is_file() {
            return Some((SkipReason::NotRegular, kind_name(kind).to_owned()));
        }
        let folder_name = match folder.path.trim_end_matches('/') {
            "" => self
                .checkout
                .root
                .file_name()
                .unwrap_or_default()
                .to_string_lossy(),
            path => path.rsplit('/').next().unwrap_or(path).into(),
        };
        names::gate(&folder_name, name).or_else(|| {
            let detail = folder.level.generated(full)?;
            Some((SkipReason::Generated, detail))
        })
    }

    /// Decides by what `stat` said of a file; `None` when it is gone.
    pub(crate) fn weigh(
        &self,
        path: String,
        metadata: io::Result<Metadata>,
    ) -> Option<Result<(String, FileStat), Skip>> {
        let metadata = match metadata {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(metadata) => {
                let detail = kind_name(metadata.file_type()).to_owned();
                return Some(Err(skip(path, SkipReason::NotRegular, detail)));
            }
            Err(error) if is_gone(&error) => return None,
            Err(error) => return Some(Err(unreadable(path, &error))),
        };
        let stat = stat_of(&metadata);
        if let Some(detail) = too_large(stat.size, self.options) {
            return Some(Err(skip(path, SkipReason::TooLarge, detail)));
        }
        if stat.size == 0 {
            return Some(Err(skip(path, SkipReason::Empty, "0 bytes".to_owned())));
        }
        Some(Ok((path, stat)))
    }
}

/// The rules that stand above those of the root: the user's, `info/exclude`, and
/// those of the folders between the top of the checkout and the root. None of
/// them apply when they leave out the root itself: it was asked for.
fn above_root(checkout: &Checkout, options: &Options) -> Rc<Level> {
    let Some(git) = &checkout.git else {
        return Rc::default();
    };
    let global = options
        .global_excludes
        .path()
        .and_then(|path| RuleFile::of_user(&path));
    let exclude = RuleFile::of_user(&git.common_dir.join("info/exclude"));
    let mut level = Level::bottom([global, exclude].into_iter().flatten());

    let Ok(inside) = checkout.root.strip_prefix(&git.toplevel) else {
        return level;
    };
    let mut location = git.toplevel.clone();
    let mut path = String::new();
    for component in inside {
        let shown = format!("{}/", location.display());
        level = Level::enter(&level, &location, Marks::of(&location), path.len(), &shown);
        path.push_str(&component.to_string_lossy());
        if matches!(
            level.ruling(path.as_bytes(), true),
            Ruling::ExcludedByGit(_) | Ruling::ExcludedByWherein(_)
        ) {
            return Rc::default();
        }
        path.push('/');
        location.push(component);
    }
    level
}

/// A skip of `path`.
fn skip(path: String, reason: SkipReason, detail: String) -> Skip {
    Skip {
        path,
        reason,
        detail,
    }
}

/// The skip of what the operating system refused.
pub(crate) fn unreadable(path: String, error: &io::Error) -> Skip {
    trouble::note(Path::new(&path), error);
    skip(path, SkipReason::Unreadable, error.to_string())
}

/// Whether the error means that the entry has gone since its name was read.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(unix)]
fn kind_name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no regular file"
    }
}

#[cfg(not(unix))]
fn kind_name(_: FileType) -> &'static str {
    "no regular file"
}
