//! MCP over standard input and output: one client, one workspace, as long as the client
//! keeps its end open. Standard output carries nothing but messages.

use std::path::PathBuf;
use std::time::Duration;

use rmcp::service::{QuitReason, serve_server};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use tokio::time::timeout;
use wherein_index::Settings;

use super::Mcp;
use super::reach::{Reach, Workspace};
use crate::error::ServeError;
use crate::state::AppState;

/// Longest message of a client, in bytes. The longest query that is taken has 16 KiB.
const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// How long a run may take to commit what it has when the client goes away.
const END_TIME: Duration = Duration::from_secs(5);

/// What one process serves to one client.
#[derive(Clone, Debug)]
pub struct WorkspaceOptions {
    /// Settings, and of repositories that have none of their own.
    pub settings: Settings,
    /// The folder of the indexes.
    pub home: PathBuf,
    /// The folder to serve; else the client's root, or the checkout around `here`.
    pub named: Option<PathBuf>,
    /// The folder that the process was started in.
    pub here: PathBuf,
    /// More folders that calls may name.
    pub allowed: Vec<PathBuf>,
    /// Told when indexing begins and when none runs any more.
    pub at_work: fn(bool),
}

/// Serves one client on standard input and output until it closes them. Within a
/// runtime that may block (`new_multi_thread`).
pub async fn serve_stdio(options: WorkspaceOptions) -> Result<(), ServeError> {
    let WorkspaceOptions {
        settings,
        home,
        named,
        here,
        allowed,
        at_work,
    } = options;
    let state = AppState::alone(&settings, &home)?;
    state.jobs().tell_work(at_work);
    let workspace = Workspace::new(named, here, allowed);
    let mcp = Mcp::new(state.clone(), Reach::Workspace(Box::new(workspace)));
    let (input, output) = stdio_pipes();
    let transport =
        AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_MESSAGE_BYTES);
    let running = match serve_server(mcp, transport).await {
        Ok(running) => running,
        // The client went away, or speaks something else.
        Err(error) => {
            tracing::info!(%error, "no client");
            return Ok(());
        }
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => {
            tracing::error!(%error, "the server ended by a bug of wherein");
        }
        Ok(_) => {}
    }
    state.end();
    let _ = timeout(END_TIME, state.jobs().idle()).await;
    Ok(())
}
