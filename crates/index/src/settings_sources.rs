//! Where settings come from: the defaults of `config/wherein.toml`, a
//! repository's file, the user's, the environment; later wins. What is wrong is
//! named with the file and line, or the variable, that said it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::IndexError;
use crate::settings::Settings;

const DEFAULTS: &str = include_str!("../../../config/wherein.toml");
const FILE_NAME: &str = "wherein.toml";
/// Sections that a repository may set for those who index it.
const REPOSITORY_SECTIONS: &[&str] = &["index", "search"];
/// Settings files above this size are refused.
const MAX_FILE_BYTES: u64 = 64 << 10;

impl Settings {
    /// The settings that hold for a repository at `root` (or for none).
    pub fn load(root: Option<&Path>) -> Result<Self, IndexError> {
        Self::from_sources(root, user_file().as_deref(), env::vars_os())
    }

    /// As [`Settings::load`] for none, with `file` in place of the user's own.
    pub fn load_with(file: &Path) -> Result<Self, IndexError> {
        if !file.is_file() {
            return Err(bad(file, "there is no such file".to_owned()));
        }
        Self::from_sources(None, Some(file), env::vars_os())
    }

    /// The user's own settings file, whether or not it is there.
    pub fn user_file() -> Option<PathBuf> {
        user_file()
    }

