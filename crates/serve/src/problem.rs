//! Problem details (RFC 9457): the one shape in which everything that fails is
//! answered.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use wherein_index::IndexError;

/// Media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document as it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Names the sort of problem: `urn:wherein:problem:` and a word.
    #[serde(rename = "type")]
    #[schema(example = "urn:wherein:problem:unknown-repository")]
    kind: String,
    /// The sort of problem in a few words; the same for each of its type.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
    /// This one answer: `urn:wherein:request:` and the `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The job that will mend it, where one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

/// A failure on its way to becoming a response.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    document: Box<ProblemDetails>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Marks a response that tells its failure in its own way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Documented;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident, $status:ident, $kind:literal, $title:literal;)*) => {
        impl Problem {
            $($(#[$doc])* pub(crate) fn $name(detail: impl Into<String>) -> Self {
                Self::new(StatusCode::$status, $kind, $title, detail.into())
            })*
        }
    };
}

problems! {
    /// The request is not one of HTTP as it should be.
    bad_request, BAD_REQUEST, "bad-request", "The request is malformed";
    /// The body is no JSON.
    bad_json, BAD_REQUEST, "bad-json", "The body is not JSON";
    /// The body is JSON of another shape.
    bad_body, UNPROCESSABLE_ENTITY, "bad-body", "The body does not fit the schema";
    /// The query breaks a rule.
    bad_query, UNPROCESSABLE_ENTITY, "bad-query", "The query cannot be answered";
    /// A filter breaks a rule.
    bad_filter, UNPROCESSABLE_ENTITY, "bad-filter", "A filter cannot be used";
    /// A name of a repository breaks the rules.
    bad_name, UNPROCESSABLE_ENTITY, "bad-name", "The name cannot be used";
    /// A path that none can have.
    bad_path, UNPROCESSABLE_ENTITY, "bad-path", "The path cannot be used";
    /// A folder is not there, or cannot be served.
    no_folder, CONFLICT, "no-folder", "There is no such folder to serve";
    /// The token is missing or another.
    unauthorized, UNAUTHORIZED, "unauthorized", "A token is required";
    /// The token may not do that.
    out_of_scope, FORBIDDEN, "scope", "The token may not do this";
    /// A page of another site asks.
    foreign_origin, FORBIDDEN, "foreign-origin", "The request comes from another site";
    /// The path is no route.
    unknown_route, NOT_FOUND, "unknown-route", "There is no such route";
    /// The name is not registered.
    unknown_repository, NOT_FOUND, "unknown-repository", "There is no such repository";
    /// Nothing is indexed at a place.
    unknown_place, NOT_FOUND, "unknown-place", "There is no such place in the index";
    /// The job is not known, or forgotten.
    unknown_job, NOT_FOUND, "unknown-job", "There is no such job";
    /// The route has no such method.
    wrong_method, METHOD_NOT_ALLOWED, "wrong-method", "The route does not take this method";
    /// The body did not arrive in time.
    slow_body, REQUEST_TIMEOUT, "slow-body", "The body did not arrive in time";
    /// The repository has no such revision, or no git.
    unknown_revision, CONFLICT, "unknown-revision", "The repository has no such revision";
    /// There is nothing to search.
    not_indexed, CONFLICT, "not-indexed", "The repository is not indexed";
    /// One more would be too many.
    too_many_repositories, CONFLICT, "too-many-repositories", "Too many repositories are registered";
    /// The settings say otherwise.
    set_repository, CONFLICT, "set-repository", "The settings name this repository";
    /// The body is too large.
    too_large, PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    /// The address is too long.
    too_long, URI_TOO_LONG, "path-too-long", "The path of the request is too long";
    /// The header fields are too many or too long.
    large_header, REQUEST_HEADER_FIELDS_TOO_LARGE, "header-too-large", "The header is too large";
    /// The body is not said to be JSON.
    unsupported_type, UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not of a type that is taken";
    /// The name in `Host` is not ours.
    misdirected, MISDIRECTED_REQUEST, "foreign-host", "The request is for another host";
    /// Too much is running.
    overloaded, TOO_MANY_REQUESTS, "overloaded", "Too many requests are waiting";
    /// A bug, or a disk that fails.
    internal, INTERNAL_SERVER_ERROR, "internal", "The service failed";
    /// Not now, but soon.
    unavailable, SERVICE_UNAVAILABLE, "unavailable", "The service cannot answer now";
    /// It took too long.
    timed_out, SERVICE_UNAVAILABLE, "timeout", "The request took too long";
}

/// Longest detail, in bytes: it may repeat what was sent.
const MAX_DETAIL_BYTES: usize = 2 << 10;

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, mut detail: String) -> Self {
        if detail.len() > MAX_DETAIL_BYTES {
            detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
            detail.push('…');
        }
        Self {
            status,
            document: Box::new(ProblemDetails {
                kind: format!("urn:wherein:problem:{kind}"),
                title,
                status: status.as_u16(),
                detail,
                instance: None,
                job: None,
            }),
            headers: Vec::new(),
        }
    }

    /// Says when to ask again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Names the job to wait for.
    pub(crate) fn job(mut self, id: &str) -> Self {
        self.document.job = Some(id.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Names the request that it answers.
    pub(crate) fn instance(mut self, request: &str) -> Self {
        self.document.instance = Some(format!("urn:wherein:request:{request}"));
        self
    }

    /// The sort of problem.
    pub(crate) fn kind(&self) -> &str {
        &self.document.kind
    }

    /// What is wrong, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.document.detail
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// For an answer without a document of its own (made below the routes).
    pub(crate) fn for_status(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("The request failed");
        let detail = "see /openapi.json for what each route takes".to_owned();
        Self::new(status, "http", title, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&*self.document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        // The outermost layer finds it here and adds the request's number.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        if matches!(error, IndexError::NoSuchPlace { .. }) {
            return Self::unknown_place(error.to_string());
        }
        if matches!(error, IndexError::Walk(_)) && error.is_bad_request() {
            return Self::unknown_revision(error.to_string());
        }
        if error.is_bad_request() {
            return Self::bad_query(error.to_string());
        }
        if error.is_locked() {
            return Self::unavailable(error.to_string()).retry_after(1);
        }
        if matches!(error, IndexError::NotIndexed { .. }) {
            return Self::not_indexed(error.to_string());
        }
        tracing::error!(%error, "the index failed");
        Self::internal(error.to_string())
    }
}
