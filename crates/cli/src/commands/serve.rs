//! `wherein serve`: answer over HTTP.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wherein_index::Settings;
use wherein_serve::ServeOptions;

use crate::Ending;
use crate::args::ServeArguments;

pub(crate) fn run(arguments: &ServeArguments) -> Result<Ending> {
    let settings = match &arguments.config {
        Some(file) => Settings::load_with(file)?,
        None => Settings::load(None)?,
    };
    let listen = match arguments.listen {
        Some(listen) => listen,
        None => settings.serve.listen.parse().with_context(|| {
            format!(
                "serve.listen is \"{}\"; give address and port, such as 127.0.0.1:7717",
                settings.serve.listen
            )
        })?,
    };
    let token = arguments
        .token_file
        .as_deref()
        .map(read_token)
        .transpose()?;
    let mut repositories = Vec::new();
    for path in &arguments.paths {
        repositories.push(named(path)?);
    }
    let options = ServeOptions {
        listen,
        token,
        settings,
        home: wherein_index::home()?,
        repositories,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let served = runtime.block_on(wherein_serve::serve(
        options,
        |address| {
            // Standard output is data: the address, for scripts that took port 0.
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "http://{address}").and_then(|()| out.flush());
        },
        terminated(),
    ));
    // A search that still runs is not waited for: `serve` gave it its time.
    runtime.shutdown_background();
    served?;
    Ok(Ending::Found)
}

fn read_token(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token file {}", path.display()))?;
    let token = text.trim();
    anyhow::ensure!(
        token.len() >= 16 && token.bytes().all(|byte| byte.is_ascii_graphic()),
        "the token file {} must hold at least 16 printable characters in one line",
        path.display()
    );
    Ok(token.to_owned())
}

/// A repository under the name of its folder.
fn named(path: &Path) -> Result<(String, PathBuf)> {
    let canonical = path
        .canonicalize()
        .with_context(|| format!("cannot serve {}", path.display()))?;
    let own = canonical
        .file_name()
        .map_or_else(|| "root".into(), |name| name.to_string_lossy());
    let name: String = own
        .chars()
        .map(|c| {
            let plain = c.is_ascii_alphanumeric() || "._-".contains(c);
            if plain { c } else { '_' }
        })
        .take(64)
        .collect();
    Ok((name, canonical))
}

/// Ends when the program is asked to stop.
async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the default action ends the program.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