    fn from_sources(
        root: Option<&Path>,
        user: Option<&Path>,
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, IndexError> {
        let defaults = Path::new("built-in defaults");
        let mut own = parse(defaults, DEFAULTS)?;
        let built_in = checked(&own, defaults, DEFAULTS)?;
        let mut from_repository = own.clone();
        if let Some(path) = root.map(|root| root.join(FILE_NAME))
            && let Some(text) = read(&path)?
        {
            let given = parse(&path, &text)?;
            if let Some(section) = given
                .keys()
                .find(|key| !REPOSITORY_SECTIONS.contains(&key.as_str()))
            {
                let detail =
                    format!("a repository cannot set [{section}]; only [index] and [search]");
                return Err(bad(&path, detail));
            }
            merge(&mut from_repository, given, &path)?;
            let mut settings = checked(&from_repository, &path, &text)?;
            let cut = settings.keep_within(&built_in);
            for key in &cut {
                tracing::warn!(
                    "{}: {key} asks for more than the default, which a repository may not",
                    path.display()
                );
                take_back(&mut from_repository, &own, key);
            }
        }
        own = from_repository;
        if let Some(path) = user
            && let Some(text) = read(path)?
        {
            merge(&mut own, parse(path, &text)?, path)?;
            checked(&own, path, &text)?;
        }
        for (name, value) in variables {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
                && set_from_environment(&mut own, name, value)?
            {
                checked(&own, Path::new(name), "")?;
            }
        }
        checked(&own, defaults, "")
    }
}

/// The settings that a table makes; what is wrong is the fault of `source`.
fn checked(table: &Table, source: &Path, text: &str) -> Result<Settings, IndexError> {
    let settings: Settings =
        Value::Table(table.clone())
            .try_into()
            .map_err(|error: toml::de::Error| {
                // The last line of its text names the key.
                let said = error.to_string();
                let key = said.rsplit('`').nth(1).unwrap_or_default().to_owned();
                let message = error.message().replace('\n', " ");
                bad(source, placed(text, &key, &format!("{key}: {message}")))
            })?;
    match settings.out_of_bounds() {
        Some((key, detail)) => Err(bad(source, placed(text, key, &detail))),
        None => Ok(settings),
    }
}

/// A detail with the line of the text that sets a key.
fn placed(text: &str, key: &str, detail: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    let sets = |line: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    match text.lines().position(sets) {
        Some(line) if !name.is_empty() => format!("line {}: {detail}", line + 1),
        _ => detail.to_owned(),
    }
}

/// Sets a key back to what another table has.
fn take_back(table: &mut Table, to: &Table, key: &str) {
    let Some((section, name)) = key.split_once('.') else {
        return;
    };
    let value = to.get(section).and_then(|section| section.get(name));
    if let (Some(Value::Table(keys)), Some(value)) = (table.get_mut(section), value) {
        keys.insert(name.to_owned(), value.clone());
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

fn parts(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn string(value: &str) -> Value {
    Value::String(value.to_owned())
}

/// `WHEREIN_SEARCH_RESULTS=20` sets `search.results`. Names that are no key are
/// other variables of ours; says whether it was one.
fn set_from_environment(table: &mut Table, name: &str, value: &str) -> Result<bool, IndexError> {
    let Some(rest) = name.strip_prefix("WHEREIN_") else {
        return Ok(false);
    };
    let lower = rest.to_ascii_lowercase();
    let Some((section, key)) = lower.split_once('_') else {
        return Ok(false);
    };
    let Some(Value::Table(keys)) = table.get_mut(section) else {
        return Ok(false);
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
        Value::Boolean(_) => value.parse().map(Value::Boolean).map_err(|_| {
            bad(
                Path::new(name),
                format!("\"{value}\" is neither true nor false"),
            )
        })?,
        // Lists are joined by commas, tables are lists of NAME=VALUE.
        Value::Array(_) => Value::Array(parts(value).map(string).collect()),
        Value::Table(_) => parts(value)
            .map(|part| {
                let (key, value) = part.split_once('=').ok_or_else(|| {
                    let detail = format!("\"{part}\" is not NAME=VALUE");
                    bad(Path::new(name), detail)
                })?;
                Ok((key.trim().to_owned(), string(value.trim())))
            })
            .collect::<Result<Table, IndexError>>()
            .map(Value::Table)?,
        _ => string(value),
    };
    Ok(true)
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
        let repository = "[search]\nresults = 11\n[index]\nthreads = 1\n";
        let user = "[search]\nresults = 12\n";
        let settings = load(repository, user, &[]).expect("loads");
        assert_eq!((settings.search.results, settings.index.threads), (12, 1));
        let settings = load(
            repository,
            user,
            &[("WHEREIN_SEARCH_RESULTS", "13"), ("WHEREIN_HOME", "/x")],
        );
        assert_eq!(settings.expect("loads").search.results, 13);
    }

    #[test]
    fn lists_and_tables_come_from_files_and_variables() {
        let user = "[serve]\nhosts = [\"a.example\"]\nrepositories = { shop = \"/srv/shop\" }\n";
        let serve = load("", user, &[]).expect("loads").serve;
        assert_eq!(serve.hosts, ["a.example"]);
        assert_eq!(serve.repositories["shop"], Path::new("/srv/shop"));
        let variables = [
            ("WHEREIN_SERVE_HOSTS", "b.example, c.example"),
            ("WHEREIN_SERVE_REPOSITORIES", "web=/srv/web,old=/srv/o=d"),
        ];
        let serve = load("", user, &variables).expect("loads").serve;
        assert_eq!(serve.hosts, ["b.example", "c.example"]);
        assert_eq!(serve.repositories.len(), 2, "later ones win whole");
        assert_eq!(serve.repositories["old"], Path::new("/srv/o=d"));
        let wrong = [("WHEREIN_SERVE_REPOSITORIES", "web")];
        let error = load("", "", &wrong).expect_err("refused").to_string();
        assert!(error.contains("NAME=VALUE"), "{error}");
    }

    #[test]
    fn a_repository_may_lower_bounds_but_not_raise_them() {
        let greedy = "[index]\nmax_file_bytes = 1073741824\nthreads = 1024\n";
        let settings = load(greedy, "", &[]).expect("loads");
        assert_eq!(
            (settings.index.max_file_bytes, settings.index.threads),
            (4 << 20, 0)
        );
        let modest = "[index]\nmax_file_bytes = 1000\nthreads = 1\n";
        let settings = load(modest, "", &[]).expect("loads");
        assert_eq!(
            (settings.index.max_file_bytes, settings.index.threads),
            (1000, 1)
        );
        let user = "[index]\nmax_file_bytes = 1073741824\n";
        let settings = load(greedy, user, &[]).expect("loads");
        assert_eq!(settings.index.max_file_bytes, 1 << 30, "the user may");
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
            (
                "",
                "[search]\nresults = 0\n",
                None,
                "user.toml: line 2: search.results is 0",
            ),
            (
                "[search]\nresults = -1\n",
                "",
                None,
                "wherein.toml: line 2: search.results",
            ),
            (
                "",
                "\n[search]\nvectors = \"fast\"\n",
                None,
                "user.toml: line 3: search.vectors",
            ),
            (
                "",
                "",
                Some(("WHEREIN_SEARCH_RESULTS", "0")),
                "WHEREIN_SEARCH_RESULTS: search.results is 0",
            ),
            (
                "",
                "",
                Some(("WHEREIN_SEARCH_VECTORS", "fast")),
                "WHEREIN_SEARCH_VECTORS",
            ),
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
