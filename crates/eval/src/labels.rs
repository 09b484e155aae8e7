//! Files of labelled queries: read, checked, and refused with the number of the
//! query that is wrong.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use wherein_core::Query;

use crate::error::EvalError;
use crate::metrics::K;

/// Largest file of labels that is read, in bytes.
const MAX_LABEL_BYTES: u64 = 64 << 20;
const EXPECTED: &str = "a list of labelled queries";

/// Where one answer is: a file, or lines of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Relative path; also one that a hit's path ends with, or the reverse.
    pub path: String,
    /// First and last line, 1-based, inclusive.
    pub lines: Option<(u32, u32)>,
}

/// A query and its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledQuery {
    /// What is asked.
    pub query: String,
    /// `semantic`, `architecture`, `symbol` or another name.
    pub category: String,
    /// All of these answer, none better than another; none twice.
    pub targets: Vec<Target>,
}

#[derive(Deserialize)]
struct RawQuery {
    query: String,
    category: Option<String>,
    #[serde(default)]
    relevant: Vec<Value>,
    #[serde(default)]
    secondary: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlace {
    path: String,
    start_line: Option<u32>,
    end_line: Option<u32>,
}

impl Target {
    fn read(value: Value) -> Result<Self, String> {
        let target = match value {
            Value::String(path) => Self { path, lines: None },
            Value::Object(_) => {
                let place: RawPlace = serde_json::from_value(value)
                    .map_err(|error| format!("a relevant place: {error}"))?;
                let lines = match (place.start_line, place.end_line) {
                    (None, None) => None,
                    (Some(start), Some(end)) if start > 0 && end >= start => Some((start, end)),
                    (Some(_), Some(_)) => {
                        return Err("lines are counted from 1 and end after they start".to_owned());
                    }
                    _ => return Err("lines need both start_line and end_line".to_owned()),
                };
                Self {
                    path: place.path,
                    lines,
                }
            }
            other => {
                return Err(format!(
                    "a relevant place is neither path nor object: {other}"
                ));
            }
        };
        if target.path.is_empty() {
            return Err("a relevant place has no path".to_owned());
        }
        Ok(target)
    }
}

/// The category of a query that has none: as the benchmark tells them apart.
fn category_of(query: &str) -> &'static str {
    let trimmed = query.trim();
    if !trimmed.contains(' ') {
        "symbol"
    } else if trimmed.to_lowercase().starts_with("how ") {
        "architecture"
    } else {
        "semantic"
    }
}

/// Reads JSON of bounded size; a byte order mark is no fault.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<T, EvalError> {
    let malformed = |detail: String| EvalError::malformed(path, expected, detail);
    let size = std::fs::metadata(path)
        .map_err(EvalError::io("read", path))?
        .len();
    if size > MAX_LABEL_BYTES {
        return Err(malformed(format!(
            "it has {size} bytes, more than {MAX_LABEL_BYTES}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(EvalError::io("read", path))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(text).map_err(|error| malformed(error.to_string()))
}

fn read_query(value: Value) -> Result<LabelledQuery, String> {
    let raw: RawQuery = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if raw.query.trim().is_empty() {
        return Err("it asks nothing".to_owned());
    }
    // What the engine would refuse is refused before anything is indexed.
    Query::new(&raw.query, K).map_err(|error| error.to_string())?;
    let category = raw
        .category
        .unwrap_or_else(|| category_of(&raw.query).to_owned());
    let mut targets = Vec::new();
    for value in raw.relevant.into_iter().chain(raw.secondary) {
        let target = Target::read(value)?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        return Err("it has no relevant place".to_owned());
    }
    Ok(LabelledQuery {
        query: raw.query,
        category,
        targets,
    })
}

/// Reads and checks one file of labels.
pub(crate) fn read_queries(path: &Path) -> Result<Vec<LabelledQuery>, EvalError> {
    let malformed = |detail: String| EvalError::malformed(path, EXPECTED, detail);
    let values: Vec<Value> = read_json(path, EXPECTED)?;
    if values.is_empty() {
        return Err(malformed("it has no query".to_owned()));
    }
    let read = |(at, value)| {
        read_query(value).map_err(|detail| malformed(format!("query {}: {detail}", at + 1)))
    };
    values.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LabelledQuery>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("labels.json");
        std::fs::write(&path, text).expect("writes");
        read_queries(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn places_are_files_or_lines_and_none_counts_twice() {
        let labels = read(
            "\u{feff}[{\"query\":\"How is x read\",\"relevant\":[\"a.rs\",{\"path\":\"b.rs\",\"start_line\":3,\"end_line\":9}],\"secondary\":[\"a.rs\"]},{\"query\":\"read_x\",\"relevant\":[\"a.rs\"]}]",
        )
        .expect("labels");
        assert_eq!(labels[0].targets.len(), 2);
        assert_eq!(labels[0].targets[1].lines, Some((3, 9)));
        assert_eq!(labels[0].category, "architecture");
        assert_eq!(labels[1].category, "symbol");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_number() {
        let second = |query: &str| {
            read(&format!(
                "[{{\"query\":\"q\",\"relevant\":[\"a\"]}},{query}]"
            ))
            .expect_err("is refused")
        };
        for (query, told) in [
            ("{\"query\":\" \",\"relevant\":[\"a\"]}", "it asks nothing"),
            ("{\"query\":\"q\",\"relevant\":[]}", "no relevant place"),
            ("{\"query\":\"q\",\"relevant\":[\"\"]}", "no path"),
            (
                "{\"query\":\"q\",\"relevant\":[5]}",
                "neither path nor object",
            ),
            (
                "{\"query\":\"q\",\"relevant\":[{\"path\":\"a\",\"start_line\":3}]}",
                "both start_line and end_line",
            ),
            (
                "{\"query\":\"q\",\"relevant\":[{\"path\":\"a\",\"start_line\":9,\"end_line\":3}]}",
                "end after they start",
            ),
            (
                "{\"query\":\"q\",\"relevant\":[{\"path\":\"a\",\"lines\":[3,9]}]}",
                "unknown field `lines`",
            ),
            ("{\"relevant\":[\"a\"]}", "missing field `query`"),
            ("7", "invalid type"),
        ] {
            let error = second(query);
            assert!(
                error.contains("query 2: ") && error.contains(told),
                "{error}"
            );
        }
        let long = format!(
            "{{\"query\":\"{}\",\"relevant\":[\"a\"]}}",
            "x".repeat(20_000)
        );
        assert!(second(&long).contains("query 2: "));
        assert!(read("[]").expect_err("is refused").contains("no query"));
        assert!(read("{}").is_err() && read("").is_err());
    }
}
