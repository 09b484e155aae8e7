//! Arguments of the tools, taken strictly; what is wrong is said with what would be right.

use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wherein_core::{ChunkKind, Filters, Language, Mode, Query, QueryError, limits};
use wherein_index::SpanId;

use super::tools;

/// Spans of an answer when the call does not say.
pub(super) const DEFAULT_LIMIT: usize = 6;
/// Similar spans when the call does not say.
pub(super) const DEFAULT_SIMILAR: usize = 4;
/// Most spans that can be asked for.
pub(super) const MAX_LIMIT: usize = 50;
/// Tokens of a context when the call does not say.
pub(super) const DEFAULT_BUDGET: usize = 3000;
/// Most tokens of a context: clients cut off what is longer.
pub(super) const MAX_BUDGET: usize = 20_000;
/// Longest part of a name or argument that an error repeats.
const SHOWN: usize = 80;

/// Of `search`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SearchArguments {
    pub(super) query: String,
    pub(super) path: Option<String>,
    languages: Vec<String>,
    paths: Vec<String>,
    kinds: Vec<String>,
    limit: Option<u64>,
    mode: Option<String>,
    exclude: Vec<String>,
    pub(super) new_only: bool,
}

/// Of `context`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContextArguments {
    pub(super) query: String,
    budget_tokens: Option<u64>,
    pub(super) path: Option<String>,
    languages: Vec<String>,
    paths: Vec<String>,
    kinds: Vec<String>,
    exclude: Vec<String>,
    pub(super) new_only: bool,
}

/// Of `related`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RelatedArguments {
    pub(super) file: String,
    line: u64,
    pub(super) path: Option<String>,
    limit: Option<u64>,
    exclude: Vec<String>,
    pub(super) new_only: bool,
}

/// Of `status`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StatusArguments {
    pub(super) path: Option<String>,
}

/// The arguments of a tool; an error says what it takes.
pub(super) fn read<T: DeserializeOwned>(
    tool: &str,
    given: Option<JsonObject>,
) -> Result<T, String> {
    let mut given = given.unwrap_or_default();
    // Some models write out what they do not give.
    given.retain(|_, value| !value.is_null());
    let schema = tools::all().iter().find(|one| one.name == tool);
    let schema = schema.map(|one| &one.input_schema);
    let required = schema
        .and_then(|schema| schema.get("required"))
        .and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !given.contains_key(name) {
            return Err(format!("`{name}` is missing; {tool} takes {}", takes(tool)));
        }
    }
    serde_json::from_value(Value::Object(given)).map_err(|error| {
        format!(
            "{}; {tool} takes {}",
            shown(&error.to_string(), 300),
            takes(tool)
        )
    })
}

/// Names and types of a tool's arguments.
fn takes(tool: &str) -> String {
    let Some(one) = tools::all().iter().find(|one| one.name == tool) else {
        return String::new();
    };
    let properties = one
        .input_schema
        .get("properties")
        .and_then(Value::as_object);
    let all: Vec<String> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let of = match schema["type"].as_str() {
                Some("array") => "list of strings",
                Some(other) => other,
                None => "value",
            };
            format!("{name} ({of})")
        })
        .collect();
    all.join(", ")
}

/// The beginning of what was given.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut start: String = text.chars().take(most).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

impl SearchArguments {
    pub(super) fn query(&self, below: Option<String>) -> Result<Query, String> {
        let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
        let mode = match &self.mode {
            None => Mode::Auto,
            Some(name) => name.parse().map_err(|()| {
                let name = shown(name, SHOWN);
                format!(
                    "there is no mode {name:?}; choose one of {}",
                    names.join(", ")
                )
            })?,
        };
        let k = limit(self.limit, DEFAULT_LIMIT)?;
        let filters = filters(&self.languages, &self.paths, &self.kinds, below)?;
        query(&self.query, k, mode, filters)
    }

    pub(super) fn exclude(&self) -> Result<Vec<SpanId>, String> {
        spans(&self.exclude)
    }
}

impl ContextArguments {
    pub(super) fn query(&self, below: Option<String>) -> Result<Query, String> {
        let filters = filters(&self.languages, &self.paths, &self.kinds, below)?;
        query(&self.query, limits::DEFAULT_RESULTS, Mode::Auto, filters)
    }

    pub(super) fn budget(&self) -> Result<usize, String> {
        let most = MAX_BUDGET as u64;
        match self.budget_tokens {
            None => Ok(DEFAULT_BUDGET),
            Some(budget) if (1..=most).contains(&budget) => Ok(budget as usize),
            Some(budget) => Err(format!("budget_tokens is {budget}; give 1 to {most}")),
        }
    }

