//! The four tools as a client lists them: names, descriptions, schemas.
//!
//! Each word here is read by a model before every task, so there are few. Schemas keep to
//! what all clients take: objects with `properties`, no unions, nothing beyond them.

use std::sync::{Arc, LazyLock};

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use wherein_core::{Mode, limits};

use super::arguments::{DEFAULT_BUDGET, DEFAULT_LIMIT, MAX_BUDGET, MAX_LIMIT};

/// What the server says of itself when a client connects.
pub(super) const INSTRUCTIONS: &str = "Semantic code search over an index that follows the \
    working tree. Use `search` first to find code (instead of grep, glob or reading files), \
    `context` to read up on a topic within a token budget, `related` for callers, callees and \
    similar code of a place. Paths are relative to the repository, lines 1-based: open them \
    directly.";

const SEARCH: &str = "Find code by what it does, by name or by exact text; gives ranked spans with \
    path, lines and code. Prefer it to grep, glob and reading files to find where or how something \
    is done, definitions and usages. For a name, or a pattern with mode=regex, `exact` lists every \
    line that has it; when it says complete, do not grep again. Use grep only for files outside \
    the index: ignored, generated or binary.";

const CONTEXT: &str = "Read up on a topic in one call: the best code for a question, whole \
    definitions first, packed within a token budget. Prefer it to several searches and file reads \
    before changing or explaining code. For a single definition use `search`.";

const RELATED: &str = "What belongs to a place in the code: its callers, what it calls, and \
    similar code elsewhere. Prefer it to grep for who calls a function, and to find code that has \
    to change alike.";

const STATUS: &str = "What is indexed, how fresh it is, and what was left out and why. Use it when \
    an answer seems to lack a file.";

/// All tools.
pub(super) fn all() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        vec![
            tool("search", "Search code", SEARCH, &["query"], search()),
            tool(
                "context",
                "Read up on a topic",
                CONTEXT,
                &["query"],
                context(),
            ),
            tool(
                "related",
                "Callers, callees, similar code",
                RELATED,
                &["file", "line"],
                related(),
            ),
            tool(
                "status",
                "State of the index",
                STATUS,
                &[],
                json!({"path": path()}),
            ),
        ]
    });
    &TOOLS
}

fn tool(
    name: &'static str,
    title: &str,
    description: &'static str,
    required: &[&str],
    properties: Value,
) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    let annotations = ToolAnnotations::with_title(title)
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(name, description, Arc::new(schema)).with_annotations(annotations)
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn texts(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": description})
}

fn path() -> Value {
    text("Folder or repository to look in; default: the whole workspace")
}

fn query() -> Value {
    text("A question in words, a name, or a regular expression with mode=regex")
}

fn exclude() -> Value {
    texts("Places already read, as path:start-end; their spans are left out")
}

fn new_only() -> Value {
    json!({"type": "boolean", "description": "Leave out all that this session was shown before"})
}

fn languages() -> Value {
    texts("Only these languages: rust, python, ...")
}

fn paths() -> Value {
    texts("Only paths that match a glob (src/**, *.rs); a leading ! excludes")
}

fn kinds() -> Value {
    texts("Only these kinds: function, method, class, struct, enum, interface, test, section ...")
}

fn search() -> Value {
    let modes: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
    json!({
        "query": query(),
        "path": path(),
        "languages": languages(),
        "paths": paths(),
        "kinds": kinds(),
        "limit": {
            "type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
            "description": format!("Most spans; default {DEFAULT_LIMIT}"),
        },
        "mode": {
            "type": "string", "enum": modes,
            "description": "auto fits nearly always; regex for exact text",
        },
        "exclude": exclude(),
        "new_only": new_only(),
    })
}

fn context() -> Value {
    json!({
        "query": text("A question in words, or a name"),
        "budget_tokens": {
            "type": "integer", "minimum": 1, "maximum": MAX_BUDGET,
            "description": format!("Most tokens of the text; default {DEFAULT_BUDGET}"),
        },
        "path": path(),
        "languages": languages(),
        "paths": paths(),
        "kinds": kinds(),
        "exclude": exclude(),
        "new_only": new_only(),
    })
}

fn related() -> Value {
    json!({
        "file": text("Path as answers show it"),
        "line": {
            "type": "integer", "minimum": 1, "maximum": limits::MAX_LINE,
            "description": "A line of the definition",
        },
        "path": path(),
        "limit": {
            "type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
            "description": "Most similar spans; default 4",
        },
        "exclude": exclude(),
        "new_only": new_only(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(schema: &Value, problems: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                for word in [
                    "anyOf", "oneOf", "allOf", "$ref", "pattern", "format", "default",
                ] {
                    if map.contains_key(word) && map.contains_key("type") {
                        problems.push(format!("{word} in {schema}"));
                    }
                }
                if map.get("type").is_some_and(Value::is_array) {
                    problems.push(format!("a union of types in {schema}"));
                }
                map.values().for_each(|value| walk(value, problems));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, problems)),
            _ => {}
        }
    }

    #[test]
    fn schemas_are_what_all_clients_take() {
        for tool in all() {
            let schema = Value::Object(tool.input_schema.as_ref().clone());
            let mut problems = Vec::new();
            walk(&schema, &mut problems);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(schema["type"], "object");
            assert_eq!(schema["additionalProperties"], false);
            assert!(schema["properties"].is_object());
            let annotations = tool.annotations.as_ref().expect("annotations");
            assert_eq!(annotations.read_only_hint, Some(true));
        }
    }

    #[test]
    fn what_a_session_always_pays_is_little() {
        let listed = serde_json::to_string(all()).expect("JSON");
        let tokens = wherein_index::Tokenizer::O200k.count(&listed);
        assert!(tokens < 1100, "{tokens} tokens for the list of tools");
        assert!(wherein_index::Tokenizer::O200k.count(INSTRUCTIONS) < 120);
    }
}
