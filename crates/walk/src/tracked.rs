//! What git tracks, from its index. A missing, damaged or foreign index tracks
//! nothing: no rule is lifted then, and files are compared by content.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use filetime::FileTime;
use gix::ObjectId;
use gix::index::entry::stat;
use gix::index::{File, State, decode};
use rustc_hash::FxHasher;
use wherein_core::FileStat;

use crate::Checkout;
use crate::discover::GitInfo;
use crate::open::read_small;

/// Largest index that is read, in bytes: several million files.
const MAX_INDEX_BYTES: u64 = 1 << 30;

/// The tracked paths, relative to the top of the checkout.
#[derive(Debug)]
pub(crate) struct Tracked(Option<State>);

impl Tracked {
    /// Nothing is tracked.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Reads the index of this worktree.
    pub(crate) fn of(git: &GitInfo) -> Self {
        let path = git.git_dir.join("index");
        // The decoder is another's code and the file may be damaged.
        let state = catch_unwind(AssertUnwindSafe(|| decoded(&path)));
        Self(state.ok().flatten())
    }

    fn first_from(&self, wanted: &[u8]) -> Option<&[u8]> {
        let state = self.0.as_ref()?;
        let entries = state.entries();
        let at = entries.partition_point(|entry| {
            let path: &[u8] = entry.path(state).as_ref();
            path < wanted
        });
        entries.get(at).map(|entry| entry.path(state).as_ref())
    }

    /// The content that git's index has for `path`, when the file's `stat` proves
    /// that it still has it (git's own racy rule applies).
    pub(crate) fn proven_content(&self, path: &[u8], now: FileStat) -> Option<ObjectId> {
        let state = self.0.as_ref()?;
        let entry = state.entry_by_path(path.into())?;
        let recorded = entry.stat;
        let same = recorded.size == now.size as u32
            && is_at(recorded.mtime, now.mtime_ns)
            && is_at(recorded.ctime, now.ctime_ns);
        let racy = recorded.is_racy(state.timestamp(), stat::Options::default());
        (same && !racy).then_some(entry.id)
    }

    /// Whether git tracks a file (or submodule) at `path`.
    pub(crate) fn contains(&self, path: &[u8]) -> bool {
        self.first_from(path) == Some(path)
    }

    /// Whether git tracks the folder as a submodule, or anything in it. The path
    /// ends in `/`.
    pub(crate) fn reaches_into(&self, folder: &[u8]) -> bool {
        self.first_from(folder)
            .is_some_and(|path| path.starts_with(folder))
            || folder
                .strip_suffix(b"/")
                .is_some_and(|path| self.contains(path))
    }
}

/// Which paths git tracks in a checkout, as a key: another set has another.
pub fn tracked_key(checkout: &Checkout) -> u64 {
    let tracked = checkout.git.as_ref().map(Tracked::of);
    let mut hasher = FxHasher::default();
    if let Some(state) = tracked.as_ref().and_then(|tracked| tracked.0.as_ref()) {
        for entry in state.entries() {
            let path: &[u8] = entry.path(state).as_ref();
            path.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whether a time of the index is `ns` nanoseconds since the epoch. Git keeps the
/// low 32 bits of the seconds, and no nanoseconds where it was built without.
fn is_at(time: stat::Time, ns: i64) -> bool {
    let (seconds, rest) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    time.secs == seconds as u32 && (time.nsecs == 0 || i64::from(time.nsecs) == rest)
}

fn decoded(path: &Path) -> Option<State> {
    // Before the reading: an index written meanwhile makes more entries racy.
    let written = path.metadata().ok()?;
    let written = FileTime::from_last_modification_time(&written);
    let bytes = read_small(path, MAX_INDEX_BYTES).ok()?;
    let kind = gix::hash::Kind::Sha1;
    if !is_whole(&bytes, kind) {
        return None;
    }
    let options = decode::Options {
        thread_limit: Some(1),
        alloc_limit_bytes: usize::try_from(MAX_INDEX_BYTES).ok(),
        ..decode::Options::default()
    };
    let (state, _) = State::from_bytes(&bytes, written, kind, options).ok()?;
    if state.link().is_none() {
        return Some(state);
    }
    // A split index: most entries are in a second file, which this resolves.
    let file = File::at(path, kind, false, options).ok()?;
    Some(file.into_parts().0)
}

/// Whether the checksum at the end is that of the rest (or left out, as
/// `index.skipHash` does).
fn is_whole(bytes: &[u8], kind: gix::hash::Kind) -> bool {
    let Some(length) = bytes.len().checked_sub(kind.len_in_bytes()) else {
        return false;
    };
    let (content, checksum) = bytes.split_at(length);
    if checksum.iter().all(|&byte| byte == 0) {
        return true;
    }
    let mut hasher = gix::hash::hasher(kind);
    hasher.update(content);
    hasher
        .try_finalize()
        .is_ok_and(|actual| actual.as_slice() == checksum)
}
