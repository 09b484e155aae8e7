//! Codex's settings in TOML: the server, and its folder among those that the sandbox lets
//! be written. Comments, order and form of the rest stay.

use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use crate::edit::NAME;
use crate::error::SetupError;
use crate::places::Server;

const SERVERS: &str = "mcp_servers";
const SANDBOX: &str = "sandbox_workspace_write";
const ROOTS: &str = "writable_roots";

/// Seconds that Codex waits for the handshake and for an answer; its own defaults are
/// short for a machine that is busy.
const STARTUP_SECONDS: i64 = 20;
const TOOL_SECONDS: i64 = 120;

fn parse(path: &Path, text: &str) -> Result<DocumentMut, SetupError> {
    text.parse::<DocumentMut>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        SetupError::malformed(path, text, at, error.message())
    })
}

/// A table at the top, made when it is missing.
fn table<'a>(
    path: &Path,
    document: &'a mut DocumentMut,
    name: &str,
    is_implicit: bool,
) -> Result<&'a mut dyn TableLike, SetupError> {
    let item = document.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(is_implicit);
        Item::Table(table)
    });
    item.as_table_like_mut()
        .ok_or_else(|| SetupError::InTheWay {
            path: path.to_owned(),
            detail: format!("`{name}` is not a table"),
        })
}

fn entry(server: &Server) -> Table {
    let mut entry = Table::new();
    entry["command"] = value(&server.command);
    entry["args"] = value(server.arguments.iter().collect::<Array>());
    if !server.environment.is_empty() {
        let pairs = server.environment.iter();
        entry["env"] = value(
            pairs
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect::<InlineTable>(),
        );
    }
    entry["startup_timeout_sec"] = value(STARTUP_SECONDS);
    entry["tool_timeout_sec"] = value(TOOL_SECONDS);
    entry
}

/// With the server and its folder.
pub(crate) fn put(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
    let mut document = parse(path, text)?;
    let wanted = entry(server);
    let servers = table(path, &mut document, SERVERS, true)?;
    match servers.get_mut(NAME) {
        Some(there) => {
            let there = there
                .as_table_like_mut()
                .ok_or_else(|| SetupError::InTheWay {
                    path: path.to_owned(),
                    detail: format!("`{SERVERS}.{NAME}` is not a table"),
                })?;
            // What a person has added to it stays.
            for (key, item) in &wanted {
                let is_same = |one: &Item| one.to_string().trim() == item.to_string().trim();
                if !there.get(key).is_some_and(is_same) {
                    there.insert(key, item.clone());
                }
            }
            if server.environment.is_empty() {
                there.remove("env");
            }
        }
        None => {
            servers.insert(NAME, Item::Table(wanted));
        }
    }
    let sandbox = table(path, &mut document, SANDBOX, false)?;
    let roots = sandbox
        .entry(ROOTS)
        .or_insert_with(|| value(Array::new()))
        .as_array_mut()
        .ok_or_else(|| SetupError::InTheWay {
            path: path.to_owned(),
            detail: format!("`{SANDBOX}.{ROOTS}` is not a list"),
        })?;
    let data = server.data.to_string_lossy();
    if !roots.iter().any(|root| root.as_str() == Some(&data)) {
        roots.push(data.as_ref());
    }
    Ok(document.to_string())
}

/// Without them, and without tables that hold nothing else.
pub(crate) fn take(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
    let mut document = parse(path, text)?;
    let mut changed = false;
    if let Some(servers) = document.get_mut(SERVERS).and_then(Item::as_table_like_mut) {
        changed |= servers.remove(NAME).is_some();
        if servers.is_empty() {
            document.remove(SERVERS);
        }
    }
    let data = server.data.to_string_lossy();
    if let Some(sandbox) = document.get_mut(SANDBOX).and_then(Item::as_table_like_mut) {
        let roots = sandbox.get_mut(ROOTS).and_then(Item::as_array_mut);
        if let Some(roots) = roots {
            let before = roots.len();
            roots.retain(|root: &Value| root.as_str() != Some(&data));
            changed |= roots.len() != before;
            if roots.is_empty() && before > 0 {
                sandbox.remove(ROOTS);
            }
        }
        if sandbox.is_empty() && changed {
            document.remove(SANDBOX);
        }
    }
    if !changed {
        return Ok(text.to_owned());
    }
    Ok(document.to_string())
}
