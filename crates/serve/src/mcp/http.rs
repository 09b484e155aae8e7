//! MCP over HTTP, at `/mcp`: each request for itself, no sessions. Host, origin and token
//! are checked by the layers that all routes have.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tower::ServiceExt;

use super::Mcp;
use super::reach::Reach;
use crate::access::Access;
use crate::problem::{Documented, Problem};
use crate::state::AppState;

/// The route, to be merged before the layers.
pub(crate) fn service(state: &AppState) -> Router<AppState> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(state.limits().max_body_bytes)
        // The guard has looked at it: this service may have other names than loopback's.
        .disable_allowed_hosts();
    let state = state.clone();
    let sessions = Arc::new(NeverSessionManager::default());
    let answered = tower::service_fn(move |request: Request| {
        // Put there by the guard; nothing exists for a request that passed none.
        let access = request.extensions().get::<Access>().cloned();
        let (state, sessions, config) = (state.clone(), Arc::clone(&sessions), config.clone());
        async move {
            let Some(access) = access else {
                return Ok(Problem::internal("a request that passed no guard").into_response());
            };
            let mcp = StreamableHttpService::new(
                move || Ok(Mcp::new(state.clone(), Reach::Registered(access.clone()))),
                sessions,
                config,
            );
            let response: Response = match mcp.oneshot(request).await {
                Ok(response) => response.map(Body::new).into_response(),
                Err(never) => match never {},
            };
            Ok::<_, Infallible>(documented(response))
        }
    });
    Router::new().route_service("/mcp", answered)
}

/// Its failures are messages of the protocol, which no problem document may replace.
fn documented(mut response: Response) -> Response {
    response.extensions_mut().insert(Documented);
    response
}
