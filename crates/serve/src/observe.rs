//! Around every request: its number, its line in the log, a problem document
//! for whatever failed, and the headers that every answer has.

use std::any::Any;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Documented, Problem};
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(crate) async fn observe(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let number = state.number_request();
    let id = number.to_string();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let began = Instant::now();
    let mut response = explained(next.run(request).await, &id);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from(number));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    tracing::info!(id = number, %method, path, status = response.status().as_u16(), ms, "request");
    response
}

/// Gives every failure its document, and the document its request.
fn explained(mut response: Response, id: &str) -> Response {
    let status = response.status();
    if response.extensions_mut().remove::<Documented>().is_some() {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => Problem::for_status(status),
        None => return response,
    };
    let mut headers = std::mem::take(response.headers_mut());
    let mut response = problem.instance(id).into_response();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    response.headers_mut().extend(headers);
    response
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
