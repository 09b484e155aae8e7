//! A file of checksummed sections: what segments are made of.
//!
//! Layout, little-endian: magic, format version; the sections, each padded to
//! 64 bytes; a table of contents (tag, offset, length, checksum of each); a
//! footer with the table's place and checksum. A file is immutable once
//! written; its identity (length and table checksum) stands in the manifest,
//! so a file of another generation under the same name is noticed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bincode::{Decode, Encode};
use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::StoreError;

const MAGIC: &[u8; 8] = b"whereseg";
const FOOTER: usize = 8 + 8 + 8 + 8;
const ENTRY: usize = 4 + 4 + 8 + 8 + 8;
const ALIGN: u64 = 64;

/// What the manifest remembers of a section file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Identity {
    pub(crate) len: u64,
    pub(crate) contents: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    tag: u32,
    offset: u64,
    len: u64,
    checksum: u64,
}

/// Writes sections one after the other.
pub(crate) struct SectionWriter {
    path: PathBuf,
    out: BufWriter<File>,
    at: u64,
    entries: Vec<Entry>,
    open: Option<(u32, u64, Xxh3)>,
}

impl SectionWriter {
    pub(crate) fn create(path: &Path, version: u32) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(StoreError::io("create", path))?;
        let mut writer = Self {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 18, file),
            at: 0,
            entries: Vec::new(),
            open: None,
        };
        writer.put(MAGIC)?;
        writer.put(&version.to_le_bytes())?;
        writer.pad()?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.out
            .write_all(bytes)
            .map_err(StoreError::io("write", &self.path))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn pad(&mut self) -> Result<(), StoreError> {
        let missing = (ALIGN - self.at % ALIGN) % ALIGN;
        self.put(&[0; ALIGN as usize][..missing as usize])
    }

    /// Begins a section; what was open ends.
    pub(crate) fn begin(&mut self, tag: u32) -> Result<(), StoreError> {
        self.end()?;
        self.open = Some((tag, self.at, Xxh3::new()));
        Ok(())
    }

    /// Adds bytes to the open section.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some((_, _, hasher)) = &mut self.open {
            hasher.update(bytes);
        }
        self.put(bytes)
    }

    fn end(&mut self) -> Result<(), StoreError> {
        if let Some((tag, offset, hasher)) = self.open.take() {
            self.entries.push(Entry {
                tag,
                offset,
                len: self.at - offset,
                checksum: hasher.digest(),
            });
            self.pad()?;
        }
        Ok(())
    }

    /// One whole section.
    pub(crate) fn section(&mut self, tag: u32, bytes: &[u8]) -> Result<(), StoreError> {
        self.begin(tag)?;
        self.write(bytes)?;
        self.end()
    }

    /// Writes table and footer and makes the file durable.
    pub(crate) fn finish(mut self) -> Result<Identity, StoreError> {
        self.end()?;
        let offset = self.at;
        let mut table = Vec::with_capacity(self.entries.len() * ENTRY);
        for entry in &self.entries {
            table.extend_from_slice(&entry.tag.to_le_bytes());
            table.extend_from_slice(&[0; 4]);
            table.extend_from_slice(&entry.offset.to_le_bytes());
            table.extend_from_slice(&entry.len.to_le_bytes());
            table.extend_from_slice(&entry.checksum.to_le_bytes());
        }
        let contents = xxh3_64(&table);
        self.put(&table)?;
        self.put(&offset.to_le_bytes())?;
        self.put(&(table.len() as u64).to_le_bytes())?;
        self.put(&contents.to_le_bytes())?;
        self.put(MAGIC)?;
        self.out
            .flush()
            .map_err(StoreError::io("write", &self.path))?;
        self.out
            .get_ref()
            .sync_all()
            .map_err(StoreError::io("sync", &self.path))?;
        Ok(Identity {
            len: self.at,
            contents,
        })
    }
}

/// A section file, memory-mapped. Opening checks the table of contents; each
/// section is checked by its user, once, before its bytes are believed.
pub(crate) struct Sections {
    path: PathBuf,
    map: Mmap,
    entries: Vec<Entry>,
    contents: u64,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

impl Sections {
    /// Opens a file whose identity the manifest knows.
    pub(crate) fn open(path: &Path, version: u32, identity: Identity) -> Result<Self, StoreError> {
        Self::open_as(path, version, Some(identity))
    }

    /// Opens a file that the manifest does not list: a cache.
    pub(crate) fn open_unlisted(path: &Path, version: u32) -> Result<Self, StoreError> {
        Self::open_as(path, version, None)
    }

