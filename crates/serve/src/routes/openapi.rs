//! `/openapi.json`: the description of every route, made from the code.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answered;
use crate::problem::{self, ProblemDetails};
use crate::routes::{context, health, jobs, related, repos, search};
use crate::state::AppState;

/// What any route may answer beside its own.
const COMMON: &[(u16, &str)] = &[
    (400, "Malformed"),
    (401, "A token is required"),
    (
        403,
        "From a page of another site, or not what the token is for",
    ),
    (408, "The body did not arrive in time"),
    (413, "The body is too large"),
    (414, "The path is too long"),
    (421, "For another host"),
    (431, "The header is too large"),
    (
        429,
        "Too much is waiting; `Retry-After` says when to ask again",
    ),
    (500, "The service failed"),
    (
        503,
        "Too slow, or ending; `Retry-After` says when to ask again",
    ),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "wherein",
        description = "Semantic code search: where is it, in which file, in which lines. \
            Every failure is a problem document (RFC 9457)."
    ),
    servers((url = "/")),
    tags(
        (name = "search", description = "Asking"),
        (name = "repositories", description = "What is served"),
        (name = "jobs", description = "Indexing in the background"),
        (name = "operation", description = "Running the service")),
    components(schemas(ProblemDetails)),
    modifiers(&Token)
)]
struct Description;

/// The token is optional: a loopback service has none.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token the service was started with, if any"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let none: [&str; 0] = [];
        document.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new("token", none),
        ]);
    }
}

/// All routes. There is no other way to add one, so none goes undescribed.
pub(crate) fn all_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(search::search))
        .routes(routes!(context::context))
        .routes(routes!(related::related))
        .routes(routes!(repos::list_repos))
        .routes(routes!(
            repos::get_repo,
            repos::register_repo,
            repos::unregister_repo
        ))
        .routes(routes!(repos::index_repo))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::get_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::follow_job))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi_json))
}

/// The description of all routes.
pub(crate) fn described() -> OpenApi {
    let mut document = all_routes().into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            for (status, description) in COMMON {
                let entry = operation.responses.responses.entry(status.to_string());
                entry.or_insert_with(|| RefOr::T(problem_response(description)));
            }
        }
    }
    document
}

fn problem_response(description: &str) -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name("ProblemDetails");
    ResponseBuilder::new()
        .description(description)
        .content(
            problem::MEDIA_TYPE,
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| described().to_pretty_json().unwrap_or_default().into());

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi_json(headers: HeaderMap) -> Response {
    answered::fixed("application/json", DOCUMENT.clone(), &headers)
}
