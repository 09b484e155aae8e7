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
/// The one variable that is ours.
const HOME: &str = "WHEREIN_HOME";

/// Seconds that Codex waits for the handshake and for an answer; its own defaults are
/// short for a machine that is busy.
const STARTUP_SECONDS: i64 = 20;
const TOOL_SECONDS: i64 = 120;

/// Edits a text whose lines end in one way, and lets them end so.
fn with_lines(
    text: &str,
    edit: impl Fn(&str) -> Result<String, SetupError>,
) -> Result<String, SetupError> {
    let (all, long) = (text.matches('\n').count(), text.matches("\r\n").count());
    if all == 0 || all != long {
        return edit(text);
    }
    let short = text.replace("\r\n", "\n");
    let with = edit(&short)?;
    if with == short {
        return Ok(text.to_owned());
    }
    Ok(with.replace('\n', "\r\n"))
}

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

/// With the server and, where one is given, its folder.
pub(crate) fn put(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
    with_lines(text, |text| put_in(path, text, server))
}

fn put_in(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
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
            if there.contains_key("url") {
                return Err(SetupError::InTheWay {
                    path: path.to_owned(),
                    detail: format!("`{SERVERS}.{NAME}` is a server over HTTP"),
                });
            }
            merge(there, &wanted, server);
        }
        None => {
            servers.insert(NAME, Item::Table(wanted));
        }
    }
    if server.data.as_os_str().is_empty() {
        return Ok(document.to_string());
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

/// Sets our keys and leaves all others, as a person has added them.
fn merge(there: &mut dyn TableLike, wanted: &Table, server: &Server) {
    for (key, item) in wanted {
        let is_same = |one: &Item| one.to_string().trim() == item.to_string().trim();
        let may_differ = key == "env" || key.ends_with("_sec");
        let is_there = there.get(key);
        if is_there.is_none() || !may_differ && !is_there.is_some_and(is_same) {
            there.insert(key, item.clone());
        }
    }
    if let Some(env) = there.get_mut("env").and_then(Item::as_table_like_mut) {
        env.remove(HOME);
        for (name, given) in &server.environment {
            env.insert(name, value(given));
        }
    }
}

/// Without them, and without tables that hold nothing else.
pub(crate) fn take(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
    with_lines(text, |text| take_out(path, text, server))
}

fn take_out(path: &Path, text: &str, server: &Server) -> Result<String, SetupError> {
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
