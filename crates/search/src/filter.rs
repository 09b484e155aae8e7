//! Filters, turned into the set of rows that a query may see.

use std::collections::HashSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use wherein_core::Filters;
use wherein_store::{RowSet, Snapshot};

use crate::error::SearchError;

struct PathFilter {
    included: Option<GlobSet>,
    excluded: GlobSet,
}

impl PathFilter {
    fn new(globs: &[String]) -> Result<Self, SearchError> {
        let mut included = GlobSetBuilder::new();
        let mut excluded = GlobSetBuilder::new();
        let mut any_included = false;
        for glob in globs {
            let (set, pattern) = if let Some(rest) = glob.strip_prefix('!') {
                (&mut excluded, rest)
            } else {
                any_included = true;
                (&mut included, glob.as_str())
            };
            for variant in variants(pattern) {
                let built = GlobBuilder::new(&variant)
                    .literal_separator(true)
                    .build()
                    .map_err(|error| SearchError::BadGlob {
                        glob: glob.clone(),
                        detail: error.kind().to_string(),
                    })?;
                set.add(built);
            }
        }
        let build = |set: &GlobSetBuilder| {
            set.build().map_err(|error| SearchError::BadGlob {
                glob: globs.join(", "),
                detail: error.to_string(),
            })
        };
        Ok(Self {
            included: any_included.then(|| build(&included)).transpose()?,
            excluded: build(&excluded)?,
        })
    }

    fn admits(&self, path: &str) -> bool {
        self.included.as_ref().is_none_or(|set| set.is_match(path)) && !self.excluded.is_match(path)
    }
}

/// What a user means by a path filter, as gitignore reads it: a name without
/// `/` is looked for in every folder, and a folder stands for all below it.
fn variants(pattern: &str) -> Vec<String> {
    let anchored = pattern.strip_prefix("./").unwrap_or(pattern);
    let trimmed = anchored.trim_end_matches('/').trim_start_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return vec!["**".to_owned()];
    }
    let base = if trimmed.contains('/') {
        trimmed.to_owned()
    } else {
        format!("**/{trimmed}")
    };
    vec![format!("{base}/**"), base]
}

/// The rows of `view` that pass.
pub(crate) fn allowed(
    snapshot: &Snapshot,
    view: &RowSet,
    filters: &Filters,
) -> Result<RowSet, SearchError> {
    if filters.is_empty() {
        return Ok(view.clone());
    }
    let paths = PathFilter::new(&filters.paths)?;
    let only: Option<HashSet<&str>> = filters
        .only_files
        .as_ref()
        .map(|files| files.iter().map(String::as_str).collect());
    let mut set = RowSet::none(view.len());
    let mut file: Option<(u32, bool)> = None;
    for row in view.iter() {
        // Rows of a file follow each other: its path is looked at once.
        let number = snapshot.file_of_row(row);
        let admitted = match file {
            Some((same, admitted)) if same == number => admitted,
            _ => {
                let (path, _, _) = snapshot.file(number);
                let admitted =
                    paths.admits(path) && only.as_ref().is_none_or(|only| only.contains(path));
                file = Some((number, admitted));
                admitted
            }
        };
        if !admitted {
            continue;
        }
        let (kind, language) = snapshot.kind_and_language(row);
        // A small definition may share a chunk with its siblings.
        let kind_passes = filters.kinds.is_empty()
            || filters.kinds.contains(&kind)
            || snapshot.defines_kind(row, &filters.kinds);
        let language_passes = filters.languages.is_empty() || filters.languages.contains(&language);
        if kind_passes && language_passes {
            set.insert(row);
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(globs: &[&str], path: &str) -> bool {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        PathFilter::new(&globs).expect("globs").admits(path)
    }

    #[test]
    fn names_folders_and_exclusions() {
        assert!(admits(&[], "src/a.rs"));
        assert!(admits(&["*.rs"], "src/a.rs"));
        assert!(admits(&["src"], "src/deep/a.rs"));
        assert!(admits(&["src/"], "lib/src/a.rs"));
        assert!(admits(&["src/**/a.rs"], "src/a.rs"));
        assert!(!admits(&["src/*.rs"], "src/deep/a.rs"));
        assert!(!admits(&["!tests"], "tests/a.rs"));
        assert!(admits(&["!tests"], "src/a.rs"));
        assert!(!admits(&["*.rs", "!a.rs"], "src/a.rs"));
        assert!(admits(&["./src/a.rs"], "src/a.rs"));
        assert!(admits(&["."], "anything"));
    }

    #[test]
    fn a_broken_glob_is_named() {
        let error = PathFilter::new(&["a[".to_owned()]).err().expect("refused");
        assert!(error.to_string().contains("a["), "{error}");
        assert!(error.is_bad_request());
    }
}
