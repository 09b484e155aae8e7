//! `/healthz` and `/readyz`: whether the process lives, and whether it answers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// A sign of life.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `ready`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Whether the process lives; needs no token.
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz",
    security(()),
    responses((status = 200, description = "It does", body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether requests are answered: after the start, before the end.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses(
        (status = 200, description = "They are", body = Health),
        (status = 503, description = "The service ends", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    if state.is_ending() {
        return Err(Problem::unavailable("the service ends").retry_after(5));
    }
    Ok(Json(Health {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
    }))
}