    pub(super) fn exclude(&self) -> Result<Vec<SpanId>, String> {
        spans(&self.exclude)
    }
}

impl RelatedArguments {
    pub(super) fn line(&self) -> Result<u32, String> {
        u32::try_from(self.line)
            .ok()
            .filter(|line| (1..=limits::MAX_LINE).contains(line))
            .ok_or_else(|| format!("line is {}; lines count from 1", self.line))
    }

    pub(super) fn limit(&self) -> Result<usize, String> {
        limit(self.limit, DEFAULT_SIMILAR)
    }

    pub(super) fn exclude(&self) -> Result<Vec<SpanId>, String> {
        spans(&self.exclude)
    }
}

fn limit(given: Option<u64>, usual: usize) -> Result<usize, String> {
    match given {
        None => Ok(usual),
        Some(limit) if (1..=MAX_LIMIT as u64).contains(&limit) => Ok(limit as usize),
        Some(limit) => Err(format!("limit is {limit}; give 1 to {MAX_LIMIT}")),
    }
}

fn query(text: &str, k: usize, mode: Mode, filters: Filters) -> Result<Query, String> {
    let query = Query {
        text: text.to_owned(),
        k,
        mode,
        filters,
        explain: false,
        rerank: None,
    };
    query.checked().map_err(|error| error.to_string())
}

fn filters(
    languages: &[String],
    paths: &[String],
    kinds: &[String],
    below: Option<String>,
) -> Result<Filters, String> {
    let most = languages.len().max(paths.len()).max(kinds.len());
    if most > limits::MAX_FILTERS {
        return Err(QueryError::TooManyFilters(most).to_string());
    }
    let language = |name: &String| {
        name.parse::<Language>().map_err(|()| {
            let known: Vec<&str> = Language::all().map(Language::name).collect();
            let name = shown(name, SHOWN);
            format!(
                "there is no language {name:?}; there are {}",
                known.join(", ")
            )
        })
    };
    let kind = |name: &String| {
        name.parse::<ChunkKind>().map_err(|()| {
            let known: Vec<&str> = ChunkKind::ALL.iter().map(|kind| kind.name()).collect();
            let name = shown(name, SHOWN);
            format!("there is no kind {name:?}; there are {}", known.join(", "))
        })
    };
    Ok(Filters {
        languages: languages.iter().map(language).collect::<Result<_, _>>()?,
        paths: paths.to_vec(),
        kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
        changed_since: None,
        only_files: None,
        below,
    })
}

fn spans(given: &[String]) -> Result<Vec<SpanId>, String> {
    if given.len() > limits::MAX_EXCLUDED {
        return Err(format!(
            "{} places to leave out; at most {} are taken",
            given.len(),
            limits::MAX_EXCLUDED
        ));
    }
    given
        .iter()
        .map(|text| text.parse().map_err(|error| format!("exclude: {error}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(value: &Value) -> Result<SearchArguments, String> {
        read("search", value.as_object().cloned())
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for (given, said) in [
            (json!({}), "`query` is missing; search takes"),
            (json!({"query": 3}), "expected a string"),
            (json!({"query": "a", "limit": "9"}), "limit (integer)"),
            (json!({"query": "a", "glob": "x"}), "unknown field `glob`"),
            (
                json!({"query": "a", "paths": "src"}),
                "paths (list of strings)",
            ),
        ] {
            let error = search(&given).expect_err("is refused");
            assert!(error.contains(said), "{given}: {error}");
        }
        for (given, said) in [
            (json!({"query": " "}), "the query is empty"),
            (json!({"query": "a", "mode": "fuzzy"}), "no mode \"fuzzy\""),
            (
                json!({"query": "a", "kinds": ["func"]}),
                "no kind \"func\"; there are function",
            ),
            (json!({"query": "a", "languages": ["klingon"]}), "there are"),
            (json!({"query": "a", "limit": 51}), "give 1 to 50"),
            (json!({"query": "x".repeat(1 << 20)}), "at most 16384"),
        ] {
            let error = search(&given)
                .expect("fits")
                .query(None)
                .expect_err("is refused");
            assert!(error.contains(said), "{error}");
        }
        let error = search(&json!({"query": "a", "exclude": ["x"]}));
        let error = error.expect("fits").exclude().expect_err("is refused");
        assert!(error.contains("PATH:START-END"), "{error}");
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let read = search(&json!({"query": "a", "path": null, "limit": null})).expect("fits");
        assert_eq!(read.query(None).expect("a query").k, DEFAULT_LIMIT);
    }
}
