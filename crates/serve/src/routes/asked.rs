//! What search and context have in common: which repositories are meant, and what a
//! hit must satisfy.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use wherein_core::{ChunkKind, Filters, Language, limits};

use crate::access::Access;
use crate::gather;
use crate::problem::Problem;
use crate::routes::nullable_list;
use crate::served::Served;
use crate::state::AppState;

/// Longest glob, in characters.
const MAX_GLOB_CHARS: usize = 1024;

/// What a hit must satisfy: one of each list that is given.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchFilters {
    /// Names of languages; common other names (`py`, `c++`) are taken too.
    #[serde(default)]
    #[schema(schema_with = language_names)]
    languages: Option<Vec<String>>,
    /// Globs over the relative path (`src/**`, `*.rs`; a leading `!` excludes).
    #[serde(default)]
    #[schema(schema_with = globs)]
    paths: Option<Vec<String>>,
    /// Kinds of spans.
    #[serde(default)]
    #[schema(max_items = 64)]
    kinds: Option<Vec<ChunkKind>>,
    /// Only files that differ from this revision of git (`HEAD`, `main`, `v1~3`)
    /// in each repository that is searched.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 1024,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        example = "HEAD"
    )]
    changed_since: Option<String>,
}

fn language_names() -> Schema {
    let names = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Language::all().map(Language::name)));
    nullable_list(names, limits::MAX_FILTERS)
}

fn globs() -> Schema {
    let glob = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_GLOB_CHARS));
    nullable_list(glob, limits::MAX_FILTERS)
}

/// The repositories that are meant.
pub(crate) fn scope(
    state: &AppState,
    access: &Access,
    names: &[String],
) -> Result<gather::Scope, Problem> {
    if names.is_empty() {
        return Ok(gather::Scope {
            repositories: state.all_for(access),
            is_named: false,
        });
    }
    if names.len() > limits::MAX_FILTERS {
        return Err(Problem::bad_query(format!(
            "{} repositories; at most {} can be named, or none to search all",
            names.len(),
            limits::MAX_FILTERS
        )));
    }
    let mut repositories: Vec<Arc<Served>> = Vec::with_capacity(names.len());
    for name in names {
        let served = state.find(access, name)?;
        if !repositories.iter().any(|one| one.name == served.name) {
            repositories.push(served);
        }
    }
    // The answer does not depend on the order in which they were named.
    repositories.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(gather::Scope {
        repositories,
        is_named: true,
    })
}

impl SearchFilters {
    /// As they are looked for.
    pub(crate) fn checked(self) -> Result<Filters, Problem> {
        let names = self.languages.unwrap_or_default();
        let paths = self.paths.unwrap_or_default();
        // Before the names are looked at one by one.
        let most = names.len().max(paths.len());
        if most > limits::MAX_FILTERS {
            let error = wherein_core::QueryError::TooManyFilters(most);
            return Err(Problem::bad_filter(error.to_string()));
        }
        let languages = names
            .iter()
            .map(|name| language(name))
            .collect::<Result<_, _>>()?;
        let lengths = paths.iter().map(|glob| glob.chars().count());
        if let Some(length) = lengths
            .into_iter()
            .find(|length| !(1..=MAX_GLOB_CHARS).contains(length))
        {
            return Err(Problem::bad_filter(format!(
                "a path filter has {length} characters; it must have 1 to {MAX_GLOB_CHARS}"
            )));
        }
        Ok(Filters {
            languages,
            paths,
            kinds: self.kinds.unwrap_or_default(),
            changed_since: self.changed_since,
            only_files: None,
            below: None,
        })
    }
}

fn language(name: &str) -> Result<Language, Problem> {
    name.parse().map_err(|()| {
        let shown: String = name.chars().take(64).collect();
        let known: Vec<&str> = Language::all().map(Language::name).collect();
        Problem::bad_filter(format!(
            "there is no language {shown:?}; there are {}",
            known.join(", ")
        ))
    })
}
