//! MCP: the four tools, over standard input and output (`stdio`) or HTTP (`http`).
//!
//! `tools` says what there is, `arguments` what a call asks for, `reach` which repository
//! it means, `ready` waits for an index, `answer` writes what was found.

mod answer;
mod arguments;
mod http;
mod reach;
mod ready;
mod stdio;
mod tools;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer};
use rmcp::{ErrorData, model::ErrorCode};
use wherein_core::{Hit, limits};
use wherein_index::{ContextOptions, Place, SearchOptions, SpanId, Status};

use self::arguments::{
    ContextArguments, RelatedArguments, SearchArguments, StatusArguments, read, shown,
};
use self::reach::{Meant, Reach};
use self::ready::{Building, Listener, ready};
use crate::gather;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::AppState;

pub(crate) use http::service;
pub use stdio::{WorkspaceOptions, serve_stdio};

/// Lines that are listed of those where a name stands.
const EXACT_LINES: usize = 100;
/// Repositories that `status` tells of.
const MAX_STATUS: usize = 20;
/// Times that a client is asked for its roots while it does not answer.
const ROOTS_ASKED: u32 = 3;
/// How long a client may take to name its roots.
const ROOTS_TIME: Duration = Duration::from_secs(1);

/// The server as one client sees it.
#[derive(Clone)]
pub(crate) struct Mcp(Arc<Session>);

struct Session {
    state: AppState,
    reach: Reach,
    /// What was shown, with the root of its repository; the newest last.
    shown: Mutex<VecDeque<(PathBuf, SpanId)>>,
    /// How often the client was asked for its roots.
    roots_asked: tokio::sync::Mutex<u32>,
}

impl Mcp {
    fn new(state: AppState, reach: Reach) -> Self {
        Self(Arc::new(Session {
            state,
            reach,
            shown: Mutex::default(),
            roots_asked: tokio::sync::Mutex::new(0),
        }))
    }
}

/// A call that cannot be answered; the text says what to do.
type Refused = String;

fn detail(problem: &Problem) -> Refused {
    problem.detail().to_owned()
}

impl Session {
    async fn search(
        self: &Arc<Self>,
        arguments: SearchArguments,
        listener: &Listener,
    ) -> Result<CallToolResult, Refused> {
        // What is wrong with the query is said before anything is indexed.
        arguments.query(None)?;
        let mut exclude = arguments.exclude()?;
        let meant = self.meant(arguments.path.clone()).await?;
        let query = arguments.query(meant.below)?;
        let building = self.ready(&meant.scope, &query.text, listener).await?;
        let scope = meant.scope;
        if arguments.new_only {
            exclude.extend(self.known(&scope.repositories));
        }
        exclude.truncate(limits::MAX_EXCLUDED);
        let options = SearchOptions {
            exclude,
            exact_lines: EXACT_LINES,
            only_near: true,
        };
        let repositories = scope.repositories.clone();
        let mut answer = self
            .state
            .blocking(move |state| gather::search(state, &scope, &query, &options))
            .await
            .map_err(|problem| detail(&problem))?;
        if let [_] = repositories.as_slice() {
            for hit in &mut answer.hits {
                hit.repo = None;
            }
        }
        told(&mut answer.index, building);
        if let Some(exact) = &mut answer.exact {
            exact.complete &= answer.index.fresh;
        }
        let notes = notes(building, meant.root.as_deref());
        let ids = answer::shown(&answer.hits);
        let result = answer::search(&mut answer, &notes);
        if let [only] = repositories.as_slice() {
            self.note(only, still_shown(ids, &answer.hits));
        }
        Ok(result)
    }

    async fn context(
        self: &Arc<Self>,
        arguments: ContextArguments,
        listener: &Listener,
    ) -> Result<CallToolResult, Refused> {
        arguments.query(None)?;
        let mut options = ContextOptions {
            budget_tokens: arguments.budget()?,
            exclude: arguments.exclude()?,
            ..ContextOptions::default()
        };
        let meant = self.meant(arguments.path.clone()).await?;
        let Meant { scope, below, root } = meant;
        let query = arguments.query(below)?;
        let served = only(scope)?;
        let building = self.ready_one(&served, &query.text, listener).await?;
        if arguments.new_only {
            options
                .exclude
                .extend(self.known(std::slice::from_ref(&served)));
        }
        options.exclude.truncate(limits::MAX_EXCLUDED);
        let asked = Arc::clone(&served);
        let mut answer = self
            .state
            .blocking(move |state| {
                let context = |one: &wherein_index::Repository| one.context(&query, &options);
                gather::answer(state, &asked, context, |answer| &mut answer.index)
            })
            .await
            .map_err(|problem| detail(&problem))?;
        told(&mut answer.index, building);
        let notes = notes(building, root.as_deref());
        let ids = answer
            .blocks
            .iter()
            .filter_map(|block| block.id.parse().ok());
        self.note(&served, ids);
        Ok(answer::context(&answer, &notes))
    }

