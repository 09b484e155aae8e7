//! `/healthz` and `/readyz`: whether the process lives, and whether it answers.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Access;
use crate::gauges;
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

/// What was counted and how things stand, for Prometheus: requests and their times by
/// route, stages of searches, problems, jobs, repositories, connections, memory.
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    access: Access,
) -> Result<impl IntoResponse, Problem> {
    // A folder's size is looked up; the gate is for searches, which this must not wait for.
    let written = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        state.metrics().write(&mut text)?;
        gauges::write(&state, &access, &mut text)?;
        Ok::<_, std::fmt::Error>(text)
    });
    let text = written.await.map_err(|_| std::fmt::Error).flatten();
    let text = text.map_err(|_| Problem::internal("the metrics cannot be written"))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text))
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

/// Whether requests are answered: once the indexes that were there at the start are open,
/// and until the end.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses(
        (status = 200, description = "They are", body = Health),
        (status = 503, description = "Indexes are being opened, or the service ends", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    if state.is_ending() {
        return Err(Problem::unavailable("the service ends").retry_after(5));
    }
    if !state.is_loaded() {
        let all = state.all();
        let open = all.iter().filter(|served| served.opened().is_some());
        return Err(Problem::unavailable(format!(
            "{} of {} repositories are open",
            open.count(),
            all.len()
        ))
        .retry_after(1));
    }
    Ok(Json(Health {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
    }))
}
