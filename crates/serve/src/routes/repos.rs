//! `/v1/repos`: which repositories are served, and bringing them up to date.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::access::{Access, Admin};
use crate::extract::{JsonBody, OptionalJsonBody, RepoName};
use crate::job::{JobView, Wish};
use crate::problem::{Problem, ProblemDetails};
use crate::routes::nullable_list;
use crate::served::Served;
use crate::state::AppState;

/// Most paths in one request to index.
const MAX_PATHS: usize = 256;

/// What can be asked of a repository now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RepoCondition {
    /// It can be searched.
    Indexed,
    /// Its first index is being built.
    Indexing,
    /// It has no index.
    Unindexed,
    /// Its folder or its index cannot be opened.
    Unavailable,
}

/// A registered repository.
#[derive(Serialize, ToSchema)]
pub(crate) struct RepoState {
    /// Its name in this service.
    name: String,
    /// Absolute path of the checkout.
    path: String,
    /// What can be asked of it.
    state: RepoCondition,
    /// What is indexed.
    index: Option<RepoIndex>,
    /// The job that waits or runs for it.
    job: Option<JobView>,
    /// Why it is unavailable.
    error: Option<String>,
}

/// What is indexed of a repository.
#[derive(Serialize, ToSchema)]
pub(crate) struct RepoIndex {
    /// Counts commits of the index.
    generation: u64,
    /// Git's HEAD when it was brought up to date; null outside git.
    head: Option<String>,
    /// Whether every file was seen, not long ago, to be as indexed.
    fresh: bool,
    /// Whether the last run saw every file.
    complete: bool,
    /// Files known to differ from the index.
    pending_files: u64,
    /// Whether changes are told by the operating system; else it is looked at now and
    /// then.
    watched: bool,
    /// When it was brought up to date, in seconds since the epoch.
    indexed_at: u64,
    /// Files in the index.
    files: u64,
    /// Chunks in the index.
    chunks: u64,
}

/// All registered repositories.
#[derive(Serialize, ToSchema)]
pub(crate) struct RepoList {
    /// By name.
    repos: Vec<RepoState>,
}

/// What to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    /// Absolute path of a folder on the machine of the service.
    #[schema(min_length = 1, max_length = 4096, pattern = r"^/[^\u0000]*$", value_type = String)]
    path: PathBuf,
}

/// How to bring a repository up to date.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexRequest {
    /// Relative paths that are known to have changed. A hint: whatever has
    /// changed is found and indexed with them.
    #[serde(default)]
    #[schema(schema_with = path_list)]
    paths: Option<Vec<String>>,
    /// Forget what is there and build the index anew.
    #[serde(default)]
    full: Option<bool>,
}

impl RepoState {
    /// Reads the disk when the repository is not open yet.
    fn of(state: &AppState, served: &Arc<Served>) -> Self {
        let job = state.jobs().active(served).map(|job| job.view());
        let mut view = Self {
            name: served.name.clone(),
            path: served.root.to_string_lossy().into_owned(),
            state: RepoCondition::Unindexed,
            index: None,
            error: None,
            job,
        };
        let repository = match served.repository() {
            Ok(repository) => repository,
            Err(error) => {
                view.state = RepoCondition::Unavailable;
                view.error = Some(error.to_string());
                return view;
            }
        };
        view.index = repository.with_view(|current, index| {
            let pending_files = repository.pending_files();
            RepoIndex {
                generation: current.snapshot.generation(),
                head: index.head.clone(),
                fresh: index.complete
                    && repository.is_fresh()
                    && served.is_seen_within(state.fresh_age()),
                complete: index.complete,
                pending_files,
                watched: repository.is_followed(),
                indexed_at: index.indexed_at_s,
                files: index.files.len() as u64,
                chunks: current.rows.count() as u64,
            }
        });
        view.state = match (&view.index, &view.job) {
            (Some(_), _) => RepoCondition::Indexed,
            (None, Some(_)) => RepoCondition::Indexing,
            (None, None) => RepoCondition::Unindexed,
        };
        view
    }
}

/// Paths as `check_paths` takes them.
fn path_list() -> Schema {
    let path = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(r"^(?!/)(?!([\s\S]*/)?\.\.(/|$))[^\u0000]+$"));
    nullable_list(path, MAX_PATHS)
}

/// A header that says where something is.
type At = [(HeaderName, HeaderValue); 1];

fn at(path: &str) -> Result<At, Problem> {
    let value =
        HeaderValue::from_str(path).map_err(|_| Problem::internal("a name is no header"))?;
    Ok([(header::LOCATION, value)])
}

/// All registered repositories.
#[utoipa::path(get, path = "/v1/repos", tag = "repositories", operation_id = "list_repos",
    responses((status = 200, description = "By name", body = RepoList)))]
pub(crate) async fn list_repos(
    State(state): State<AppState>,
    access: Access,
) -> Result<Json<RepoList>, Problem> {
    let work = move |state: &AppState| {
        let repos = state
            .all_for(&access)
            .iter()
            .map(|served| RepoState::of(state, served))
            .collect();
        Ok(RepoList { repos })
    };
    state.blocking(work).await.map(Json)
}

