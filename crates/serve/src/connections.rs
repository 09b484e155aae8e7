//! Connections: how many there may be, and how long each may take over what.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use crate::problem::Problem;
use crate::state::AppState;

/// How long the head of a request may take, and how long a connection idles.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How many at once are told that there are too many connections; more are ended.
const MAX_TURNED_AWAY: usize = 64;
/// How long that may take.
const TURNING_AWAY: Duration = Duration::from_secs(2);

/// A stream that ends when nothing of an answer is taken for some time.
type Stream = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

/// Accepts for ever.
pub(crate) async fn accept(
    listener: &TcpListener,
    router: &Router,
    state: &AppState,
    graceful: &GracefulShutdown,
) {
    let most = state.limits().max_connections;
    let stalled = Duration::from_secs(state.limits().stalled_seconds);
    let places = Arc::new(Semaphore::new(most));
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many files are open, mostly: some of them are about to be closed.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let stream = with_limits(stream, stalled);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            state.metrics().dropped();
            if let Ok(place) = Arc::clone(&turned_away).try_acquire_owned() {
                tokio::spawn(async move {
                    let _ = timeout(TURNING_AWAY, turn_away(stream, most)).await;
                    drop(place);
                });
            }
            continue;
        };
        let open = state.metrics().connection();
        let metrics = Arc::clone(state.metrics());
        let connection = graceful.watch(connection(stream, router.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
                if is_stalled(&error) {
                    metrics.dropped();
                }
            }
            drop((open, place));
        });
    }
}

fn with_limits(stream: TcpStream, stalled: Duration) -> Stream {
    // Answers are small: they should leave at once.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(stalled));
    TokioIo::new(Box::pin(stream))
}

fn connection(
    stream: Stream,
    router: Router,
) -> http1::Connection<Stream, TowerToHyperService<Router>> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .half_close(true)
        // Fewer are taken: the guard refuses with a problem document what passes here.
        .max_headers(1024)
        .serve_connection(stream, TowerToHyperService::new(router))
}

/// Answers the first request of a connection that is one too many.
async fn turn_away(stream: Stream, most: usize) {
    let service = service_fn(move |_: Request<Incoming>| async move {
        let detail = format!("{most} connections are open already; ask again in a moment");
        let mut response: Response<Body> =
            Problem::unavailable(detail).retry_after(1).into_response();
        let close = header::HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        Ok::<_, Infallible>(response)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TURNING_AWAY)
        .keep_alive(false)
        .serve_connection(stream, service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection that was turned away ended");
    }
}

/// Whether a connection was ended because its client took nothing of its answer.
fn is_stalled(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(one) = cause {
        let is_it = one
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
        if is_it {
            return true;
        }
        cause = one.source();
    }
    false
}
