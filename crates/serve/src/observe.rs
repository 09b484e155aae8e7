//! Around every request: its id, its line in the log, its counters, a problem document for
//! whatever failed, and the headers that every answer has.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Documented, Problem};
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Longest id that is taken over from a client.
const MAX_ID_BYTES: usize = 64;

/// The outermost layer.
pub(crate) async fn observe(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(|| state.number_request().to_string());
    let trace = trace_of(request.headers()).unwrap_or_default();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let (mut response, problem) = explained(next.run(request).await, &id);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let took = began.elapsed();
    let status = response.status().as_u16();
    state
        .metrics()
        .answered(method.as_str(), &route, status, took);
    if let Some(kind) = &problem {
        state.metrics().problem(kind);
    }
    let ms = took.as_secs_f64() * 1000.0;
    let problem = problem.unwrap_or_default();
    tracing::info!(id, trace, %method, path, status, ms, problem, "request");
    response
}

/// The id that a client or a proxy gave the request, when it can stand in a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    ((1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

/// The trace that the request is part of (W3C Trace Context: `00-TRACE-PARENT-FLAGS`).
fn trace_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(TRACE_PARENT)?.to_str().ok()?;
    let trace = value.split('-').nth(1)?;
    let is_one = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| trace.to_owned())
}

/// Gives every failure its document, and the document its request; tells the sort of
/// problem.
fn explained(mut response: Response, id: &str) -> (Response, Option<String>) {
    let status = response.status();
    if response.extensions_mut().remove::<Documented>().is_some() {
        return (response, None);
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => Problem::for_status(status),
        None => return (response, None),
    };
    let kind = problem.kind().to_owned();
    let mut headers = std::mem::take(response.headers_mut());
    let mut response = problem.instance(id).into_response();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    response.headers_mut().extend(headers);
    (response, Some(kind))
}

/// What a panic is answered with; the panic itself is on stderr.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the panic catcher gives it away"
)]
pub(crate) fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(text, "a request panicked");
    Problem::internal("the request ended by a bug of wherein; see the log").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_traces_are_taken_over_when_they_are_plain() {
        let with = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).expect("value"));
            headers
        };
        let id = |value: &str| given_id(&with("x-request-id", value));
        assert_eq!(id("a-1.b_2").as_deref(), Some("a-1.b_2"));
        for bad in ["", "a b", "a\u{e4}", "a\"b", &"x".repeat(65)] {
            assert_eq!(id(bad), None, "{bad}");
        }
        let trace = |value: &str| trace_of(&with("traceparent", value));
        let number = "4bf92f3577b34da6a3ce929d0e0e4736";
        let whole = format!("00-{number}-00f067aa0ba902b7-01");
        assert_eq!(trace(&whole).as_deref(), Some(number));
        assert_eq!(trace("00-xyz-00f067aa0ba902b7-01"), None);
    }
}
