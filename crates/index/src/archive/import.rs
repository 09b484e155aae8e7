//! From an archive to an index.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use wherein_store::{FORMAT_VERSION, Snapshot, StoreError, Writer, WriterOptions};
use zip::ZipArchive;

use super::{ABOUT, About, NOWHERE, VERSION, is_plain, refused, scratch};
use crate::error::IndexError;
use crate::locate::Location;
use crate::repository::Repository;

/// What an archive says of itself is no longer than this.
const MAX_ABOUT_BYTES: u64 = 16 << 20;

type Archive = ZipArchive<BufReader<File>>;

/// Puts the index of an archive in the place of this repository's, which it must not
/// have yet unless `replace` says so. No file of it is believed to be unchanged:
/// the next run reads all, and makes anew what differs.
///
/// # Errors
/// The archive is damaged, or of another format, chunker or model than this program
/// has; there is an index already; a file cannot be written. What was there stays.
pub fn import(
    home: &Path,
    repository: &Repository,
    archive: &Path,
    replace: bool,
) -> Result<(), IndexError> {
    let location = repository.location();
    if location.is_indexed() && !replace {
        return Err(refused(
            archive,
            format!(
                "{} is indexed already; --replace puts this in its place",
                location.checkout.root.display()
            ),
        ));
    }
    let file = File::open(archive).map_err(IndexError::io("read", archive))?;
    let damaged =
        |error: &dyn std::fmt::Display| refused(archive, format!("it is damaged: {error}"));
    let mut packed = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
    let about = about(archive, &mut packed)?;
    check(archive, &about, repository)?;
    let beside = scratch(home)?;
    let folder = beside.path().join("index");
    unpack(archive, &mut packed, &about, &folder)?;
    let mut writer = Writer::open(&folder, &WriterOptions::default())?;
    writer.hand_over(NOWHERE, &location.checkout.root.to_string_lossy())?;
    drop(writer);
    match Snapshot::open(&folder, None)? {
        Some(snapshot) => snapshot.check()?,
        None => return Err(damaged(&"it holds no index")),
    }
    put(&folder, location, beside.path())
}

fn about(archive: &Path, packed: &mut Archive) -> Result<About, IndexError> {
    let entry = packed
        .by_name(ABOUT)
        .map_err(|_| refused(archive, "it is no index that `wherein export` wrote"))?;
    let mut text = Vec::new();
    let read = entry.take(MAX_ABOUT_BYTES).read_to_end(&mut text);
    read.map_err(|error| refused(archive, format!("it is damaged: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| refused(archive, format!("{ABOUT}: {error}")))
}

/// Whether this program can go on with it.
fn check(archive: &Path, about: &About, repository: &Repository) -> Result<(), IndexError> {
    let own = env!("CARGO_PKG_VERSION");
    let made_by = format!("it was made by wherein {}", about.program);
    if about.version != VERSION || about.format != FORMAT_VERSION {
        return Err(refused(
            archive,
            format!(
                "{made_by} in format {}.{}, wherein {own} reads {VERSION}.{FORMAT_VERSION}; export it with this version",
                about.version, about.format
            ),
        ));
    }
    if about.model != repository.model_id() {
        return Err(refused(
            archive,
            format!(
                "its vectors are of the model {}, this program has {}; export it with this version",
                about.model,
                repository.model_id()
            ),
        ));
    }
    if about.recipe != repository.recipe() {
        return Err(refused(
            archive,
            format!(
                "{made_by}, which cuts files otherwise than wherein {own}; export it with this version"
            ),
        ));
    }
    Ok(())
}

fn unpack(
    archive: &Path,
    packed: &mut Archive,
    about: &About,
    folder: &Path,
) -> Result<(), IndexError> {
    let lexical = folder.join("lexical");
    fs::create_dir_all(&lexical).map_err(IndexError::io("create", &lexical))?;
    for entry in &about.entries {
        let bad = |detail: &str| refused(archive, format!("{}: {detail}", entry.name));
        if !is_plain(&entry.name) {
            return Err(bad("no name of a file of an index"));
        }
        let path = folder.join(&entry.name);
        let inside = packed
            .by_name(&entry.name)
            .map_err(|error| bad(&error.to_string()))?;
        let out = File::create_new(&path).map_err(IndexError::io("write", &path))?;
        let mut out = Hashing {
            out: BufWriter::new(out),
            hasher: blake3::Hasher::new(),
        };
        // One more than it may have: a longer one is seen, and not written on and on.
        let copied = io::copy(&mut inside.take(entry.bytes.saturating_add(1)), &mut out);
        let copied = copied.map_err(|error| match error.raw_os_error() {
            Some(_) => IndexError::io("write", &path)(error),
            None => bad(&format!("damaged: {error}")),
        })?;
        let hash = out.hasher.finalize().to_hex();
        if copied != entry.bytes || hash.as_str() != entry.hash {
            return Err(bad("it is not what was exported"));
        }
        let file = out
            .out
            .into_inner()
            .map_err(|error| IndexError::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(IndexError::io("sync", &path))?;
    }
    Ok(())
}

struct Hashing {
    out: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Puts a finished index in its place; one that was there goes with the scratch folder.
fn put(folder: &Path, location: &Location, beside: &Path) -> Result<(), IndexError> {
    let index = &location.index;
    let parent = index.parent().unwrap_or(index);
    fs::create_dir_all(parent).map_err(IndexError::io("create", parent))?;
    let mut held = None;
    if index.exists() {
        // Nobody may be writing to what is taken away.
        match Writer::open(index, &WriterOptions::default()) {
            Err(error @ StoreError::Locked { .. }) => return Err(error.into()),
            opened => held = opened.ok(),
        }
        if exchanged(folder, index) {
            // What was there goes with the scratch folder.
            return Ok(());
        }
        fs::rename(index, beside.join("before")).map_err(IndexError::io("replace", index))?;
    }
    drop(held);
    fs::rename(folder, index).map_err(IndexError::io("write", index))
}

/// Lets two folders change places at once, so that at no moment there is none; `false`
/// where the system cannot.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchanged(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchanged(_: &Path, _: &Path) -> bool {
    false
}
