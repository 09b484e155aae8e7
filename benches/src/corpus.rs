//! Corpora: copies of sources that cargo has downloaded, by name, until there
//! is enough.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Average bytes of source in a chunk, to plan how much to copy.
const BYTES_A_CHUNK: u64 = 612;

/// The folder of package sources of cargo's registry with the most packages.
pub(crate) fn downloaded_sources() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .context("no home folder: pass --sources")?;
    let registries = home.join("registry/src");
    let mut folders: Vec<(usize, PathBuf)> = fs::read_dir(&registries)
        .with_context(|| format!("cannot read {}", registries.display()))?
        .flatten()
        .map(|entry| {
            let count = fs::read_dir(entry.path()).map_or(0, Iterator::count);
            (count, entry.path())
        })
        .collect();
    folders.sort();
    let (_, best) = folders
        .pop()
        .context("cargo has downloaded nothing; run `cargo fetch`")?;
    Ok(best)
}

/// A corpus that was laid out.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    pub(crate) root: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

/// What ends the copying.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Chunks(u64),
    Bytes(u64),
    Files(u64),
    /// Nothing but the end of the sources.
    Never,
}

/// Copies packages in the order of their names. Bindings to an operating
/// system are left out: they are generated tables, not code.
pub(crate) fn lay_out(sources: &Path, into: &Path, until: Until) -> Result<Corpus> {
    if into.exists() {
        fs::remove_dir_all(into).with_context(|| format!("cannot remove {}", into.display()))?;
    }
    let mut packages: Vec<PathBuf> = fs::read_dir(sources)
        .with_context(|| format!("cannot read {}", sources.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            path.is_dir()
                && ![
                    "windows",
                    "winapi",
                    "web-sys",
                    "js-sys",
                    "linux-raw-sys",
                    "tree-sitter",
                    "ts-parser",
                    "libc-",
                ]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .collect();
    packages.sort();
    let mut corpus = Corpus {
        root: into.to_owned(),
        bytes: 0,
        files: 0,
    };
    let enough = |corpus: &Corpus| match until {
        Until::Chunks(chunks) => corpus.bytes >= chunks * BYTES_A_CHUNK,
        Until::Bytes(bytes) => corpus.bytes >= bytes,
        Until::Files(files) => corpus.files >= files,
        Until::Never => false,
    };
    for package in packages {
        if enough(&corpus) {
            return Ok(corpus);
        }
        let name = package.file_name().unwrap_or_default();
        copy(&package, &into.join(name), &mut corpus)?;
    }
    ensure!(
        enough(&corpus) || matches!(until, Until::Never),
        "not enough sources in {}: {corpus:?}",
        sources.display()
    );
    Ok(corpus)
}

fn copy(from: &Path, to: &Path, corpus: &mut Corpus) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let mut entries: Vec<_> = fs::read_dir(from)?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &target, corpus)?;
        } else if kind.is_file() && is_source(&entry.path()) {
            corpus.bytes += fs::copy(entry.path(), target)?;
            corpus.files += 1;
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let known = [
        "rs", "py", "js", "ts", "go", "java", "c", "h", "cpp", "hpp", "md", "toml", "sh", "rb",
        "php",
    ];
    path.extension()
        .is_some_and(|extension| known.iter().any(|one| extension == *one))
        && path
            .metadata()
            .is_ok_and(|metadata| metadata.len() < 1 << 20)
}
