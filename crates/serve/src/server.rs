//! The socket: listening, connections, and an orderly end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ServeOptions;
use crate::error::ServeError;
use crate::guard::Guard;
use crate::running::Announced;
use crate::state::AppState;

/// Most connections; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// How long the head of a request may take, and how long a connection idles.
const HEAD_TIME: Duration = Duration::from_secs(30);
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
    Guard::new(options.listen, options.token.clone())?;
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
    ready(address);

    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let accepting = accept(&listener, &router, &graceful, &mut connections);
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
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

/// Accepts for ever.
async fn accept(
    listener: &TcpListener,
    router: &Router,
    graceful: &GracefulShutdown,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Never closed, so this cannot fail.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let connection = graceful.watch(connection(stream, router.clone()));
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    // Answers are small: they should leave at once.
    let _ = stream.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .half_close(true)
        // Fewer are taken: the guard refuses with a problem document what passes here.
        .max_headers(1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}
