//! Settings: defaults from `config/wherein.toml`, then files, then environment.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::IndexError;

const DEFAULTS: &str = include_str!("../../../config/wherein.toml");
const FILE_NAME: &str = "wherein.toml";
/// Sections that a repository may set for those who index it.
const REPOSITORY_SECTIONS: &[&str] = &["index", "search"];
/// Settings files above this size are refused.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Building an index.
    pub index: IndexSettings,
    /// Searching.
    pub search: SearchSettings,
    /// The HTTP service.
    pub serve: ServeSettings,
}

/// Building an index; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct IndexSettings {
    pub max_file_bytes: u64,
    pub threads: usize,
    pub checkpoint_bytes: u64,
}

/// Searching; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct SearchSettings {
    pub results: usize,
    pub vectors: VectorSearch,
    pub graph_above: usize,
}

/// How vectors are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorSearch {
    /// Through a graph where a segment is large.
    Auto,
    /// Through a scan, always.
    Exact,
    /// As `Auto`.
    Graph,
}

/// The HTTP service; `config/wherein.toml` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in config/wherein.toml")]
pub struct ServeSettings {
    pub listen: String,
    pub max_concurrent: usize,
    pub max_waiting: usize,
    pub timeout_seconds: u64,
    pub max_body_bytes: usize,
    pub refresh_seconds: u64,
}

impl Settings {
    /// The settings that hold for a repository at `root` (or for none).
    pub fn load(root: Option<&Path>) -> Result<Self, IndexError> {
        Self::from_sources(root, user_file().as_deref(), env::vars_os())
    }

    fn from_sources(
        root: Option<&Path>,
        user: Option<&Path>,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, IndexError> {
        let mut table = parse(Path::new("built-in defaults"), DEFAULTS)?;
        if let Some(path) = root.map(|root| root.join(FILE_NAME))
            && let Some(text) = read(&path)?
        {
            let given = parse(&path, &text)?;
            if let Some(section) = given
                .keys()
                .find(|key| !REPOSITORY_SECTIONS.contains(&key.as_str()))
            {
                return Err(bad(
                    &path,
                    format!("a repository cannot set [{section}]; only [index] and [search]"),
                ));
            }
            merge(&mut table, given, &path)?;
        }
        if let Some(path) = user
            && let Some(text) = read(path)?
        {
            merge(&mut table, parse(path, &text)?, path)?;
        }
        for (name, value) in variables {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
                set_from_environment(&mut table, name, value)?;
            }
        }
        let settings: Self = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| {
                bad(Path::new(FILE_NAME), error.message().to_owned())
            })?;
        settings.checked()
    }

    fn checked(self) -> Result<Self, IndexError> {
        let ranges = [
            (
                "index.max_file_bytes",
                self.index.max_file_bytes,
                1,
                1 << 30,
            ),
            ("index.threads", self.index.threads as u64, 0, 1024),
            (
                "index.checkpoint_bytes",
                self.index.checkpoint_bytes,
                1 << 20,
                1 << 40,
            ),
            (
                "search.results",
                self.search.results as u64,
                1,
                wherein_core::limits::MAX_RESULTS as u64,
            ),
            (
                "search.graph_above",
                self.search.graph_above as u64,
                1,
                u64::MAX,
            ),
            (
                "serve.max_concurrent",
                self.serve.max_concurrent as u64,
                1,
                10_000,
            ),
            (
                "serve.max_waiting",
                self.serve.max_waiting as u64,
                0,
                100_000,
            ),
            ("serve.timeout_seconds", self.serve.timeout_seconds, 1, 3600),
            (
                "serve.max_body_bytes",
                self.serve.max_body_bytes as u64,
                1024,
                64 << 20,
            ),
            (
                "serve.refresh_seconds",
                self.serve.refresh_seconds,
                1,
                86_400,
            ),
        ];
        for (key, value, least, most) in ranges {
            if value < least || value > most {
                return Err(bad(
                    Path::new(FILE_NAME),
                    format!("{key} is {value}; it must lie between {least} and {most}"),
                ));
            }
        }
        Ok(self)
    }
}

fn bad(path: &Path, detail: String) -> IndexError {
    IndexError::BadSettings {
        path: path.to_owned(),
        detail,
    }
}

/// The user's own settings file.
fn user_file() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(env::home_dir()?.join(".config")))?;
    Some(folder.join("wherein").join(FILE_NAME))
}

