//! `POST /v1/search`: ranked spans of one repository or of several.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use wherein_core::{ChunkKind, Filters, Language, Mode, Query, SearchAnswer, limits};

use wherein_index::SearchOptions;

use crate::extract::{JsonBody, Object, whole};
use crate::gather;
use crate::problem::{Problem, ProblemDetails};
use crate::routes::nullable_list;
use crate::served::Served;
use crate::state::AppState;

/// Longest glob, in characters.
const MAX_GLOB_CHARS: usize = 1024;

/// A search.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchRequest {
    /// A question in words, the name of a symbol, or a regular expression with
    /// `mode` `regex`; at most 16384 bytes.
    #[schema(
        min_length = 1,
        max_length = 16384,
        pattern = r"[^\s\u0085]",
        example = "where is auth handled"
    )]
    query: String,
    /// Names of repositories; none or an empty list is all that are registered.
    #[serde(default)]
    #[schema(max_items = 64)]
    repos: Option<Vec<String>>,
    /// How many hits at most; the setting `search.results` when not given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "whole")]
    k: Option<usize>,
    /// How to search.
    #[serde(default)]
    mode: Option<Mode>,
    /// What a hit must satisfy.
    #[serde(default)]
    #[schema(value_type = Option<SearchFilters>)]
    filters: Option<Object<SearchFilters>>,
    /// Whether hits carry how their score came about.
    #[serde(default)]
    explain: Option<bool>,
}

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

/// Searches. With one repository `index` is its state; with several it is made
/// of theirs: `repo` is empty, `head` null, `generation` and `pending_files`
/// are sums, `fresh` says whether all are, `vector_coverage` is the mean by
/// chunks, `model` names each once. What has just been written is brought in
/// first, for half a second at most; `fresh` says that nothing is left. Of a
/// repository that cannot be watched it needs a look at every file not longer
/// ago than twice the setting `serve.refresh_seconds`; when the last look is
/// old, a search starts one and does not wait for it.
#[utoipa::path(post, path = "/v1/search", tag = "search", operation_id = "search",
    request_body(content = SearchRequest),
    responses(
        (status = 200, description = "Best first; each hit carries `repo`", body = SearchAnswer),
        (status = 404, description = "A repository is not registered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Nothing is indexed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The query breaks a rule", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Being indexed, or too slow; `Retry-After` says when to ask again", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn search(
    State(state): State<AppState>,
    JsonBody(mut request): JsonBody<SearchRequest>,
) -> Result<Json<SearchAnswer>, Problem> {
    let names = request.repos.take().unwrap_or_default();
    let query = checked(request, state.results())?;
    let scope = scope(&state, &names)?;
    let answer = state
        .blocking(move |state| gather::search(state, &scope, &query, &SearchOptions::default()))
        .await?;
    Ok(Json(answer))
}

/// The repositories that are meant.
fn scope(state: &AppState, names: &[String]) -> Result<gather::Scope, Problem> {
    if names.is_empty() {
        return Ok(gather::Scope {
            repositories: state.all(),
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
        let served = state.find(name)?;
        if !repositories.iter().any(|one| one.name == served.name) {
            repositories.push(served);
        }
    }
    Ok(gather::Scope {
        repositories,
        is_named: true,
    })
}

fn checked(request: SearchRequest, results: usize) -> Result<Query, Problem> {
    let Object(filters) = request.filters.unwrap_or_default();
    let names = filters.languages.unwrap_or_default();
    let paths = filters.paths.unwrap_or_default();
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
    let query = Query {
        text: request.query,
        k: request.k.unwrap_or(results),
        mode: request.mode.unwrap_or_default(),
        filters: Filters {
            languages,
            paths,
            kinds: filters.kinds.unwrap_or_default(),
            changed_since: filters.changed_since,
            only_files: None,
            below: None,
        },
        explain: request.explain.unwrap_or(false),
        rerank: None,
    };
    query
        .checked()
        .map_err(|error| Problem::bad_query(error.to_string()))
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