    fn open_as(path: &Path, version: u32, identity: Option<Identity>) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let len = file.metadata().map_err(StoreError::io("stat", path))?.len();
        let damaged = |detail: &str| StoreError::damaged(path, detail);
        if identity.is_some_and(|one| one.len != len) || len < (ALIGN as usize + FOOTER) as u64 {
            return Err(damaged("its length is not the one that was written"));
        }
        let map = map_file(&file).map_err(StoreError::io("map", path))?;
        if &map[..8] != MAGIC || &map[map.len() - 8..] != MAGIC {
            return Err(damaged("it is not a segment"));
        }
        let found = number(&map, 8) as u32;
        if found != version {
            return Err(StoreError::Version {
                path: path.to_owned(),
                found,
                expected: version,
            });
        }
        let footer = map.len() - FOOTER;
        let (offset, table_len) = (number(&map, footer), number(&map, footer + 8));
        if offset.checked_add(table_len) != Some(footer as u64)
            || !table_len.is_multiple_of(ENTRY as u64)
        {
            return Err(damaged("its table of contents is misplaced"));
        }
        let table = &map[offset as usize..footer];
        let contents = xxh3_64(table);
        if identity.is_some_and(|one| one.contents != contents)
            || contents != number(&map, footer + 16)
        {
            return Err(damaged("its table of contents is not the one written"));
        }
        let entries: Vec<Entry> = table
            .chunks_exact(ENTRY)
            .map(|entry| Entry {
                tag: number(entry, 0) as u32,
                offset: number(entry, 8),
                len: number(entry, 16),
                checksum: number(entry, 24),
            })
            .collect();
        if entries.iter().any(|entry| {
            entry
                .offset
                .checked_add(entry.len)
                .is_none_or(|end| end > offset)
        }) {
            return Err(damaged("a section lies outside the file"));
        }
        Ok(Self {
            path: path.to_owned(),
            map,
            entries,
            contents,
        })
    }

    /// What tells this file from any other.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            len: self.map.len() as u64,
            contents: self.contents,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn entry(&self, tag: u32) -> Result<Entry, StoreError> {
        self.entries
            .iter()
            .copied()
            .find(|entry| entry.tag == tag)
            .ok_or_else(|| StoreError::damaged(&self.path, format!("section {tag} is missing")))
    }

    /// The bytes of a section, unchecked.
    pub(crate) fn get(&self, tag: u32) -> Result<&[u8], StoreError> {
        let entry = self.entry(tag)?;
        Ok(&self.map[entry.offset as usize..(entry.offset + entry.len) as usize])
    }

    /// The bytes of a section, once its checksum was found right.
    pub(crate) fn verified(&self, tag: u32) -> Result<&[u8], StoreError> {
        let bytes = self.get(tag)?;
        if xxh3_64(bytes) != self.entry(tag)?.checksum {
            return Err(StoreError::damaged(
                &self.path,
                format!("the checksum of section {tag} is wrong"),
            ));
        }
        Ok(bytes)
    }

    /// Offsets of a section that [`Sections::verified`] has accepted, so that
    /// a reader can keep them beside the map.
    pub(crate) fn range(&self, tag: u32) -> Result<std::ops::Range<usize>, StoreError> {
        let entry = self.entry(tag)?;
        Ok(entry.offset as usize..(entry.offset + entry.len) as usize)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

#[expect(
    unsafe_code,
    reason = "a map is undefined when its file shrinks; ours are written once, then only unlinked"
)]
fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: see the reason above; the length was compared with the manifest.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path) -> Identity {
        let mut writer = SectionWriter::create(path, 1).expect("creates");
        writer.section(1, b"first").expect("writes");
        writer.begin(2).expect("begins");
        for n in 0..1000_u32 {
            writer.write(&n.to_le_bytes()).expect("writes");
        }
        writer.finish().expect("finishes")
    }

    fn read(path: &Path, identity: Identity) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let sections = Sections::open(path, 1, identity)?;
        Ok((
            sections.verified(1)?.to_vec(),
            sections.verified(2)?.to_vec(),
        ))
    }

    #[test]
    fn sections_read_back_and_every_flipped_byte_is_noticed() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.seg");
        let identity = write(&path);
        let whole = read(&path, identity).expect("reads");
        assert_eq!(whole.0, b"first");
        assert_eq!(whole.1.len(), 4000);
        let bytes = std::fs::read(&path).expect("reads");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            std::fs::write(&path, &flipped).expect("writes");
            match read(&path, identity) {
                Err(
                    StoreError::Damaged { path: named, .. }
                    | StoreError::Version { path: named, .. },
                ) => {
                    assert_eq!(named, path);
                }
                Err(other) => panic!("byte {at}: {other}"),
                // Padding carries nothing.
                Ok(read) => assert_eq!(read, whole, "byte {at}"),
            }
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
        assert!(read(&path, identity).is_err());
    }
}
