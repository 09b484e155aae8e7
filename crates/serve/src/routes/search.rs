//! `POST /v1/search`: ranked spans of one repository or of several.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use wherein_core::{Mode, Query, SearchAnswer};
use wherein_index::SearchOptions;

use crate::access::Access;
use crate::answered::tagged;
use crate::extract::{JsonBody, Object, whole};
use crate::gather;
use crate::problem::{Problem, ProblemDetails};
use crate::routes::asked::{SearchFilters, scope};
use crate::state::AppState;

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

/// Searches one repository, or several as if they were one: words are weighed by how
/// rare they are in all of them, and hits of all are ranked on one scale. With one
/// repository `index` is its state; with several it is made
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
        (status = 409, description = "Nothing is indexed, or a repository that was named has no such revision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The query breaks a rule", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Being indexed, or too slow; `Retry-After` says when to ask again", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn search(
    State(state): State<AppState>,
    access: Access,
    JsonBody(mut request): JsonBody<SearchRequest>,
) -> Result<Response, Problem> {
    let names = request.repos.take().unwrap_or_default();
    let query = checked(request, state.results())?;
    let scope = scope(&state, &access, &names)?;
    let metrics = Arc::clone(state.metrics());
    let answer = state
        .blocking(move |state| gather::search(state, &scope, &query, &SearchOptions::default()))
        .await?;
    let began = Instant::now();
    let response = tagged(&answer);
    metrics.stage("write", began.elapsed());
    response
}

fn checked(request: SearchRequest, results: usize) -> Result<Query, Problem> {
    let Object(filters) = request.filters.unwrap_or_default();
    let query = Query {
        text: request.query,
        k: request.k.unwrap_or(results),
        mode: request.mode.unwrap_or_default(),
        filters: filters.checked()?,
        explain: request.explain.unwrap_or(false),
        rerank: None,
    };
    query
        .checked()
        .map_err(|error| Problem::bad_query(error.to_string()))
}
