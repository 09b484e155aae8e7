//! The HTTP service: routes, jobs, limits, problem details, `OpenAPI`.
//!
//! [`serve`] listens and answers; everything under `src/routes` is one route
//! with its description. What a request passes on its way in, outermost first:
//! `observe` (number, log, problem documents), the panic catcher, `limits`
//! (body), `guard` (host, origin, token), `limits` (time), the route.

#![cfg_attr(
    test,
    allow(clippy::expect_used, reason = "a test that cannot go on panics")
)]

mod access;
mod answered;
mod connections;
mod error;
mod extract;
mod filler;
mod gather;
mod gauges;
mod guard;
mod job;
mod jobs;
mod limits;
mod mcp;
mod metrics;
mod observe;
mod problem;
mod process;
mod refresher;
mod register;
mod registry;
mod reload;
mod routes;
mod running;
mod served;
mod server;
mod state;
mod tell;
mod unfinished;

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub use access::{Token, TokenScope, Tokens};
pub use error::ServeError;
pub use mcp::{WorkspaceOptions, serve_stdio};
pub use reload::Reload;
pub use server::serve;
pub use state::AppState;
pub use tell::tell;

use crate::problem::Problem;

/// How the service is started.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What `Authorization: Bearer` has to carry one of; required unless `listen` is a
    /// loopback address.
    pub tokens: Tokens,
    /// Settings of the service, and of repositories that have none of their own.
    pub settings: wherein_index::Settings,
    /// The folder of the indexes and of the registry.
    pub home: PathBuf,
    /// Registered (and indexed) at the start, as if by `PUT /v1/repos/{name}`.
    pub repositories: Vec<(String, PathBuf)>,
    /// How settings are read again while the service runs.
    pub reload: Option<Reload>,
}

/// All routes behind all layers.
pub fn router(state: AppState) -> Router {
    let (routes, _) = routes::openapi::all_routes().split_for_parts();
    let routes = routes
        .merge(routes::page::routes())
        .merge(mcp::service(&state));
    layered(routes, state)
}

/// The description of all routes, `OpenAPI` 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::openapi::described()
}

fn layered(routes: Router<AppState>, state: AppState) -> Router {
    routes
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), limits::in_time))
        .layer(from_fn_with_state(state.clone(), guard::guard))
        // Bounded by `body_within`, with an answer of our own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state.clone(), limits::body_within))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(state.clone(), observe::observe))
        // Outermost, so that problem documents are written before; quick rather than
        // small, since most ask from the same machine.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(state)
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::unknown_route(format!(
        "{:?} is no route; /openapi.json describes them all",
        uri.path()
    ))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::wrong_method(format!(
        "{:?} does not take {method}; the header `Allow` says what it takes",
        uri.path()
    ))
}

#[cfg(test)]
mod tests;
