//! What an index holds, as records: the manifest (which files make up a
//! generation) and the catalog (which file versions exist, and which checkout
//! sees which of them).
//!
//! A *file version* is a path with a content. A *view* is one checkout: the
//! set of file versions that it holds. Worktrees and branches of a repository
//! share versions, so a second view costs its differences.

use bincode::{Decode, Encode};
use wherein_core::{ContentHash, FileStat, Language, Skip, SkipReason};

use crate::sections::Identity;

pub(crate) const MANIFEST_KIND: [u8; 4] = *b"mani";
pub(crate) const CATALOG_KIND: [u8; 4] = *b"cata";
/// Version of every record and segment; a change makes old indexes be rebuilt.
pub const FORMAT_VERSION: u32 = 4;

/// The root of a generation; named by the commit payload of the lexical index.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Manifest {
    pub(crate) generation: u64,
    pub(crate) catalog: String,
    pub(crate) catalog_hash: [u8; 32],
    pub(crate) segments: Vec<SegmentRecord>,
    pub(crate) next_segment: u64,
    pub(crate) next_file: u32,
    /// Documents that the lexical index holds at this generation.
    pub(crate) live_chunks: u64,
}

/// One immutable segment: chunks with their texts, and their vectors.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct SegmentRecord {
    pub(crate) id: u64,
    pub(crate) chunks: Identity,
    pub(crate) chunk_count: u32,
    pub(crate) vectors: Option<VectorRecord>,
    /// Vectors of a second model, which came later; not of all chunks at first.
    pub(crate) quality: Option<QualityRecord>,
}

/// A file of vectors of a second model.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct QualityRecord {
    /// Number in the file's name: each time more chunks have a vector it is another file.
    pub(crate) serial: u64,
    pub(crate) vectors: VectorRecord,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct VectorRecord {
    pub(crate) identity: Identity,
    pub(crate) model: String,
    pub(crate) dimensions: u32,
}

/// Everything the planner compares the working tree with.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Catalog {
    /// All file versions that some view holds, by rising id.
    pub files: Vec<FileVersion>,
    /// All checkouts.
    pub views: Vec<View>,
}

/// A path with a content, chunked and embedded once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FileVersion {
    /// Never used again for another version.
    pub id: u32,
    /// Relative to the root.
    pub path: String,
    /// Of the bytes on disk.
    pub hash: [u8; 32],
    /// Code of the language, see [`FileVersion::language`].
    pub language: u8,
    /// How many chunks it has.
    pub chunks: u32,
    /// Which chunker, options and model made it; another key is another version.
    pub recipe: u64,
    /// The generation since which no view holds it; 0 while one does.
    pub left: u64,
}

impl FileVersion {
    /// The language of the file.
    pub fn language(&self) -> Language {
        language_from_code(self.language)
    }

    /// The content's key.
    pub fn hash(&self) -> ContentHash {
        ContentHash(self.hash)
    }
}

pub(crate) fn language_from_code(code: u8) -> Language {
    Language::all().nth(code as usize).unwrap_or(Language::Text)
}

/// One checkout and what it holds.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct View {
    /// Canonical path of the checkout's root.
    pub root: String,
    /// Git's HEAD when it was brought up to date.
    pub head: Option<String>,
    /// Whether the last run saw every file; false after an interruption.
    pub complete: bool,
    /// When it was brought up to date, in seconds since the epoch.
    pub indexed_at_s: u64,
    /// By which gates its files were let in; others may judge otherwise.
    pub gates: u64,
    /// Its files, by path.
    pub files: Vec<ViewFile>,
    /// What was passed over, by path.
    pub skips: Vec<ViewSkip>,
}

/// A file version as one checkout holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ViewFile {
    /// Which version.
    pub id: u32,
    /// What `stat` said when it was read.
    pub stat: StatRecord,
}

/// A path that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ViewSkip {
    /// Relative to the root.
    pub path: String,
    /// Code of the reason.
    pub reason: u8,
    /// What decided.
    pub detail: String,
    /// Set when the content decided: unchanged, it need not be read again.
    pub stat: Option<StatRecord>,
}

impl ViewSkip {
    /// As a record, with the stat of the file when its content was looked at.
    pub fn new(skip: Skip, stat: Option<StatRecord>) -> Self {
        Self {
            path: skip.path,
            reason: skip.reason as u8,
            detail: skip.detail,
            stat,
        }
    }

    /// Why.
    pub fn reason(&self) -> SkipReason {
        SkipReason::ALL
            .get(self.reason as usize)
            .copied()
            .unwrap_or(SkipReason::Unreadable)
    }
}

/// A [`FileStat`], and whether it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StatRecord {
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: u64,
    /// The file was touched so shortly before it was read that a later write
    /// may have left the same times (git calls this racy): hash it again.
    racy: bool,
}

/// How near to the reading a change must lie to be distrusted. File systems
/// stamp times with the granularity of the kernel's clock (up to 10 ms), some
/// network ones with whole seconds.
const RACY_NS: i64 = 1_100_000_000;

impl StatRecord {
    /// Of a file whose content was not seen: it proves nothing, ever.
    pub fn doubtful(stat: FileStat) -> Self {
        Self::new(stat, i64::MIN)
    }

    /// Of a file read at `read_at_ns` (since the epoch).
    pub fn new(stat: FileStat, read_at_ns: i64) -> Self {
        let changed = stat.mtime_ns.max(stat.ctime_ns);
        Self {
            size: stat.size,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
            inode: stat.inode,
            racy: changed.saturating_add(RACY_NS) >= read_at_ns,
        }
    }

    /// The same, proving nothing: for what was recorded on another machine.
    pub(crate) fn distrusted(self) -> Self {
        Self { racy: true, ..self }
    }

    /// Whether a file with this stat certainly has the content that was read.
    pub fn proves_unchanged(&self, now: FileStat) -> bool {
        !self.racy && self.equals(now)
    }

    /// Whether the numbers are the same.
    pub fn equals(&self, now: FileStat) -> bool {
        self.size == now.size
            && self.mtime_ns == now.mtime_ns
            && self.ctime_ns == now.ctime_ns
            && self.inode == now.inode
    }

    /// Whether it was taken too shortly after a change to prove anything.
    pub fn is_racy(&self) -> bool {
        self.racy
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Catalog {
    /// The view of the checkout at `root`.
    pub fn view(&self, root: &str) -> Option<&View> {
        self.views.iter().find(|view| view.root == root)
    }

    /// The version with this id.
    pub fn file(&self, id: u32) -> Option<&FileVersion> {
        self.files
            .binary_search_by_key(&id, |file| file.id)
            .ok()
            .map(|at| &self.files[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_taken_right_after_a_change_proves_nothing() {
        let stat = FileStat {
            size: 3,
            mtime_ns: 5_000_000_000,
            ctime_ns: 5_000_000_000,
            inode: 7,
        };
        assert!(!StatRecord::new(stat, 5_100_000_000).proves_unchanged(stat));
        let calm = StatRecord::new(stat, 9_000_000_000);
        assert!(calm.proves_unchanged(stat));
        assert!(!calm.proves_unchanged(FileStat {
            ctime_ns: 6_000_000_000,
            ..stat
        }));
        // A clock that was set back: the change lies in the future of the reading.
        assert!(!StatRecord::new(stat, 1).proves_unchanged(stat));
    }
}
