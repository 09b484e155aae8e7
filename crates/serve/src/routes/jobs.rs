//! `/v1/jobs`: how far index jobs are, once or as they go.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::ToSchema;

use crate::extract::JobId;
use crate::job::{Job, JobState, JobView};
use crate::problem::{Problem, ProblemDetails};
use crate::state::AppState;

/// A server-sent event, for the description.
#[derive(ToSchema)]
#[expect(dead_code, reason = "events are written as text")]
pub(crate) struct JobEvent {
    /// The state of the job.
    event: JobState,
    /// The job, as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Time between two reports of a job that goes on.
const REPORT_EVERY: Duration = Duration::from_millis(250);

fn find(state: &AppState, id: &str) -> Result<Arc<Job>, Problem> {
    state.jobs().find(id).ok_or_else(|| {
        Problem::unknown_job("there is no such job, or it ended long ago; GET /v1/repos/{name} shows the state of a repository")
    })
}

/// How far an index job is, or what came of it.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "No such job", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn get_job(
    State(state): State<AppState>,
    JobId(id): JobId,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(find(&state, &id)?.view()))
}

/// An index job as it goes: server-sent events named by its state, each with
/// the job as data; the last one is `done`, `failed` or `cancelled`.
#[utoipa::path(get, path = "/v1/jobs/{id}/events", tag = "jobs", operation_id = "follow_job",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "Events until the job is over", body = JobEvent, content_type = "text/event-stream"),
        (status = 404, description = "No such job", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn follow_job(
    State(state): State<AppState>,
    JobId(id): JobId,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = find(&state, &id)?;
    let permit = state.follow()?;
    let follower = Follower {
        states: job.states(),
        job,
        is_first: true,
        _permit: permit,
    };
    let events = stream::unfold(Some(follower), |follower| async {
        let (event, follower) = follower?.next().await;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Follower {
    job: Arc<Job>,
    states: watch::Receiver<JobState>,
    is_first: bool,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event, and itself unless that was the last.
    async fn next(mut self) -> (Event, Option<Self>) {
        if !std::mem::take(&mut self.is_first) {
            // Whichever comes first: another state, or more of the same.
            let _ = tokio::time::timeout(REPORT_EVERY, self.states.changed()).await;
        }
        self.states.mark_unchanged();
        let view = self.job.view();
        let is_over = view.state().is_over();
        let event = Event::default()
            .event(view.state().name())
            .json_data(&view)
            .unwrap_or_default();
        (event, (!is_over).then_some(self))
    }
}
