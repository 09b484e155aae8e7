//! A temporary folder with a git that knows of nothing outside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wherein_core::{Skip, SkipReason};
use wherein_walk::{Checkout, GlobalExcludes, Listing, Options, list};

pub(crate) struct Sandbox {
    home: TempDir,
    /// Canonical; what tests fill.
    pub(crate) root: PathBuf,
}

impl Sandbox {
    /// A plain folder.
    pub(crate) fn plain() -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(home.path()).unwrap().join("repo");
        fs::create_dir(&root).unwrap();
        Self { home, root }
    }

    /// A git repository without commits.
    pub(crate) fn git() -> Self {
        let sandbox = Self::plain();
        sandbox.run(&["init", "--quiet", "--initial-branch=main"]);
        sandbox
    }

    /// Runs git in the root; its standard output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.run_in(&self.root, arguments)
    }

    pub(crate) fn run_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "a")
            .env("GIT_AUTHOR_EMAIL", "a@example.org")
            .env("GIT_COMMITTER_NAME", "a")
            .env("GIT_COMMITTER_EMAIL", "a@example.org")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn commit(&self) {
        self.run(&["commit", "--quiet", "--allow-empty", "--message=x"]);
    }

    /// Writes a file below the root, with the folders on its way.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Writes files with a line of text each.
    pub(crate) fn fill(&self, paths: &[&str]) -> &Self {
        for path in paths {
            self.write(path, "text\n");
        }
        self
    }

    pub(crate) fn checkout(&self) -> Checkout {
        Checkout::at(&self.root).unwrap()
    }

    pub(crate) fn listing(&self) -> Listing {
        list(&self.checkout(), &options()).unwrap()
    }

    /// The listed paths but for rule files, joined by spaces.
    pub(crate) fn files(&self) -> String {
        names(&self.listing())
    }

    /// The reason and detail of the skip of a path.
    pub(crate) fn skip(&self, path: &str) -> Option<(SkipReason, String)> {
        skip_in(&self.listing().skips, path)
    }
}

pub(crate) fn skip_in(skips: &[Skip], path: &str) -> Option<(SkipReason, String)> {
    skips
        .iter()
        .find(|skip| skip.path == path)
        .map(|skip| (skip.reason, skip.detail.clone()))
}

/// Options that do not depend on the machine's own git configuration.
pub(crate) fn options() -> Options {
    Options {
        global_excludes: GlobalExcludes::None,
        ..Options::default()
    }
}

/// The paths of a listing but for rule files, joined by spaces.
pub(crate) fn names(listing: &Listing) -> String {
    let paths: Vec<&str> = listing
        .files
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|path| !path.ends_with("ignore") && !path.ends_with(".gitattributes"))
        .collect();
    paths.join(" ")
}

/// Whether permissions do not bind this process.
#[cfg(unix)]
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
