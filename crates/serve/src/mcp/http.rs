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
use crate::problem::Documented;
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
    let mcp = StreamableHttpService::new(
        move || Ok(Mcp::new(state.clone(), Reach::Registered)),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let answered = tower::service_fn(move |request: Request| {
        let mcp = mcp.clone();
        async move {
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
