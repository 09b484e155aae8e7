//! Where the user keeps ignore rules for all repositories: `core.excludesFile`
//! of git's system and user configuration, else git's default place.
//!
//! Includes are not followed, and a repository's own configuration is not asked:
//! it may have come with an archive from anywhere.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::open::read_small;

/// Largest configuration file that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Which ignore rules outside the repository apply in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GlobalExcludes {
    /// Those that the user's git configuration names, as git would.
    #[default]
    FromUserConfig,
    /// Those of this file.
    File(PathBuf),
    /// None.
    None,
}

impl GlobalExcludes {
    /// The file that holds them; it need not exist.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::FromUserConfig => excludes_file(&|name| std::env::var_os(name)),
            Self::File(path) => Some(path.clone()),
            Self::None => None,
        }
    }
}

/// The file git would use, given the environment.
fn excludes_file(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let home = set("HOME")
        .or_else(|| set("USERPROFILE").filter(|_| cfg!(windows)))
        .map(PathBuf::from);
    let in_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
    let user_folder = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| in_home(".config"))
        .map(|folder| folder.join("git"));

    // The strongest first.
    let mut files: Vec<Option<PathBuf>> = Vec::new();
    match environment("GIT_CONFIG_GLOBAL") {
        Some(path) if path.is_empty() => {}
        Some(path) => files.push(Some(path.into())),
        None => {
            files.push(in_home(".gitconfig"));
            files.push(user_folder.as_ref().map(|folder| folder.join("config")));
        }
    }
    if !is_true(set("GIT_CONFIG_NOSYSTEM")) {
        files.push(Some(
            set("GIT_CONFIG_SYSTEM").map_or_else(|| "/etc/gitconfig".into(), PathBuf::from),
        ));
    }
    for file in files.into_iter().flatten() {
        if let Some(value) = value_in(&file) {
            // Set to nothing means: no such file.
            return expand(&value, home.as_deref(), &file);
        }
    }
    user_folder.map(|folder| folder.join("ignore"))
}

fn is_true(value: Option<OsString>) -> bool {
    value.is_some_and(|value| {
        let text = value.to_string_lossy().to_ascii_lowercase();
        !matches!(text.as_str(), "0" | "false" | "no" | "off")
    })
}

fn value_in(path: &Path) -> Option<String> {
    use gix::config::File;
    use gix::config::file::init::Options;
    let bytes = read_small(path, MAX_CONFIG_BYTES).ok()?;
    let metadata = gix::config::file::Metadata::default();
    let file = File::from_bytes_no_includes(&bytes, metadata, Options::default()).ok()?;
    Some(file.string("core.excludesFile")?.to_string())
}

/// A path as git reads it: `~/` is the home folder, and what is relative is so to
/// nothing we know, hence to the file that names it.
fn expand(value: &str, home: Option<&Path>, named_in: &Path) -> Option<PathBuf> {
    if value.is_empty() {
        return None;
    }
    if let Some(rest) = value.strip_prefix("~/") {
        return Some(home?.join(rest));
    }
    if value.starts_with('~') || value.starts_with("%(") {
        return None;
    }
    Some(named_in.parent()?.join(value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use super::*;

    fn found(variables: &[(&str, &Path)]) -> Option<PathBuf> {
        let mut map: HashMap<&str, OsString> = variables
            .iter()
            .map(|(name, path)| (*name, path.as_os_str().to_owned()))
            .collect();
        map.entry("GIT_CONFIG_NOSYSTEM").or_insert("1".into());
        excludes_file(&|name| map.get(name).cloned())
    }

    #[test]
    fn the_file_is_found_where_git_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        assert_eq!(
            found(&[("HOME", home)]),
            Some(home.join(".config/git/ignore"))
        );
        let xdg = home.join("xdg");
        assert_eq!(
            found(&[("HOME", home), ("XDG_CONFIG_HOME", &xdg)]),
            Some(xdg.join("git/ignore"))
        );

        fs::create_dir_all(xdg.join("git")).unwrap();
        fs::write(xdg.join("git/config"), "[core]\n\texcludesfile = /x/one\n").unwrap();
        let both = [("HOME", home), ("XDG_CONFIG_HOME", xdg.as_path())];
        assert_eq!(found(&both), Some("/x/one".into()));

        fs::write(
            home.join(".gitconfig"),
            "[core]\n\texcludesFile = /x/two\n[include]\n\tpath = other\n[Core]\n\texcludesFile = \"~/three\" ; last wins\n",
        )
        .unwrap();
        assert_eq!(found(&both), Some(home.join("three")));

        let global = home.join("global");
        fs::write(&global, "[core]\n\texcludesFile = \n").unwrap();
        assert_eq!(
            found(&[("HOME", home), ("GIT_CONFIG_GLOBAL", &global)]),
            None
        );
        fs::write(&global, "[core\nbroken").unwrap();
        assert_eq!(
            found(&[("HOME", home), ("GIT_CONFIG_GLOBAL", &global)]),
            Some(home.join(".config/git/ignore"))
        );
        let system = home.join("system");
        fs::write(&system, "[core]\n\texcludesFile = /sys\n").unwrap();
        let none = home.join("none");
        assert_eq!(
            found(&[
                ("HOME", &none),
                ("GIT_CONFIG_NOSYSTEM", Path::new("false")),
                ("GIT_CONFIG_SYSTEM", &system),
            ]),
            Some("/sys".into())
        );
        assert_eq!(found(&[]), None);
    }
}
