//! Entries in files of JSON with comments, whose form stays as it is.

use std::path::Path;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::{Value, json};

use crate::edit::NAME;
use crate::error::SetupError;
use crate::places::Server;

/// JSON with comments and trailing commas, as the editors' settings have them, and
/// nothing else.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn environment(server: &Server) -> Value {
    let pairs = server.environment.iter();
    pairs
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `{command, args}`, and `env` where something is needed.
pub(crate) fn plain(server: &Server) -> Value {
    let mut entry = json!({"command": server.command, "args": server.arguments});
    if !server.environment.is_empty() {
        entry["env"] = environment(server);
    }
    entry
}

/// With `type: stdio`.
pub(crate) fn with_type(server: &Server) -> Value {
    let mut entry = plain(server);
    entry["type"] = json!("stdio");
    entry
}

/// As Copilot's command line has it: all tools have to be let through.
pub(crate) fn local_with_tools(server: &Server) -> Value {
    let mut entry = plain(server);
    entry["type"] = json!("local");
    entry["tools"] = json!(["*"]);
    entry
}

/// As `OpenCode` has it: the command is a list.
pub(crate) fn command_as_list(server: &Server) -> Value {
    let command: Vec<&String> = [&server.command]
        .into_iter()
        .chain(&server.arguments)
        .collect();
    let mut entry = json!({"type": "local", "command": command, "enabled": true});
    if !server.environment.is_empty() {
        entry["environment"] = environment(server);
    }
    entry
}

/// As Zed has it.
pub(crate) fn custom(server: &Server) -> Value {
    let mut entry = plain(server);
    entry["source"] = json!("custom");
    entry["env"] = environment(server);
    entry
}

/// As Cline has it: nested.
pub(crate) fn transport(server: &Server) -> Value {
    json!({"transport": with_type(server), "disabled": false})
}

/// In the order that people write it.
fn input(value: &Value) -> CstInputValue {
    const ORDER: [&str; 9] = [
        "type",
        "source",
        "transport",
        "command",
        "args",
        "env",
        "environment",
        "tools",
        "enabled",
    ];
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            let place = |name: &str| ORDER.iter().position(|one| *one == name);
            entries.sort_by_key(|(name, _)| place(name).unwrap_or(ORDER.len()));
            let entries = entries.into_iter();
            CstInputValue::Object(
                entries
                    .map(|(name, value)| (name.clone(), input(value)))
                    .collect(),
            )
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<(CstRootNode, Option<CstObject>), SetupError> {
    let root = CstRootNode::parse(text, &OPTIONS).map_err(|error| {
        SetupError::malformed(path, text, error.range().start, &error.kind().to_string())
    })?;
    let object = match root.value() {
        None => None,
        Some(value) => match value.as_object() {
            Some(object) => Some(object),
            None => {
                return Err(SetupError::InTheWay {
                    path: path.to_owned(),
                    detail: "it is not an object".to_owned(),
                });
            }
        },
    };
    Ok((root, object))
}

/// The object under `key`, if it is there.
fn servers(path: &Path, object: &CstObject, key: &str) -> Result<Option<CstObject>, SetupError> {
    let Some(property) = object.get(key) else {
        return Ok(None);
    };
    let servers = property.object_value();
    servers.map(Some).ok_or_else(|| SetupError::InTheWay {
        path: path.to_owned(),
        detail: format!("`{key}` is not an object"),
    })
}

/// The one variable that is ours.
const HOME: &str = "WHEREIN_HOME";

/// Sets our keys and leaves all others, as a person has added them.
fn merge(there: &CstObject, entry: &Value) {
    for (key, wanted) in entry.as_object().into_iter().flatten() {
        let found = there.get(key);
        let value = found.as_ref().and_then(CstObjectProp::value);
        if value.and_then(|one| one.to_serde_value()).as_ref() == Some(wanted) {
            continue;
        }
        let object = found.as_ref().and_then(CstObjectProp::object_value);
        match (found, object, wanted) {
            (_, Some(object), Value::Object(_)) => merge(&object, wanted),
            (Some(found), ..) => found.set_value(input(wanted)),
            (None, ..) => {
                there.append(key, input(wanted));
            }
        }
    }
    // Of an earlier setup, where there is no other folder any more.
    for name in ["env", "environment"] {
        let is_given = entry.get(name).is_some_and(|env| env.get(HOME).is_some());
        let old = there.object_value(name).filter(|_| !is_given);
        if let Some(old) = old.and_then(|env| env.get(HOME)) {
            old.remove();
        }
    }
}

/// With the entry under `key`.
pub(crate) fn put(path: &Path, text: &str, key: &str, entry: &Value) -> Result<String, SetupError> {
    if text.trim().is_empty() {
        let whole = json!({ key: { NAME: entry } });
        return Ok(written(&whole));
    }
    let (root, object) = parse(path, text)?;
    let object = object.unwrap_or_else(|| root.object_value_or_set());
    if servers(path, &object, key)?.is_none() {
        object.append(key, input(&json!({})));
    }
    let Some(servers) = servers(path, &object, key)? else {
        return Err(SetupError::InTheWay {
            path: path.to_owned(),
            detail: format!("`{key}` cannot be added"),
        });
    };
    match servers.get(NAME) {
        Some(there) => {
            let there = there.object_value().ok_or_else(|| SetupError::InTheWay {
                path: path.to_owned(),
                detail: format!("`{key}.{NAME}` is not an object"),
            })?;
            if there.get("url").is_some() || there.get("serverUrl").is_some() {
                return Err(SetupError::InTheWay {
                    path: path.to_owned(),
                    detail: format!("`{key}.{NAME}` is a server over HTTP"),
                });
            }
            merge(&there, entry);
        }
        None => {
            servers.append(NAME, input(entry));
        }
    }
    let with = root.to_string();
    // What cannot be read again is never written.
    parse(path, &with)?;
    Ok(with)
}

/// A new file.
fn written(value: &Value) -> String {
    let root = CstRootNode::parse("", &OPTIONS);
    let text = root.map(|root| {
        root.set_value(input(value));
        root.to_string()
    });
    let text = text.unwrap_or_else(|_| value.to_string());
    format!("{}\n", text.trim_end())
}

/// Without the entry, and without `key` when nothing else is under it, no comment
/// either.
pub(crate) fn take(path: &Path, text: &str, key: &str) -> Result<String, SetupError> {
    if text.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let (root, object) = parse(path, text)?;
    let Some(object) = object else {
        return Ok(text.to_owned());
    };
    let Some(servers) = servers(path, &object, key)? else {
        return Ok(text.to_owned());
    };
    let Some(entry) = servers.get(NAME) else {
        return Ok(text.to_owned());
    };
    entry.remove();
    let has_comment = servers.children().iter().any(CstNode::is_comment);
    if servers.properties().is_empty()
        && !has_comment
        && let Some(property) = object.get(key)
    {
        property.remove();
    }
    Ok(root.to_string())
}
