//! Which files differ from a revision of git: what `--changed` asks.
//!
//! Git is not run and none of its filters is: where the index proves that a file
//! still has the content it had when git looked, its object id is compared,
//! else the file's own bytes are hashed.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gix::objs::{Kind, TreeRefIter};
use gix::{ObjectId, Repository};
use rustc_hash::FxHashMap;

use crate::discover::GitInfo;
use crate::open::read_small;
use crate::tracked::Tracked;
use crate::{Checkout, Options, WalkError, beneath, git_files};

/// Largest files of git's that are read here, in bytes.
const MAX_HEAD_BYTES: u64 = 4 << 10;
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Those of `files` (relative to the root) whose content is not that of
/// `revision`, in their order: edited, new, or no file there. The revision is
/// anything that names a commit or a tree to git (`HEAD`, `main`, `v1~3`).
pub fn changed_since(
    checkout: &Checkout,
    revision: &str,
    files: &[&str],
    options: &Options,
) -> Result<Vec<String>, WalkError> {
    let Some(git) = &checkout.git else {
        return Err(WalkError::NoGit {
            path: checkout.root.clone(),
            revision: revision.to_owned(),
        });
    };
    // The objects may be damaged or made to harm, and the decoder is another's code.
    catch_unwind(AssertUnwindSafe(|| {
        compare(checkout, git, revision, files, options)
    }))
    .unwrap_or_else(|_| Err(unreadable(checkout, &"an object is damaged")))
}

fn compare(
    checkout: &Checkout,
    git: &GitInfo,
    revision: &str,
    files: &[&str],
    options: &Options,
) -> Result<Vec<String>, WalkError> {
    git_files::check(git).map_err(|detail| unreadable(checkout, &detail))?;
    let no_revision = |detail: String| WalkError::NoRevision {
        path: checkout.root.clone(),
        revision: revision.to_owned(),
        detail,
    };
    if revision.contains("..") || revision.contains("^!") || revision.contains("^@") {
        return Err(no_revision("it is a range; name one revision".to_owned()));
    }
    let isolated = gix::open::Options::isolated().open_path_as_is(true);
    let repository: Repository = match gix::ThreadSafeRepository::open_opts(&git.git_dir, isolated)
    {
        Ok(repository) => repository.into(),
        Err(_) if is_sha256(git) => {
            let detail = "objects named by SHA-256 are not supported".to_owned();
            return Err(no_revision(detail));
        }
        Err(error) => return Err(unreadable(checkout, &error)),
    };
    let named = match repository.rev_parse_single(revision) {
        Ok(named) => named,
        // Before the first commit everything is new.
        Err(_) if revision == "HEAD" && is_unborn(checkout, git) => {
            return Ok(files.iter().map(|file| (*file).to_owned()).collect());
        }
        Err(_) => return Err(no_revision("git would not know it either".to_owned())),
    };
    let object = named
        .object()
        .map_err(|error| unreadable(checkout, &error))?;
    let kind = object.kind;
    if kind == Kind::Blob || kind == Kind::Tree && revision.contains(':') {
        return Err(no_revision("it names a file or a folder".to_owned()));
    }
    let root = match object.peel_to_tree() {
        Ok(root) => root,
        Err(_) if kind == Kind::Tag => {
            return Err(no_revision("it is a tag of something else".to_owned()));
        }
        Err(error) => return Err(unreadable(checkout, &error)),
    };
    let mut trees =
        Trees::below(&repository, root.id).map_err(|detail| unreadable(checkout, &detail))?;
    let prefix = checkout.prefix();
    let tracked = Tracked::of(git);
    let mut changed = Vec::new();
    for file in files {
        let path = format!("{prefix}{file}");
        let before = trees
            .blob(&path)
            .map_err(|detail| unreadable(checkout, &detail))?;
        let same = before.is_some_and(|id| holds(checkout, file, &path, id, &tracked, options));
        if !same {
            changed.push((*file).to_owned());
        }
    }
    Ok(changed)
}

fn unreadable(checkout: &Checkout, detail: &dyn std::fmt::Display) -> WalkError {
    WalkError::GitObjects {
        path: checkout.root.clone(),
        detail: detail.to_string(),
    }
}

