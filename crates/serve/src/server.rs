//! The service: listening, loading, an orderly end. What becomes of one connection stands
//! in `connections`.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::ServeOptions;
use crate::connections::accept;
use crate::error::ServeError;
use crate::guard::Guard;
use crate::reload::{self, Watched};
use crate::running::Announced;
use crate::state::AppState;

/// How long running requests and jobs may take when the service ends.
const END_TIME: Duration = Duration::from_secs(5);

/// Serves until `shutdown`; `ready` is called with the address once requests
/// are answered.
///
/// Afterwards a search or a job that would not end in time may still run on a
/// thread of its own: end the process, or the runtime with
/// `shutdown_background`. The index is whole at any moment.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    // Refused before anything listens.
    let set = &options.settings.serve;
    Guard::new(
        options.listen,
        options.tokens.clone(),
        &set.hosts,
        &set.origins,
    )?;
    let bind_error = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse {
            address: options.listen,
        },
        _ => ServeError::Bind {
            address: options.listen,
            source,
        },
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let home = options.home.clone();
    let watched = Watched::new(&options);
    let opened = tokio::task::spawn_blocking(move || AppState::open(&options, address)).await;
    let state = match opened {
        Ok(state) => state?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let router = crate::router(state.clone());
    // Without it git hooks index by themselves, which the service notices.
    let announced = Announced::new(&home, address)
        .inspect_err(|error| tracing::warn!(%error, "git hooks will not find this service"))
        .ok();
    tracing::info!(%address, "listening");
    let told = reload::told();
    ready(address);
    let loading = state.clone();
    tokio::task::spawn_blocking(move || loading.load());

    let graceful = GracefulShutdown::new();
    let following = tokio::spawn(reload::follow(state.clone(), watched, told));
    tokio::select! {
        () = accept(&listener, &router, &state, &graceful) => {}
        () = shutdown => {}
    }
    following.abort();
    drop((listener, announced));
    tracing::info!("ending");
    state.end();
    let requests = timeout(END_TIME, graceful.shutdown());
    let jobs = timeout(END_TIME, state.jobs().idle());
    let (requests, jobs) = tokio::join!(requests, jobs);
    if requests.is_err() || jobs.is_err() {
        tracing::warn!(
            requests = requests.is_err(),
            jobs = jobs.is_err(),
            "some did not end within {} s and are cut off",
            END_TIME.as_secs()
        );
    }
    Ok(())
}