    async fn related(
        self: &Arc<Self>,
        arguments: RelatedArguments,
        listener: &Listener,
    ) -> Result<CallToolResult, Refused> {
        let mut exclude = arguments.exclude()?;
        let (line, limit) = (arguments.line()?, arguments.limit()?);
        let meant = self.meant(arguments.path.clone()).await?;
        let Meant { scope, below, root } = meant;
        let served = only(scope)?;
        let mut place = Place {
            path: arguments.file.clone(),
            line,
        };
        // `src/a.rs:12` says the line too.
        if let Ok(given) = arguments.file.parse::<Place>() {
            place.path = given.path;
        }
        let building = self.ready_one(&served, &arguments.file, listener).await?;
        if arguments.new_only {
            exclude.extend(self.known(std::slice::from_ref(&served)));
        }
        exclude.truncate(limits::MAX_EXCLUDED);
        let asked = Arc::clone(&served);
        let mut answer = self
            .state
            .blocking(move |state| {
                let related = |one: &wherein_index::Repository| {
                    one.related(&place, limit, &exclude, below.as_deref())
                };
                gather::answer(state, &asked, related, |answer| &mut answer.index)
            })
            .await
            .map_err(|problem| detail(&problem))?;
        told(&mut answer.index, building);
        answer.callers_complete &= answer.index.fresh;
        let notes = notes(building, root.as_deref());
        let ids = answer::shown(&answer.hits);
        let result = answer::related(&mut answer, &notes);
        self.note(&served, still_shown(ids, &answer.hits));
        Ok(result)
    }

    async fn status(
        self: &Arc<Self>,
        arguments: StatusArguments,
    ) -> Result<CallToolResult, Refused> {
        let scope = self.meant(arguments.path).await?.scope;
        let mut repositories = scope.repositories;
        let more = repositories.len().saturating_sub(MAX_STATUS);
        repositories.truncate(MAX_STATUS);
        let all = self
            .state
            .blocking(move |state| {
                let mut all: Vec<(String, Status)> = Vec::new();
                let mut notes = Vec::new();
                for served in &repositories {
                    let name = &served.name;
                    let state_of = || served.repository()?.status();
                    match state_of() {
                        Ok(status) => all.push((name.clone(), status)),
                        Err(error) => notes.push(format!("{name} cannot be told of: {error}")),
                    }
                    let is_whole = served
                        .opened()
                        .and_then(|one| one.with_view(|_, view| view.complete));
                    if is_whole != Some(true)
                        && let Some(job) = state.jobs().active(served)
                    {
                        notes.push(Building::of(&job, served).note());
                    }
                }
                Ok((all, notes))
            })
            .await;
        let (all, mut notes) = all.map_err(|problem| detail(&problem))?;
        if more > 0 {
            notes.push(format!("{more} more repositories; name one by `path`."));
        }
        Ok(answer::status(&all, &notes))
    }

    /// What a call means; reads the disk for a moment.
    async fn meant(self: &Arc<Self>, path: Option<String>) -> Result<Meant, Refused> {
        let session = Arc::clone(self);
        let work = move |state: &AppState| Ok(session.reach.meant(state, path.as_deref()));
        let meant = self.state.blocking(work).await;
        meant.map_err(|problem| detail(&problem))?
    }

    /// Waits until all that are named can answer.
    async fn ready(
        self: &Arc<Self>,
        scope: &gather::Scope,
        question: &str,
        listener: &Listener,
    ) -> Result<Option<Building>, Refused> {
        let mut building: Option<Building> = None;
        for served in scope.repositories.iter().filter(|_| scope.is_named) {
            let one = self.ready_one(served, question, listener).await?;
            building = one.or(building);
        }
        Ok(building)
    }

    async fn ready_one(
        self: &Arc<Self>,
        served: &Arc<Served>,
        question: &str,
        listener: &Listener,
    ) -> Result<Option<Building>, Refused> {
        ready(&self.state, served, question, listener).await
    }

