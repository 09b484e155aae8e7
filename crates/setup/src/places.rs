//! Where things are on this machine: the folders that agents keep their files in, and how
//! `wherein` is called.

use std::env;
use std::path::{Path, PathBuf};

/// Whose settings are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Of the person, for all projects.
    #[default]
    User,
    /// Of the project, shared with all who work on it.
    Project,
}

impl Scope {
    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// Folders of this machine.
#[derive(Clone, Debug)]
pub struct Places {
    /// The person's folder.
    pub home: PathBuf,
    /// Settings of programs (`~/.config`).
    pub config: PathBuf,
    /// Settings of Claude Code, where they were moved.
    pub claude: Option<PathBuf>,
    /// Settings of Codex, where they were moved.
    pub codex: Option<PathBuf>,
    /// The project.
    pub project: PathBuf,
}

impl Places {
    /// As the environment says; `None` without a home folder.
    pub fn of_environment(project: &Path) -> Option<Self> {
        let folder = |name: &str| {
            let value = env::var_os(name).filter(|value| !value.is_empty())?;
            Some(PathBuf::from(value)).filter(|path| path.is_absolute())
        };
        let home = env::home_dir().filter(|home| home.is_absolute())?;
        Some(Self {
            config: folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            claude: folder("CLAUDE_CONFIG_DIR"),
            codex: folder("CODEX_HOME"),
            home,
            project: project.to_owned(),
        })
    }

    pub(crate) fn claude(&self) -> PathBuf {
        let moved = self.claude.clone();
        moved.unwrap_or_else(|| self.home.join(".claude"))
    }

    /// Claude Code's own file, which holds the servers of the user.
    pub(crate) fn claude_json(&self) -> PathBuf {
        match &self.claude {
            Some(folder) => folder.join(".claude.json"),
            None => self.home.join(".claude.json"),
        }
    }

    pub(crate) fn codex(&self) -> PathBuf {
        let moved = self.codex.clone();
        moved.unwrap_or_else(|| self.home.join(".codex"))
    }

    /// Settings of VS Code.
    pub(crate) fn code(&self) -> PathBuf {
        if cfg!(target_os = "macos") {
            let support = self.home.join("Library").join("Application Support");
            support.join("Code").join("User")
        } else if cfg!(windows) {
            let roaming = self.home.join("AppData").join("Roaming");
            roaming.join("Code").join("User")
        } else {
            self.config.join("Code").join("User")
        }
    }
}

/// How an agent starts the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The program: a path, or a name that is looked for.
    pub command: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it needs to find in its environment.
    pub environment: Vec<(String, String)>,
    /// The folder of the indexes, which a sandbox has to let it write.
    pub data: PathBuf,
}