/// Whether nothing was committed yet: `HEAD` names a branch that has no commit.
fn is_unborn(checkout: &Checkout, git: &GitInfo) -> bool {
    let head = read_small(&git.git_dir.join("HEAD"), MAX_HEAD_BYTES).unwrap_or_default();
    let names_a_branch = head.starts_with(b"ref: refs/heads/") && !head.ends_with(b".invalid\n");
    names_a_branch && checkout.head().is_none() && !git.common_dir.join("reftable").exists()
}

fn is_sha256(git: &GitInfo) -> bool {
    let config = read_small(&git.common_dir.join("config"), MAX_CONFIG_BYTES);
    let config = config.unwrap_or_default().to_ascii_lowercase();
    config.windows(6).any(|word| word == b"sha256")
}

/// Whether the file has the content of the blob `id`, line endings aside.
fn holds(
    checkout: &Checkout,
    file: &str,
    path: &str,
    id: ObjectId,
    tracked: &Tracked,
    options: &Options,
) -> bool {
    let Some(now) = beneath::stat(checkout, file) else {
        return false;
    };
    if let Some(content) = tracked.proven_content(path.as_bytes(), now) {
        return content == id;
    }
    if now.size > options.max_file_bytes {
        return false;
    }
    let mut bytes = Vec::new();
    let read = beneath::open(&checkout.root, file).ok().and_then(|file| {
        file.take(options.max_file_bytes)
            .read_to_end(&mut bytes)
            .ok()
    });
    if read.is_none() {
        return false;
    }
    let is_blob = |bytes: &[u8]| {
        gix::objs::compute_hash(id.kind(), Kind::Blob, bytes).is_ok_and(|hash| hash == id)
    };
    // Git may have been told to check text out with CRLF.
    is_blob(&bytes) || bytes.contains(&b'\r') && is_blob(&without_carriage_returns(&bytes))
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            kept.push(byte);
        }
    }
    kept
}

/// The folders of a tree, each read when a file in it is asked for: a tree that
/// holds itself a thousandfold is then no deeper than the paths on disk.
struct Trees<'a> {
    repository: &'a Repository,
    /// By path, the root's empty; `None` where the tree has no such folder.
    folders: FxHashMap<String, Option<Folder>>,
}

/// The entries of one folder by name: id and whether it is a blob, else a tree.
type Folder = FxHashMap<Vec<u8>, (ObjectId, bool)>;

impl<'a> Trees<'a> {
    fn below(repository: &'a Repository, root: ObjectId) -> Result<Self, String> {
        let mut trees = Self {
            repository,
            folders: FxHashMap::default(),
        };
        let read = trees.read(root)?;
        trees.folders.insert(String::new(), Some(read));
        Ok(trees)
    }

    fn read(&self, id: ObjectId) -> Result<Folder, String> {
        let object = self
            .repository
            .find_object(id)
            .map_err(|error| error.to_string())?;
        let mut folder = Folder::default();
        for entry in TreeRefIter::from_bytes(&object.data, id.kind()) {
            let entry = entry.map_err(|error| error.to_string())?;
            let (is_blob, is_tree) = (entry.mode.is_blob(), entry.mode.is_tree());
            if is_blob || is_tree {
                folder.insert(entry.filename.to_vec(), (entry.oid.to_owned(), is_blob));
            }
        }
        Ok(folder)
    }

    /// The blob at a path, if there is one.
    fn blob(&mut self, path: &str) -> Result<Option<ObjectId>, String> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let ends = folders.match_indices('/').map(|(at, _)| at);
        let mut above = String::new();
        for end in ends.chain((!folders.is_empty()).then_some(folders.len())) {
            let folder = &folders[..end];
            if !self.folders.contains_key(folder) {
                let own = folder.rsplit('/').next().unwrap_or(folder);
                let read = match self.entry(&above, own) {
                    Some((id, false)) => Some(self.read(id)?),
                    _ => None,
                };
                self.folders.insert(folder.to_owned(), read);
            }
            folder.clone_into(&mut above);
        }
        Ok(self
            .entry(folders, name)
            .filter(|entry| entry.1)
            .map(|entry| entry.0))
    }

    fn entry(&self, folder: &str, name: &str) -> Option<(ObjectId, bool)> {
        let folder = self.folders.get(folder)?.as_ref()?;
        folder.get(name.as_bytes()).copied()
    }
}
