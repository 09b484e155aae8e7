//! `POST /v1/related`: what belongs to a place in the code.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use wherein_core::{RelatedAnswer, limits};
use wherein_index::{Place, Repository};

use crate::access::Access;
use crate::answered::tagged;
use crate::extract::{JsonBody, whole};
use crate::gather;
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// Longest path, in characters.
const MAX_PATH_CHARS: usize = 4096;

/// A place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelatedRequest {
    /// Name of the repository.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "shop")]
    repo: String,
    /// Path of the file, as answers show it.
    #[schema(min_length = 1, max_length = 4096, example = "src/auth/login.rs")]
    path: String,
    /// The line, 1-based.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 4_194_304, value_type = u32, required, example = 2)]
    line: Option<usize>,
    /// How many similar spans at most; the setting `search.results` when not given.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1000)]
    k: Option<usize>,
}

/// What belongs to the definition at a place, or to the next one after it: who calls it,
/// what it calls, and what resembles it. The file is looked up in the index; nothing
/// else is read.
#[utoipa::path(post, path = "/v1/related", tag = "search", operation_id = "related",
    request_body(content = RelatedRequest),
    responses(
        (status = 200, description = "Callers, callees, and similar spans, best first", body = RelatedAnswer),
        (status = 404, description = "The repository is not registered, or has no such file", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Nothing is indexed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The request breaks a rule", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Being indexed, or too slow; `Retry-After` says when to ask again", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn related(
    State(state): State<AppState>,
    access: Access,
    JsonBody(request): JsonBody<RelatedRequest>,
) -> Result<Response, Problem> {
    let served = state.find(&access, &request.repo)?;
    let k = request.k.unwrap_or(state.results());
    if !(1..=limits::MAX_RESULTS).contains(&k) {
        return Err(Problem::bad_query(format!(
            "k is {k}; it must be 1 to {}",
            limits::MAX_RESULTS
        )));
    }
    let place = place(request)?;
    let metrics = Arc::clone(state.metrics());
    let answer = state
        .blocking(move |state| {
            let question = |one: &Repository| one.related(&place, k, &[], None);
            let mut answer = gather::answer(state, &served, question, |answer| &mut answer.index)?;
            answer.callers_complete &= answer.index.fresh;
            for hit in answer.hits.iter_mut().chain([&mut answer.of]) {
                hit.repo = Some(served.name.clone());
            }
            Ok(answer)
        })
        .await?;
    let began = Instant::now();
    let response = tagged(&answer);
    metrics.stage("write", began.elapsed());
    response
}

fn place(request: RelatedRequest) -> Result<Place, Problem> {
    let chars = request.path.chars().count();
    if !(1..=MAX_PATH_CHARS).contains(&chars) {
        return Err(Problem::bad_query(format!(
            "the path has {chars} characters; it must have 1 to {MAX_PATH_CHARS}"
        )));
    }
    let line = request.line.and_then(|line| u32::try_from(line).ok());
    let line = line.filter(|line| (1..=limits::MAX_LINE).contains(line));
    let Some(line) = line else {
        return Err(Problem::bad_query(format!(
            "`line` is missing or no line; it must be 1 to {}",
            limits::MAX_LINE
        )));
    };
    Ok(Place {
        path: request.path,
        line,
    })
}
