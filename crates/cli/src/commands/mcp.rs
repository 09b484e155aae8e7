//! `wherein mcp [PATH]`: answer one coding agent over standard input and output.

use std::path::Path;

use anyhow::{Context, Result};
use wherein_index::Settings;
use wherein_serve::WorkspaceOptions;

use crate::args::McpArguments;
use crate::{Ending, memory};

/// Threads of the runtime: one reads and writes, one waits; work has threads of its own.
const THREADS: usize = 2;

pub(crate) fn run(arguments: &McpArguments) -> Result<Ending> {
    memory::at_work(false);
    let folder = |path: &Path| {
        path.canonicalize()
            .with_context(|| format!("cannot serve {}", path.display()))
    };
    let named = arguments.path.as_deref().map(folder).transpose()?;
    let allowed = arguments.allow.iter().map(|path| folder(path));
    let options = WorkspaceOptions {
        settings: Settings::load(None)?,
        home: wherein_index::home()?,
        named,
        here: std::env::current_dir().context("the working directory is gone")?,
        allowed: allowed.collect::<Result<_>>()?,
        at_work: memory::at_work,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let served = runtime.block_on(wherein_serve::serve_stdio(options));
    // Nobody waits for an answer any more; the index is whole at any moment.
    runtime.shutdown_background();
    served?;
    Ok(Ending::Found)
}
