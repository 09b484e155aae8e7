//! Labelled queries, as files: which repositories, what is asked of each, and
//! where the answers are.
//!
//! A dataset is a folder with `annotations/NAME.json`, `queries/NAME.json` or
//! `labels/NAME.json`, optionally `repos.json` (language and benchmark root of each) and
//! `split.json`; or one file of labels. Sources lie in `CORPUS/NAME`, by
//! default in `repos/NAME` of the dataset.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::EvalError;
use crate::labels::{LabelledQuery, Target, read_json, read_queries};

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
    /// Labels that point at no file, or at no line of it: `(repository, place)`.
    /// They are kept, since nothing that is found can match them, and so lower
    /// the figures.
    pub dangling: Vec<(String, String)>,
    /// Repositories of the chosen split that have no labels.
    pub unlabelled: Vec<String>,
}

#[derive(Clone, Default, Deserialize)]
struct RepositoryInfo {
    #[serde(default)]
    name: String,
    language: Option<String>,
    benchmark_root: Option<String>,
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
    let malformed = |detail: String| EvalError::malformed(&file, expected, detail);
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
        serde_json::Value::Array(names) => serde_json::from_value(names.into())
            .map_err(|error| malformed(format!("split {split}: {error}")))?,
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
        if single && selection.split.is_some() {
            return Err(EvalError::NoSplits {
                path: path.to_owned(),
            });
        }
        let (infos, names) = if single {
            (Infos::new(), None)
        } else {
            infos(path, selection.split.as_deref())?
        };
        let is_labelled = |name: &&String| files.contains_key(*name);
        if let Some(unknown) = selection
            .repositories
            .iter()
            .find(|name| !is_labelled(name))
        {
            return Err(EvalError::UnknownRepository {
                name: unknown.clone(),
                known: files.keys().cloned().collect::<Vec<_>>().join(", "),
            });
        }
        let mut dataset = Self::default();
        if let Some(names) = &names {
            let unlabelled = names.iter().filter(|name| !is_labelled(name));
            dataset.unlabelled = unlabelled.cloned().collect();
        }
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
            let benchmark_root = source.join(below(path, &name, &info)?);
            let root = match selection.scope {
                Scope::Root => benchmark_root.clone(),
                Scope::Full => source.clone(),
            };
            if !root.is_dir() {
                looked = root;
                dataset.missing.push(name);
                continue;
            }
            for target in queries.iter().flat_map(|query| &query.targets) {
                if let Err(place) = check(&source, &benchmark_root, target) {
                    dataset.dangling.push((name.clone(), place));
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

/// The benchmark root of a repository, below its sources.
fn below<'a>(dataset: &Path, name: &str, info: &'a RepositoryInfo) -> Result<&'a Path, EvalError> {
    let below = Path::new(info.benchmark_root.as_deref().unwrap_or(""));
    if !stays_below(below) {
        return Err(EvalError::malformed(
            &dataset.join("repos.json"),
            "a list of repositories",
            format!(
                "the benchmark root of {name} is {}, which is not below its sources",
                below.display()
            ),
        ));
    }
    Ok(below)
}

fn stays_below(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
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

/// Whether a label points at a place that is there: below the source, below the
/// root, or, as the benchmark matches paths, with part of the root in it. Else
/// the place as it is told.
fn check(source: &Path, root: &Path, target: &Target) -> Result<(), String> {
    let is_plain = |part| matches!(part, Component::Normal(_));
    let is_relative = Path::new(&target.path).components().all(is_plain);
    let mut rest = target.path.as_str();
    let file = loop {
        let there = [source, root].map(|folder| folder.join(rest));
        if !is_relative {
            break None;
        } else if let Some(file) = there.into_iter().find(|file| file.is_file()) {
            break Some(file);
        }
        match rest.split_once('/') {
            Some((_, after)) => rest = after,
            None => break None,
        }
    };
    let Some(file) = file else {
        return Err(target.path.clone());
    };
    let Some((start, end)) = target.lines else {
        return Ok(());
    };
    let bytes = std::fs::read(&file).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').count();
    if start as usize > lines {
        return Err(format!("{}:{start}-{end}", target.path));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two labelled repositories, one with a benchmark root, and their sources.
    fn dataset() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("creates");
            std::fs::write(path, text).expect("writes");
        };
        write("repos/one/src/a.rs", "fn a() {}\n");
        write("repos/one/tests/b.rs", "fn b() {}\n");
        write("repos/two/c.py", "def c(): ...\n");
        write(
            "annotations/one.json",
            "[{\"query\":\"a\",\"relevant\":[\"src/a.rs\"]}]",
        );
        write(
            "annotations/two.json",
            "[{\"query\":\"c\",\"relevant\":[\"c.py\"]}]",
        );
        write(
            "annotations/gone.json",
            "[{\"query\":\"c\",\"relevant\":[\"c.py\"]}]",
        );
        write(
            "repos.json",
            "[{\"name\":\"one\",\"language\":\"rust\",\"benchmark_root\":\"src\"},{\"name\":\"two\"}]",
        );
        write(
            "split.json",
            "{\"some\":{\"two\":{\"language\":\"python\"}},\"list\":[\"one\",\"none\"],\"bad\":[1]}",
        );
        folder
    }

    fn read(folder: &tempfile::TempDir, selection: &Selection) -> Result<Dataset, String> {
        Dataset::read(folder.path(), selection).map_err(|error| error.to_string())
    }

    #[test]
    fn the_benchmark_root_is_indexed_or_the_whole() {
        let folder = dataset();
        let root = read(&folder, &Selection::default()).expect("a dataset");
        assert_eq!(root.missing, ["gone"]);
        assert!(root.dangling.is_empty());
        let ends = |dataset: &Dataset, end: &str| dataset.repositories[0].root.ends_with(end);
        assert!(ends(&root, "repos/one/src"));
        assert_eq!(root.repositories[0].language, "rust");
        assert_eq!(root.repositories[1].language, "-");
        let full = Selection {
            scope: Scope::Full,
            ..Selection::default()
        };
        assert!(ends(&read(&folder, &full).expect("a dataset"), "repos/one"));
    }

    #[test]
    fn splits_are_objects_or_lists() {
        let folder = dataset();
        let of = |name: &str| Selection {
            split: Some(name.to_owned()),
            ..Selection::default()
        };
        let some = read(&folder, &of("some")).expect("a dataset");
        assert_eq!(some.repositories.len(), 1);
        assert_eq!(some.repositories[0].name, "two");
        let list = read(&folder, &of("list")).expect("a dataset");
        assert_eq!(list.repositories[0].name, "one");
        assert_eq!(list.unlabelled, ["none"]);
        assert!(
            read(&folder, &of("bad"))
                .expect_err("is refused")
                .contains("split bad")
        );
        assert!(
            read(&folder, &of("other"))
                .expect_err("is refused")
                .contains("bad, list, some")
        );
        let single = folder.path().join("annotations/two.json");
        assert!(Dataset::read(&single, &of("some")).is_err());
    }

    #[test]
    fn repositories_that_are_not_there_are_told() {
        let folder = dataset();
        let of = |names: &[&str]| Selection {
            repositories: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Selection::default()
        };
        let unknown = read(&folder, &of(&["two", "tow"])).expect_err("is refused");
        assert!(
            unknown.contains("tow") && unknown.contains("gone, one, two"),
            "{unknown}"
        );
        let gone = read(&folder, &of(&["gone"])).expect_err("is refused");
        assert!(gone.contains("--corpus"), "{gone}");
        assert_eq!(
            read(&folder, &of(&["two"]))
                .expect("a dataset")
                .repositories
                .len(),
            1
        );
    }

    #[test]
    fn a_benchmark_root_stays_below_its_sources() {
        let folder = dataset();
        for root in ["../two", "/etc"] {
            let listed = format!("[{{\"name\":\"one\",\"benchmark_root\":\"{root}\"}}]");
            std::fs::write(folder.path().join("repos.json"), listed).expect("writes");
            let error = read(&folder, &Selection::default()).expect_err("is refused");
            assert!(error.contains("benchmark root of one"), "{error}");
        }
    }

    #[test]
    fn labels_that_nothing_can_match_are_told() {
        let folder = dataset();
        let labels = "[{\"query\":\"a\",\"relevant\":[\"one/src/a.rs\",\"a.rs\",\"/etc/passwd\",\"./src/a.rs\",\"../two/c.py\",\"src/none.rs\",{\"path\":\"src/a.rs\",\"start_line\":1,\"end_line\":99},{\"path\":\"src/a.rs\",\"start_line\":90,\"end_line\":99}]}]";
        std::fs::write(folder.path().join("annotations/one.json"), labels).expect("writes");
        let told: Vec<String> = read(&folder, &Selection::default())
            .expect("a dataset")
            .dangling
            .into_iter()
            .map(|one| one.1)
            .collect();
        assert_eq!(
            told,
            [
                "/etc/passwd",
                "./src/a.rs",
                "../two/c.py",
                "src/none.rs",
                "src/a.rs:90-99"
            ]
        );
    }
}
