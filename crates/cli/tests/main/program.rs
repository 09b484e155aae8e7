//! Runs `wherein` in a scratch home.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A scratch folder with a data folder and a repository in it.
pub(crate) struct Scratch {
    folder: TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let scratch = Self {
            folder: tempfile::tempdir().expect("folder"),
        };
        fs::create_dir_all(scratch.repository()).expect("creates");
        scratch
    }

    /// With these files in the repository.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let scratch = Self::new();
        for (path, text) in files {
            scratch.write(path, text);
        }
        scratch
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("creates");
        fs::write(path, text).expect("writes");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wherein"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WHEREIN_")
                || name.to_string_lossy().starts_with("GIT_")
            {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.repository())
            .env("WHEREIN_HOME", self.home())
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("WHEREIN_ONNXRUNTIME", "off")
            // Nothing may outlive its test.
            .env("WHEREIN_INDEX_BACKGROUND", "false");
        command
    }

    /// Runs git in the repository, with no settings but its own.
    pub(crate) fn git(&self, arguments: &[&str]) {
        self.git_in(&self.repository(), arguments);
    }

    /// Runs git in a folder; its hooks see the data folder of this scratch.
    pub(crate) fn git_in(&self, folder: &Path, arguments: &[&str]) {
        let output = self.git_command(folder, arguments).output();
        let output = output.expect("git starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    pub(crate) fn git_command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("WHEREIN_HOME", self.home())
            .env("WHEREIN_ONNXRUNTIME", "off");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finished(&self.command(arguments).output().expect("starts"))
    }

    /// A run that must end with 0; gives its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, 0, "{run:?}");
        serde_json::from_str(&run.out).expect("one JSON object")
    }

    /// Paths of the hits of a query.
    pub(crate) fn paths(&self, arguments: &[&str]) -> Vec<String> {
        hits(&self.json(arguments))
            .iter()
            .map(|hit| hit["path"].as_str().expect("path").to_owned())
            .collect()
    }

    /// The folder of the only index.
    pub(crate) fn index_folder(&self) -> PathBuf {
        let mut folders: Vec<PathBuf> = fs::read_dir(self.home().join("index"))
            .expect("lists")
            .map(|entry| entry.expect("entry").path())
            .collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.remove(0)
    }
}

pub(crate) fn finished(output: &Output) -> Run {
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn hits(answer: &Value) -> Vec<Value> {
    answer["hits"].as_array().expect("hits").clone()
}

/// The repository's own fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}