fn read(path: &Path) -> Result<Option<String>, IndexError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => {
            return Err(bad(
                path,
                format!("it has more than {MAX_FILE_BYTES} bytes"),
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(path, error.to_string())),
    }
    fs::read_to_string(path)
        .map(Some)
        .map_err(|error| bad(path, error.to_string()))
}

fn parse(path: &Path, text: &str) -> Result<Table, IndexError> {
    text.parse::<Table>().map_err(|error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or(String::new(), |line| format!("line {line}: "));
        bad(path, format!("{place}{}", error.message()))
    })
}

/// Lays `given` over `table`; a key that the defaults do not have is refused
/// with the name of its file.
fn merge(table: &mut Table, given: Table, path: &Path) -> Result<(), IndexError> {
    for (section, keys) in given {
        let Some(Value::Table(known)) = table.get_mut(&section) else {
            return Err(bad(path, format!("there is no section [{section}]")));
        };
        let Value::Table(keys) = keys else {
            return Err(bad(path, format!("{section} must be a section")));
        };
        for (key, value) in keys {
            match known.get(&key) {
                None => return Err(bad(path, format!("there is no key {section}.{key}"))),
                Some(default) if default.same_type(&value) => {
                    known.insert(key, value);
                }
                Some(default) => {
                    return Err(bad(
                        path,
                        format!("{section}.{key} must be of type {}", default.type_str()),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// `WHEREIN_SEARCH_RESULTS=20` sets `search.results`. Names that are no key are
/// other variables of ours.
fn set_from_environment(table: &mut Table, name: &str, value: &str) -> Result<(), IndexError> {
    let Some(rest) = name.strip_prefix("WHEREIN_") else {
        return Ok(());
    };
    let lower = rest.to_ascii_lowercase();
    let Some((section, key)) = lower.split_once('_') else {
        return Ok(());
    };
    let Some(Value::Table(keys)) = table.get_mut(section) else {
        return Ok(());
    };
    let Some(default) = keys.get_mut(key) else {
        return Err(bad(
            Path::new(name),
            format!("there is no key {section}.{key}"),
        ));
    };
    *default = match default {
        Value::Integer(_) => value.parse().map(Value::Integer).map_err(|_| {
            bad(
                Path::new(name),
                format!("\"{value}\" is not a whole number"),
            )
        })?,
        _ => Value::String(value.to_owned()),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        repository: &str,
        user: &str,
        variables: &[(&str, &str)],
    ) -> Result<Settings, IndexError> {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join(FILE_NAME), repository).expect("writes");
        let user_path = folder.path().join("user.toml");
        fs::write(&user_path, user).expect("writes");
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::from_sources(Some(folder.path()), Some(&user_path), variables)
    }

    #[test]
    fn later_sources_win() {
        let settings = load("", "", &[]).expect("defaults");
        assert_eq!(settings.search.results, 10);
        assert_eq!(settings.serve.listen, "127.0.0.1:7717");
        let repository = "[search]\nresults = 11\n[index]\nthreads = 3\n";
        let user = "[search]\nresults = 12\n";
        let settings = load(repository, user, &[]).expect("loads");
        assert_eq!((settings.search.results, settings.index.threads), (12, 3));
        let settings = load(
            repository,
            user,
            &[("WHEREIN_SEARCH_RESULTS", "13"), ("WHEREIN_HOME", "/x")],
        );
        assert_eq!(settings.expect("loads").search.results, 13);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (repository, user, variable, expected) in [
            ("[search]\nresults = \n", "", None, "line 2"),
            ("[search]\nresult = 3\n", "", None, "search.result"),
            ("[search]\nresults = \"x\"\n", "", None, "integer"),
            (
                "[serve]\nlisten = \"0.0.0.0:1\"\n",
                "",
                None,
                "cannot set [serve]",
            ),
            ("", "[nonsense]\n", None, "user.toml"),
            ("", "[search]\nresults = 0\n", None, "between 1 and"),
            ("", "[search]\nvectors = \"fast\"\n", None, "fast"),
            (
                "",
                "",
                Some(("WHEREIN_SEARCH_RESULTS", "many")),
                "WHEREIN_SEARCH_RESULTS",
            ),
            ("", "", Some(("WHEREIN_SEARCH_COUNT", "1")), "search.count"),
        ] {
            let error = load(repository, user, variable.as_slice()).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
