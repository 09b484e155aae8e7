//! `wherein serve`: answer over HTTP.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use wherein_index::Settings;
use wherein_serve::{Reload, ServeOptions, Tokens};

use crate::Ending;
use crate::args::ServeArguments;

pub(crate) fn run(arguments: &ServeArguments) -> Result<Ending> {
    let config = arguments.config.clone();
    let read = move || match &config {
        Some(file) => Settings::load_with(file),
        None => Settings::load(None),
    };
    let settings = read()?;
    let file = arguments.config.clone().or_else(Settings::user_file);
    let reload = Reload {
        files: file.into_iter().collect(),
        read: Arc::new(read),
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
    let set = &settings.serve.token_file;
    let token_file = arguments.token_file.as_ref().or(Some(set));
    let tokens = match token_file.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => read_tokens(path)?,
        None => Tokens::default(),
    };
    let mut repositories = Vec::new();
    for path in &arguments.paths {
        repositories.push(named(path)?);
    }
    let options = ServeOptions {
        listen,
        tokens,
        settings,
        home: wherein_index::home()?,
        repositories,
        reload: Some(reload),
    };
    raise_file_limit();
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
            tell_supervisor();
        },
        terminated(),
    ));
    // A search that still runs is not waited for: `serve` gave it its time.
    runtime.shutdown_background();
    served?;
    Ok(Ending::Found)
}

/// Largest token file, in bytes.
const MAX_TOKEN_FILE: u64 = 256 << 10;

fn read_tokens(path: &Path) -> Result<Tokens> {
    let shown = path.display();
    let cannot = || format!("cannot read the token file {shown}");
    let file = std::fs::File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    anyhow::ensure!(
        metadata.is_file() && metadata.len() <= MAX_TOKEN_FILE,
        "the token file {shown} is no file, or larger than {MAX_TOKEN_FILE} bytes"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        let of_others = mode & 0o077;
        anyhow::ensure!(
            of_others == 0,
            "the token file {shown} has mode {mode:03o}: others can read it; run `chmod 600 {shown}`"
        );
    }
    let mut text = String::new();
    file.take(MAX_TOKEN_FILE)
        .read_to_string(&mut text)
        .with_context(cannot)?;
    Tokens::parse(&text).with_context(|| format!("the token file {shown} cannot be used"))
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

/// Takes as many open files as the system lets this process have: connections, watched
/// folders and indexes need more than the usual thousand.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the number of open files stays as it is");
        }
    }
}

/// Tells a supervisor that waits for it (`Type=notify` of systemd) that requests are
/// answered.
fn tell_supervisor() {
    #[cfg(target_os = "linux")]
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::net::{SocketAddr, UnixDatagram};
        let tell = || -> std::io::Result<()> {
            let address = match socket.as_bytes().strip_prefix(b"@") {
                Some(name) => SocketAddr::from_abstract_name(name)?,
                None => SocketAddr::from_pathname(&socket)?,
            };
            UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
            Ok(())
        };
        if let Err(error) = tell() {
            tracing::warn!(%error, "the supervisor is not told that the service is ready");
        }
    }
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
