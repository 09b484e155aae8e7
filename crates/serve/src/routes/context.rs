//! `POST /v1/context`: what answers a question, packed into a text for a prompt.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use wherein_core::{ContextAnswer, Mode, Query, limits};
use wherein_index::{ContextOptions, Format, Member, SpanId};

use crate::access::Access;
use crate::answered::tagged;
use crate::extract::{JsonBody, Object, whole};
use crate::gather;
use crate::problem::{Problem, ProblemDetails};
use crate::routes::asked::{SearchFilters, scope};
use crate::routes::nullable_list;
use crate::state::AppState;

/// Most tokens of a pack: what a model reads well, and what one request may cost.
const MAX_BUDGET_TOKENS: usize = 100_000;
/// Longest name of a span.
const MAX_SPAN_CHARS: usize = 8192;

/// What a context is wanted for, and how large it may be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextRequest {
    /// A question in words, or the name of a symbol; at most 16384 bytes.
    #[schema(
        min_length = 1,
        max_length = 16384,
        pattern = r"[^\s\u0085]",
        example = "where is auth handled"
    )]
    query: String,
    /// Most tokens of the text, counted with `o200k_base`; 4000 when not given.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 100_000)]
    budget_tokens: Option<usize>,
    /// How the text is written; `markdown` when not given.
    #[serde(default)]
    #[schema(schema_with = formats)]
    format: Option<Format>,
    /// Names of repositories; none or an empty list is all that are registered.
    #[serde(default)]
    #[schema(max_items = 64)]
    repos: Option<Vec<String>>,
    /// What a span must satisfy.
    #[serde(default)]
    #[schema(value_type = Option<SearchFilters>)]
    filters: Option<Object<SearchFilters>>,
    /// Spans that the reader has: ids of blocks that were answered before, or
    /// `path:start-end`. What names no indexed file is told as `not_excluded`.
    #[serde(default)]
    #[schema(schema_with = span_ids)]
    exclude: Option<Vec<String>>,
}

fn formats() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(
            Format::ALL
                .iter()
                .map(|format| Some(format.name()))
                .chain([None]),
        ))
        .into()
}

fn span_ids() -> Schema {
    let id = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_SPAN_CHARS));
    nullable_list(id, limits::MAX_EXCLUDED)
}

/// Packs what answers a question into a text for a prompt, never a token over the
/// budget: whole definitions first, signatures where bodies do not fit, nothing twice.
/// Of several repositories each span says which it is of.
#[utoipa::path(post, path = "/v1/context", tag = "search", operation_id = "context",
    request_body(content = ContextRequest),
    responses(
        (status = 200, description = "The text, and what is in it", body = ContextAnswer),
        (status = 404, description = "A repository is not registered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Nothing is indexed, or a repository that was named has no such revision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The request breaks a rule", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Being indexed, or too slow; `Retry-After` says when to ask again", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn context(
    State(state): State<AppState>,
    access: Access,
    JsonBody(request): JsonBody<ContextRequest>,
) -> Result<Response, Problem> {
    let names = request.repos.as_deref().unwrap_or_default();
    let scope = scope(&state, &access, names)?;
    let (query, options, unknown) = checked(request)?;
    let metrics = Arc::clone(state.metrics());
    let mut answer = state
        .blocking(move |state| {
            let question =
                |members: &[Member<'_>]| wherein_index::context(members, &query, &options);
            gather::ask(state, &scope, question, |answer| &mut answer.index)
        })
        .await?;
    answer.not_excluded.extend(unknown);
    let began = Instant::now();
    let response = tagged(&answer);
    metrics.stage("write", began.elapsed());
    response
}

fn checked(request: ContextRequest) -> Result<(Query, ContextOptions, Vec<String>), Problem> {
    let budget_tokens = request
        .budget_tokens
        .unwrap_or(limits::DEFAULT_BUDGET_TOKENS);
    if !(1..=MAX_BUDGET_TOKENS).contains(&budget_tokens) {
        return Err(Problem::bad_query(format!(
            "a budget of {budget_tokens} tokens; it must be 1 to {MAX_BUDGET_TOKENS}"
        )));
    }
    let exclude = request.exclude.unwrap_or_default();
    if exclude.len() > limits::MAX_EXCLUDED {
        return Err(Problem::bad_query(format!(
            "{} spans in `exclude`; at most {} are taken",
            exclude.len(),
            limits::MAX_EXCLUDED
        )));
    }
    let is_one = |id: &String| (1..=MAX_SPAN_CHARS).contains(&id.chars().count());
    if !exclude.iter().all(is_one) {
        return Err(Problem::bad_query(format!(
            "a name in `exclude` has 1 to {MAX_SPAN_CHARS} characters"
        )));
    }
    // What names no span excludes nothing, and is told with the answer.
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for id in exclude {
        match id.parse::<SpanId>() {
            Ok(id) => known.push(id),
            Err(_) => unknown.push(id),
        }
    }
    let Object(filters) = request.filters.unwrap_or_default();
    let query = Query {
        text: request.query,
        filters: filters.checked()?,
        k: limits::DEFAULT_RESULTS,
        mode: Mode::Auto,
        explain: false,
        rerank: None,
    };
    let query = query
        .checked()
        .map_err(|error| Problem::bad_query(error.to_string()))?;
    let options = ContextOptions {
        budget_tokens,
        format: request.format.unwrap_or_default(),
        exclude: known,
        ..ContextOptions::default()
    };
    Ok((query, options, unknown))
}