    /// What this session has shown of these repositories.
    fn known(&self, repositories: &[Arc<Served>]) -> Vec<SpanId> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let of_them = shown
            .iter()
            .filter(|(root, _)| repositories.iter().any(|one| one.root == *root));
        of_them.map(|(_, id)| id.clone()).collect()
    }

    fn note(&self, served: &Served, ids: impl Iterator<Item = SpanId>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.extend(ids.map(|id| (served.root.clone(), id)));
        while shown.len() > limits::MAX_EXCLUDED / 2 {
            shown.pop_front();
        }
    }

    /// Asks the client once what it works on, where it can say.
    #[expect(deprecated, reason = "clients of today name their roots")]
    async fn ask_roots(&self, context: &RequestContext<RoleServer>) {
        let Reach::Workspace(workspace) = &self.reach else {
            return;
        };
        let mut asked = self.roots_asked.lock().await;
        let can_say = context
            .client_capabilities()
            .is_some_and(|capabilities| capabilities.roots.is_some());
        if *asked >= ROOTS_ASKED || !can_say {
            return;
        }
        *asked += 1;
        let roots = tokio::time::timeout(ROOTS_TIME, context.peer.list_roots()).await;
        if let Ok(Ok(roots)) = roots {
            *asked = ROOTS_ASKED;
            let folders = roots.roots.iter().filter_map(|root| folder_of(&root.uri));
            workspace.set_roots(&folders.collect::<Vec<_>>());
        }
    }
}

/// The one repository that is meant.
fn only(scope: gather::Scope) -> Result<Arc<Served>, Refused> {
    let mut repositories = scope.repositories;
    match (repositories.pop(), repositories.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err("no repository is registered with this service".to_owned()),
        (Some(last), false) => {
            let names = repositories.iter().chain([&last]);
            let names: Vec<&str> = names.map(|one| one.name.as_str()).take(50).collect();
            let names = names.join(", ");
            Err(format!(
                "several repositories are served; give `path`: one of {names}"
            ))
        }
    }
}

/// Those of some spans that are in the answer after it was cut.
fn still_shown(ids: Vec<SpanId>, hits: &[Hit]) -> impl Iterator<Item = SpanId> + '_ {
    ids.into_iter().filter(move |id| {
        let start = id.lines.first().map(|lines| *lines.start());
        let is_it = |hit: &Hit| hit.path == id.path && Some(hit.start_line) == start;
        hits.iter().any(is_it)
    })
}

/// What is to be known of an answer as a whole.
fn notes(building: Option<Building>, root: Option<&Path>) -> Vec<String> {
    let root = root.map(|root| format!("Paths are relative to {}.", root.display()));
    building
        .map(Building::note)
        .into_iter()
        .chain(root)
        .collect()
}

/// Files that are not in yet count as pending.
fn told(index: &mut wherein_core::IndexState, building: Option<Building>) {
    if let Some(Building { files, files_total }) = building {
        index.fresh = false;
        index.pending_files = index.pending_files.max(files_total.saturating_sub(files));
    }
}

/// The folder that a `file:` URI names.
fn folder_of(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://")?;
    let path = path.strip_prefix("localhost").unwrap_or(path);
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    let path = PathBuf::from(String::from_utf8(bytes).ok()?);
    path.is_absolute().then_some(path)
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let version = env!("CARGO_PKG_VERSION");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("wherein", version))
            .with_instructions(tools::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let CallToolRequestParams {
            name, arguments, ..
        } = request;
        self.0.ask_roots(&context).await;
        let listener = Listener {
            peer: context.peer.clone(),
            token: context.meta.get_progress_token(),
            cancelled: context.ct.clone(),
        };
        let session = &self.0;
        let work = async {
            match name.as_ref() {
                "search" => session.search(read("search", arguments)?, &listener).await,
                "context" => {
                    session
                        .context(read("context", arguments)?, &listener)
                        .await
                }
                "related" => {
                    session
                        .related(read("related", arguments)?, &listener)
                        .await
                }
                _ => session.status(read("status", arguments)?).await,
            }
        };
        if self.get_tool(&name).is_none() {
            let known: Vec<&str> = tools::all().iter().map(|tool| tool.name.as_ref()).collect();
            return Err(ErrorData::new(
                ErrorCode::INVALID_PARAMS,
                format!(
                    "there is no tool {:?}; there are {}",
                    shown(&name, 80),
                    known.join(", ")
                ),
                None,
            ));
        }
        let result = tokio::select! {
            result = work => result.unwrap_or_else(answer::error),
            () = context.ct.cancelled() => answer::error("cancelled"),
        };
        Ok(CallToolResponse::Complete(result))
    }

    async fn on_roots_list_changed(&self, _context: NotificationContext<RoleServer>) {
        *self.0.roots_asked.lock().await = 0;
    }
}
