//! Labelled queries, as files: which repositories, what is asked of each, and
//! where the answers are.
//!
//! A dataset is a folder with `annotations/NAME.json` or `queries/NAME.json`,
//! optionally `repos.json` (language and benchmark root of each) and
//! `split.json`; or one file of labels. Sources lie in `CORPUS/NAME`, by
//! default in `repos/NAME` of the dataset.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EvalError;

/// Largest file of labels that is read, in bytes.
const MAX_LABEL_BYTES: u64 = 64 << 20;

/// Where one answer is: a file, or lines of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Relative path; also one that a hit's path ends with, or the reverse.
    pub path: String,
    /// First and last line, 1-based, inclusive.
    pub lines: Option<(u32, u32)>,
}

/// A query and its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledQuery {
    /// What is asked.
    pub query: String,
    /// `semantic`, `architecture`, `symbol` or another name.
    pub category: String,
    /// All of these answer, none better than another.
    pub targets: Vec<Target>,
}

/// A repository and what is asked of it.
#[derive(Clone, Debug)]
pub struct LabelledRepository {
    /// Its name.
    pub name: String,
    /// Its main language; `-` when the dataset does not say.
    pub language: String,
    /// The folder that is indexed.
    pub root: PathBuf,
    /// What is asked.
    pub queries: Vec<LabelledQuery>,
}

/// What is indexed of each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The folder that the benchmark names.
    #[default]
    Root,
    /// All that is there: tests, documentation and examples compete.
    Full,
}

/// Which part of a dataset to take.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Folder with a folder of sources for each repository.
    pub corpus: Option<PathBuf>,
    /// A part that `split.json` names.
    pub split: Option<String>,
    /// Only these repositories, when any is given.
    pub repositories: Vec<String>,
    /// What is indexed.
    pub scope: Scope,
}

/// A dataset, checked.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// By name.
    pub repositories: Vec<LabelledRepository>,
    /// Repositories that are labelled but whose sources are not at hand.
    pub missing: Vec<String>,
    /// Labels that point at no file: `(repository, path)`. They are kept, since
    /// nothing that is found can match them, and so lower the figures.
    pub dangling: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawTarget {
    File(String),
    Lines {
        path: String,
        start_line: Option<u32>,
        end_line: Option<u32>,
    },
}

#[derive(Deserialize)]
struct RawQuery {
    query: String,
    category: Option<String>,
    #[serde(default)]
    relevant: Vec<RawTarget>,
    #[serde(default)]
    secondary: Vec<RawTarget>,
}

#[derive(Clone, Default, Deserialize)]
struct RepositoryInfo {
    #[serde(default)]
    name: String,
    language: Option<String>,
    benchmark_root: Option<String>,
}

impl From<RawTarget> for Target {
    fn from(raw: RawTarget) -> Self {
        match raw {
            RawTarget::File(path) => Self { path, lines: None },
            RawTarget::Lines {
                path,
                start_line,
                end_line,
            } => Self {
                path,
                lines: start_line.zip(end_line),
            },
        }
    }
}

/// The category of a query that has none: as the benchmark tells them apart.
fn category_of(query: &str) -> &'static str {
    let trimmed = query.trim();
    if !trimmed.contains(' ') {
        "symbol"
    } else if trimmed.to_lowercase().starts_with("how ") {
        "architecture"
    } else {
        "semantic"
    }
}

fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<T, EvalError> {
    let malformed = |detail: String| EvalError::Malformed {
        path: path.to_owned(),
        expected,
        detail,
    };
    let size = std::fs::metadata(path)
        .map_err(EvalError::io("read", path))?
        .len();
    if size > MAX_LABEL_BYTES {
        return Err(malformed(format!(
            "it has {size} bytes, more than {MAX_LABEL_BYTES}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(EvalError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))
}

fn read_queries(path: &Path) -> Result<Vec<LabelledQuery>, EvalError> {
    let expected = "a list of labelled queries";
    let raw: Vec<RawQuery> = read_json(path, expected)?;
    let malformed = |number: usize, detail: &str| EvalError::Malformed {
        path: path.to_owned(),
        expected,
        detail: format!("query {}: {detail}", number + 1),
    };
    let mut queries = Vec::with_capacity(raw.len());
    for (number, raw) in raw.into_iter().enumerate() {
        if raw.query.trim().is_empty() {
            return Err(malformed(number, "it asks nothing"));
        }
        let category = raw
            .category
            .unwrap_or_else(|| category_of(&raw.query).to_owned());
        let targets: Vec<Target> = raw
            .relevant
            .into_iter()
            .chain(raw.secondary)
            .map(Target::from)
            .collect();
        if targets.is_empty() {
            return Err(malformed(number, "it has no relevant place"));
        }
        for target in &targets {
            if target.path.is_empty() {
                return Err(malformed(number, "a relevant place has no path"));
            }
            if target
                .lines
                .is_some_and(|(start, end)| start == 0 || end < start)
            {
                return Err(malformed(
                    number,
                    "lines are counted from 1 and end after they start",
                ));
            }
        }
        queries.push(LabelledQuery {
            query: raw.query,
            category,
            targets,
        });
    }
    Ok(queries)
}

/// Names of repositories and their files of labels.
fn label_files(path: &Path) -> Result<BTreeMap<String, PathBuf>, EvalError> {
    let stem = |file: &Path| {
        file.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    if path.is_file() {
        return Ok(std::iter::once((stem(path), path.to_owned())).collect());
    }
    let folder = ["annotations", "queries", "labels"]
        .map(|name| path.join(name))
        .into_iter()
        .find(|folder| folder.is_dir())
        .ok_or_else(|| EvalError::NoLabels {
            path: path.to_owned(),
        })?;
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).map_err(EvalError::io("list", &folder))? {
        let file = entry.map_err(EvalError::io("list", &folder))?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.insert(stem(&file), file);
        }
    }
    if files.is_empty() {
        return Err(EvalError::NoLabels { path: folder });
    }
    Ok(files)
}

/// By name of the repository.
type Infos = BTreeMap<String, RepositoryInfo>;

/// What `repos.json` and `split.json` say, and the names of the chosen split.
fn infos(path: &Path, split: Option<&str>) -> Result<(Infos, Option<Vec<String>>), EvalError> {
    let mut infos = Infos::new();
    let listed = path.join("repos.json");
    if listed.is_file() {
        let all: Vec<RepositoryInfo> = read_json(&listed, "a list of repositories")?;
        infos.extend(all.into_iter().map(|info| (info.name.clone(), info)));
    }
    let Some(split) = split else {
        return Ok((infos, None));
    };
    let file = path.join("split.json");
    let expected = "a file of splits";
    let mut splits: BTreeMap<String, serde_json::Value> = read_json(&file, expected)?;
    let malformed = |detail: String| EvalError::Malformed {
        path: file.clone(),
        expected,
        detail,
    };
    let known: Vec<String> = splits.keys().cloned().collect();
    let chosen = splits
        .remove(split)
        .ok_or_else(|| malformed(format!("no split {split}; it has {}", known.join(", "))))?;
    let names = match chosen {
        serde_json::Value::Object(of_split) => {
            for (name, info) in &of_split {
                let info = serde_json::from_value(info.clone())
                    .map_err(|error| malformed(error.to_string()))?;
                infos.entry(name.clone()).or_insert(info);
            }
            of_split.keys().cloned().collect()
        }
        serde_json::Value::Array(names) => names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => return Err(malformed(format!("split {split} names no repositories"))),
    };
    Ok((infos, Some(names)))
}

impl Dataset {
    /// Reads and checks the labels at `path`. Repositories whose sources are
    /// not at hand are listed as missing.
    pub fn read(path: &Path, selection: &Selection) -> Result<Self, EvalError> {
        let files = label_files(path)?;
        let single = path.is_file();
        let (infos, names) = if single {
            (Infos::new(), None)
        } else {
            infos(path, selection.split.as_deref())?
        };
        let mut dataset = Self::default();
        let mut looked = path.to_owned();
        for (name, file) in files {
            let wanted =
                selection.repositories.is_empty() || selection.repositories.contains(&name);
            if !wanted || names.as_ref().is_some_and(|names| !names.contains(&name)) {
                continue;
            }
            let queries = read_queries(&file)?;
            let info = infos.get(&name).cloned().unwrap_or_default();
            let source = source_of(path, selection, &name);
            let below = info.benchmark_root.as_deref().unwrap_or("");
            let benchmark_root = source.join(below);
            let root = match selection.scope {
                Scope::Root => benchmark_root.clone(),
                Scope::Full => source.clone(),
            };
            if !root.is_dir() {
                looked = root;
                dataset.missing.push(name);
                continue;
            }
            for query in &queries {
                for target in &query.targets {
                    if !is_there(&source, &benchmark_root, &target.path) {
                        dataset.dangling.push((name.clone(), target.path.clone()));
                    }
                }
            }
            dataset.repositories.push(LabelledRepository {
                name,
                language: info.language.unwrap_or_else(|| "-".to_owned()),
                root,
                queries,
            });
        }
        if dataset.repositories.is_empty() {
            return Err(EvalError::NoSources {
                count: dataset.missing.len(),
                looked,
            });
        }
        Ok(dataset)
    }
}

/// The folder of a repository's sources.
fn source_of(path: &Path, selection: &Selection, name: &str) -> PathBuf {
    match &selection.corpus {
        Some(corpus) => {
            let own = corpus.join(name);
            if path.is_file() && !own.is_dir() {
                corpus.clone()
            } else {
                own
            }
        }
        None if path.is_file() => path.with_file_name("..").join("repos").join(name),
        None => path.join("repos").join(name),
    }
}

/// Whether a label points at a file: below the source, below the root, or, as
/// the benchmark matches paths, with part of the root in it.
fn is_there(source: &Path, root: &Path, path: &str) -> bool {
    let mut rest = path;
    loop {
        if source.join(rest).is_file() || root.join(rest).is_file() {
            return true;
        }
        match rest.split_once('/') {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
}
