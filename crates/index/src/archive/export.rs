//! From an index to an archive.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use wherein_store::{FORMAT_VERSION, Snapshot, Writer, WriterOptions};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{ABOUT, About, Entry, NOWHERE, VERSION, is_plain, refused, scratch};
use crate::bring_up::IndexOptions;
use crate::error::IndexError;
use crate::progress::Progress;
use crate::repository::Repository;

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The archive.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Files in the index.
    pub files: u64,
    /// The model.
    pub model: String,
    /// Git's HEAD when the index was brought up to date.
    pub head: Option<String>,
}

impl Repository {
    /// Writes what this checkout holds into an archive. `home` is the data folder.
    ///
    /// # Errors
    /// There is no index, another process writes it for longer than `run.wait`, or a
    /// file cannot be written.
    pub fn export(
        &self,
        home: &Path,
        target: &Path,
        run: IndexOptions,
        progress: &Progress,
    ) -> Result<Exported, IndexError> {
        let not_indexed = || IndexError::NotIndexed {
            root: self.checkout().root.clone(),
        };
        if !self.is_indexed() {
            return Err(not_indexed());
        }
        let beside = scratch(home)?;
        let copy = beside.path().join("index");
        {
            // Nobody commits meanwhile, so that no file goes.
            let (_writer, _) = self.writer(run, true, std::time::Instant::now(), progress)?;
            link_all(&self.location().index, &copy)?;
        }
        let mut writer = Writer::open(&copy, &WriterOptions::default())?;
        writer.collect(|root| root != self.root)?;
        writer.hand_over(&self.root, NOWHERE)?;
        writer.forget_deleted()?;
        drop(writer);
        let snapshot = Snapshot::open(&copy, None)?.ok_or_else(not_indexed)?;
        snapshot.check()?;
        let view = snapshot.catalog().view(NOWHERE).ok_or_else(not_indexed)?;
        let recipe = snapshot
            .catalog()
            .files
            .last()
            .map_or(0, |file| file.recipe);
        let about = About {
            version: VERSION,
            format: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.model_id().to_owned(),
            recipe,
            name: self
                .checkout()
                .root
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            head: view.head.clone(),
            entries: entries(&copy)?,
        };
        pack(&copy, &about, target)?;
        Ok(Exported {
            file: target.display().to_string(),
            bytes: fs::metadata(target)
                .map_err(IndexError::io("read", target))?
                .len(),
            files: view.files.len() as u64,
            model: about.model,
            head: about.head,
        })
    }
}

/// Whether a file belongs to a generation: not to a process, and no cache.
fn is_of_index(name: &str) -> bool {
    let ours = ["manifest-", "catalog-", "chunks-", "vectors-", "quality-"];
    ours.iter().any(|prefix| name.starts_with(prefix))
        || name
            .strip_prefix("lexical/")
            .is_some_and(|name| !name.starts_with(".tantivy") && !name.starts_with(".tmp"))
}

/// The files of an index, by their names in it.
fn names(folder: &Path) -> Result<Vec<String>, IndexError> {
    let mut found = Vec::new();
    for (inside, prefix) in [
        (folder.to_owned(), ""),
        (folder.join("lexical"), "lexical/"),
    ] {
        for entry in fs::read_dir(&inside).map_err(IndexError::io("read", &inside))? {
            let entry = entry.map_err(IndexError::io("read", &inside))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_file() && is_of_index(&name) && is_plain(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The same files once more, without their content being copied where that can be:
/// none of them is ever written again.
fn link_all(from: &Path, to: &Path) -> Result<(), IndexError> {
    let lexical = to.join("lexical");
    fs::create_dir_all(&lexical).map_err(IndexError::io("create", &lexical))?;
    for name in names(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        if fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target).map_err(IndexError::io("copy", &source))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<Entry>, IndexError> {
    let one = |name: String| {
        let path = folder.join(&name);
        let mut hasher = blake3::Hasher::new();
        let file = File::open(&path).map_err(IndexError::io("read", &path))?;
        let bytes = io::copy(&mut BufReader::new(file), &mut hasher)
            .map_err(IndexError::io("read", &path))?;
        let hash = hasher.finalize().to_hex().to_string();
        Ok(Entry { name, bytes, hash })
    };
    names(folder)?.into_iter().map(one).collect()
}

/// Writes the archive beside its place first.
fn pack(folder: &Path, about: &About, target: &Path) -> Result<(), IndexError> {
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let packed = pack_into(folder, about, &part);
    let put =
        packed.and_then(|()| fs::rename(&part, target).map_err(IndexError::io("write", target)));
    if put.is_err() {
        let _ = fs::remove_file(&part);
    }
    put
}

fn pack_into(folder: &Path, about: &About, part: &Path) -> Result<(), IndexError> {
    let failed = IndexError::io("write", part);
    let zipped = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(source) => IndexError::io("write", part)(source),
        other => refused(part, other.to_string()),
    };
    let file = File::create(part).map_err(&failed)?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    let options = SimpleFileOptions::default().large_file(true);
    archive.start_file(ABOUT, options).map_err(zipped)?;
    let text =
        serde_json::to_vec_pretty(about).map_err(|error| refused(part, error.to_string()))?;
    archive.write_all(&text).map_err(&failed)?;
    for entry in &about.entries {
        archive.start_file(&entry.name, options).map_err(zipped)?;
        let path = folder.join(&entry.name);
        let file = File::open(&path).map_err(IndexError::io("read", &path))?;
        io::copy(&mut BufReader::new(file), &mut archive).map_err(&failed)?;
    }
    let mut file = archive.finish().map_err(zipped)?;
    file.flush().map_err(&failed)?;
    file.get_ref().sync_all().map_err(&failed)
}