/// One registered repository.
#[utoipa::path(get, path = "/v1/repos/{name}", tag = "repositories", operation_id = "get_repo",
    params(("name" = String, Path, description = "Name of the repository", pattern = "^[A-Za-z0-9._-]{1,64}$")),
    responses(
        (status = 200, description = "Its state", body = RepoState),
        (status = 404, description = "Not registered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Not a name", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn get_repo(
    State(state): State<AppState>,
    access: Access,
    RepoName(name): RepoName,
) -> Result<Json<RepoState>, Problem> {
    let served = state.find(&access, &name)?;
    state
        .blocking(move |state| Ok(RepoState::of(state, &served)))
        .await
        .map(Json)
}

/// Registers a folder under a name and starts to index it. A name that is
/// taken is given to the new folder.
#[utoipa::path(put, path = "/v1/repos/{name}", tag = "repositories", operation_id = "register_repo",
    params(("name" = String, Path, description = "Name of the repository", pattern = "^[A-Za-z0-9._-]{1,64}$")),
    request_body(content = RegisterRequest),
    responses(
        (status = 201, description = "Registered; `job` indexes it", body = RepoState),
        (status = 200, description = "Was registered; `job` brings it up to date", body = RepoState),
        (status = 409, description = "No such folder, too many are registered, or the settings give the name to another folder", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Not a name, not an absolute path, or another shape", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn register_repo(
    State(state): State<AppState>,
    admin: Admin,
    RepoName(name): RepoName,
    JsonBody(request): JsonBody<RegisterRequest>,
) -> Result<(StatusCode, At, Json<RepoState>), Problem> {
    let location = at(&format!("/v1/repos/{name}"))?;
    let work = move |state: &AppState| {
        let before = state.get(&name);
        let root = before.as_ref().map(|served| served.root.as_path());
        admin.may_register(&name, &request.path, root)?;
        let (served, is_new) = state.register(&name, &request.path)?;
        let job = match state.ask(&served, Wish::Asked { full: false }) {
            Ok(job) => Some(job),
            Err(problem) => {
                tracing::warn!(?problem, repo = name, "registered, but not indexed yet");
                None
            }
        };
        let mut repo = RepoState::of(state, &served);
        // It may be over by now, and its id is what the answer is for.
        repo.job = repo.job.or_else(|| Some(job?.view()));
        Ok((is_new, repo))
    };
    let (is_new, repo) = state.blocking(work).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, location, Json(repo)))
}

/// Takes a repository out of the registry and stops its job. Its index stays on
/// disk, for the command line, or when it is registered again.
#[utoipa::path(delete, path = "/v1/repos/{name}", tag = "repositories", operation_id = "unregister_repo",
    params(("name" = String, Path, description = "Name of the repository", pattern = "^[A-Za-z0-9._-]{1,64}$")),
    responses(
        (status = 204, description = "No longer served"),
        (status = 404, description = "Not registered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "The settings name it", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Not a name", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn unregister_repo(
    State(state): State<AppState>,
    Admin(access): Admin,
    RepoName(name): RepoName,
) -> Result<StatusCode, Problem> {
    state.find(&access, &name)?;
    state.blocking(move |state| state.unregister(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a repository up to date. While a job waits or runs for it, that one
/// is answered; it sees whatever was on disk at the time of this request.
#[utoipa::path(post, path = "/v1/repos/{name}/index", tag = "repositories", operation_id = "index_repo",
    params(("name" = String, Path, description = "Name of the repository", pattern = "^[A-Za-z0-9._-]{1,64}$")),
    request_body(content = Option<IndexRequest>),
    responses(
        (status = 202, description = "The job that does it", body = JobView),
        (status = 404, description = "Not registered", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Another shape, or a path outside", body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn index_repo(
    State(state): State<AppState>,
    Admin(access): Admin,
    RepoName(name): RepoName,
    OptionalJsonBody(request): OptionalJsonBody<IndexRequest>,
) -> Result<(StatusCode, At, Json<JobView>), Problem> {
    let served = state.find(&access, &name)?;
    check_paths(request.paths.as_deref().unwrap_or_default())?;
    let full = request.full.unwrap_or(false);
    let job = state.ask(&served, Wish::Asked { full })?;
    let location = at(&format!("/v1/jobs/{}", job.id))?;
    Ok((StatusCode::ACCEPTED, location, Json(job.view())))
}

/// A hint is no reason to read outside of the root, nor to look as if it were.
fn check_paths(paths: &[String]) -> Result<(), Problem> {
    if paths.len() > MAX_PATHS {
        return Err(Problem::bad_path(format!(
            "{} paths; at most {MAX_PATHS} are taken, or none at all",
            paths.len()
        )));
    }
    for path in paths {
        let is_inside = !path.is_empty()
            && !path.starts_with('/')
            && !path.contains('\0')
            && path.split('/').all(|part| part != "..");
        if !is_inside {
            return Err(Problem::bad_path(format!(
                "{path:?} is not a path relative to the root"
            )));
        }
    }
    Ok(())
}
