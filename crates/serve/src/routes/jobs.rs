//! `/v1/jobs`: how far index jobs are, once or as they go.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::ToSchema;

use crate::access::{Access, Admin};
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

fn find(state: &AppState, access: &Access, id: &str) -> Result<Arc<Job>, Problem> {
    let job = state.jobs().find(id);
    let job = job.filter(|job| access.has(&job.served.name));
    job.ok_or_else(|| {
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
    access: Access,
    JobId(id): JobId,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(find(&state, &access, &id)?.view()))
}

/// Stops a job that waits or runs: it commits what is done and ends as `cancelled`, and
/// the next job goes on from there. One that is over stays as it is.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 202, description = "It stops", body = JobView),
        (status = 404, description = "No such job", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn cancel_job(
    State(state): State<AppState>,
    Admin(access): Admin,
    JobId(id): JobId,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let job = find(&state, &access, &id)?;
    state.jobs().stop(&job);
    Ok((StatusCode::ACCEPTED, Json(job.view())))
}

/// Index jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobList {
    /// Those that wait or run, then the last ones that are over, the newest first.
    jobs: Vec<JobView>,
}

/// All jobs that somebody asked for: those that wait or run, then the last 256 that are
/// over, the newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    responses((status = 200, description = "The jobs", body = JobList)))]
pub(crate) async fn list_jobs(State(state): State<AppState>, access: Access) -> Json<JobList> {
    let mut jobs = state.jobs().all();
    jobs.retain(|job| access.has(&job.served.name));
    Json(JobList {
        jobs: jobs.iter().map(|job| job.view()).collect(),
    })
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
    access: Access,
    JobId(id): JobId,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = find(&state, &access, &id)?;
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
