//! Bounds on what one request may cost and on how many may run: size and time
//! of its body, time until its answer, and the gate before the index.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;
use crate::state::AppState;

/// Longest path with its query, in bytes.
const MAX_PATH_BYTES: usize = 8 << 10;
/// What is read of a body that is too large, so that the client, still
/// sending, comes to see the answer.
const MAX_DRAINED_BYTES: usize = 32 << 20;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Lets `max_concurrent` through at once, keeps `max_waiting` waiting, refuses
/// the rest.
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    max_running: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// Counts one that waits, until it is dropped.
struct Waiting<'gate>(&'gate AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new(max_concurrent: usize, max_waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(max_concurrent)),
            max_running: max_concurrent,
            waiting: AtomicUsize::new(0),
            max_waiting,
        }
    }

    /// How many run, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let free = self.running.available_permits();
        let waiting = self.waiting.load(Ordering::Relaxed);
        (self.max_running.saturating_sub(free), waiting)
    }

    /// Waits for a place. The permit goes along with the work, so that work
    /// whose request has timed out still counts.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let running = Arc::clone(&self.running);
        if let Ok(permit) = Arc::clone(&running).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            return Err(Problem::overloaded(format!(
                "{} requests wait already; ask again in a moment",
                self.max_waiting
            ))
            .retry_after(1));
        }
        running
            .acquire_owned()
            .await
            .map_err(|_| Problem::unavailable("the service ends").retry_after(5))
    }
}

/// Answers 503 when the answer takes too long.
pub(crate) async fn in_time(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let limit = Duration::from_secs(state.limits().timeout_seconds);
    timeout(limit, next.run(request)).await.map_err(|_| {
        Problem::timed_out(format!(
            "no answer within {} s; ask for less",
            limit.as_secs()
        ))
        .retry_after(1)
    })
}

/// Reads each body before anything looks at the request: whole, bounded in
/// bytes and time. So no refusal leaves a body unread, which would reset the
/// connection under the answer.
pub(crate) async fn body_within(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let limits = state.limits();
    let (parts, body) = request.into_parts();
    let max = limits.max_body_bytes;
    let time = Duration::from_secs(limits.timeout_seconds);
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut stream = body.into_data_stream();
    let is_too_large = announced.is_some_and(|length| length > max as u64);
    let bytes = if is_too_large {
        None
    } else {
        timeout(time, read(&mut stream, max)).await.map_err(|_| {
            Problem::slow_body(format!(
                "the body did not arrive within {} s",
                time.as_secs()
            ))
        })??
    };
    let Some(bytes) = bytes else {
        if !parts.headers.contains_key(header::EXPECT) {
            let _ = timeout(DRAIN_TIME, drain(&mut stream)).await;
        }
        return Err(Problem::too_large(format!(
            "the body has more than {max} bytes"
        )));
    };
    if parts
        .uri
        .path_and_query()
        .is_some_and(|path| path.as_str().len() > MAX_PATH_BYTES)
    {
        return Err(Problem::too_long(format!(
            "the path has more than {MAX_PATH_BYTES} bytes"
        )));
    }
    Ok(next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await)
}

/// The whole body, or `None` when it has more than `max` bytes.
async fn read(
    stream: &mut (impl Stream<Item = Result<Bytes, axum::Error>> + Unpin),
    max: usize,
) -> Result<Option<Bytes>, Problem> {
    let mut all: Vec<u8> = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| {
            tracing::debug!(%error, "a body ended early");
            Problem::bad_request("the body ended before it was complete, or is framed wrongly")
        })?;
        if all.len() + piece.len() > max {
            return Ok(None);
        }
        all.extend_from_slice(&piece);
    }
    Ok(Some(all.into()))
}

async fn drain(stream: &mut (impl Stream<Item = Result<Bytes, axum::Error>> + Unpin)) {
    let mut drained = 0;
    while let Some(Ok(piece)) = stream.next().await {
        drained += piece.len();
        if drained > MAX_DRAINED_BYTES {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_gate_counts_those_who_run_and_wait() {
        let gate = Arc::new(Gate::new(1, 1));
        let first = gate.enter().await.expect("enters");
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter().await.map(drop) }
        });
        while gate.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let refused = gate.enter().await.expect_err("is refused");
        assert_eq!(refused.status().as_u16(), 429);
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 1);
        drop(first);
        waiting.await.expect("ends").expect("enters");
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0);
        drop(gate.enter().await.expect("enters"));
    }
}
