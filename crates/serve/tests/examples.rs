//! The examples of `API.md`, executed.

use serde_json::Value;

use crate::support::{Place, Server, text};

const DOCUMENT: &str = include_str!("../API.md");

struct Example {
    method: String,
    path: String,
    body: String,
    /// `json` or `text`.
    kind: String,
    status: u16,
    expected: String,
}

/// Each `http` block with the block that follows it.
fn examples() -> Vec<Example> {
    let blocks: Vec<(&str, &str)> = DOCUMENT
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap_or((block, "")))
        .collect();
    let pairs: Vec<Example> = blocks
        .windows(2)
        .filter(|pair| pair[0].0 == "http")
        .map(|pair| {
            let (request, body) = pair[0].1.split_once('\n').unwrap_or((pair[0].1, ""));
            let (method, path) = request.split_once(' ').expect("method and path");
            let (kind, status) = pair[1].0.split_once(' ').expect("kind and status");
            Example {
                method: method.to_owned(),
                path: path.to_owned(),
                body: body.to_owned(),
                kind: kind.to_owned(),
                status: status.parse().expect("a status"),
                expected: pair[1].1.to_owned(),
            }
        })
        .collect();
    let requests = blocks.iter().filter(|block| block.0 == "http").count();
    assert_eq!(pairs.len(), requests, "each request has its answer");
    pairs
}

/// What of `expected` is not so; `…` is anything, and lists may go on.
fn differences(expected: &Value, given: &Value, at: &str) -> Vec<String> {
    match (expected, given) {
        (Value::String(any), _) if any == "…" => {
            let is_there = !given.is_null();
            (!is_there)
                .then(|| format!("{at} is missing"))
                .into_iter()
                .collect()
        }
        (Value::Object(fields), Value::Object(all)) => fields
            .iter()
            .flat_map(|(name, value)| {
                let given = all.get(name).unwrap_or(&Value::Null);
                let is_missing = !all.contains_key(name);
                let at = format!("{at}.{name}");
                if is_missing {
                    vec![format!("{at} is missing")]
                } else {
                    differences(value, given, &at)
                }
            })
            .collect(),
        (Value::Array(items), Value::Array(all)) => {
            if all.len() < items.len() || items.is_empty() && !all.is_empty() {
                return vec![format!("{at} has {} items", all.len())];
            }
            let pairs = items.iter().zip(all).enumerate();
            pairs
                .flat_map(|(number, (item, given))| {
                    differences(item, given, &format!("{at}[{number}]"))
                })
                .collect()
        }
        _ if expected == given => Vec::new(),
        _ => vec![format!("{at} is {given}, not {expected}")],
    }
}

fn follow(server: &Server, example: &Example, shop: &str, job: &mut String) {
    let filled = |text: &str, job: &str| text.replace("{shop}", shop).replace("{job}", job);
    let path = filled(&example.path, job);
    let body = filled(&example.body, job);
    let headers: &[(&str, &str)] = if body.is_empty() {
        &[]
    } else {
        &[("Content-Type", "application/json")]
    };
    let answer = server.send(&example.method, &path, headers, body.as_bytes());
    let what = format!("{} {path}", example.method);
    assert_eq!(answer.status, example.status, "{what}: {answer:?}");
    if example.kind == "text" {
        let expected = example.expected.trim();
        assert!(answer.body.contains(expected), "{what}: {answer:?}");
        return;
    }
    let given = answer.body_json();
    if example.expected.contains("{job}") && job.is_empty() {
        *job = text(&given["id"]);
    }
    let expected: Value =
        serde_json::from_str(&filled(&example.expected, job)).expect("the example is JSON");
    let wrong = differences(&expected, &given, "");
    assert!(wrong.is_empty(), "{what}: {wrong:?}\n{given}");
}

#[test]
fn examples_of_the_document_do_what_they_say() {
    let place = Place::new();
    let server = place.serve();
    let shop = place.repository().canonicalize().expect("a path");
    let mut job = String::new();
    for example in examples() {
        follow(&server, &example, &shop.to_string_lossy(), &mut job);
    }
}

#[test]
fn examples_show_every_route() {
    let document = serde_json::to_value(wherein_serve::openapi()).expect("json");
    let shown: Vec<(String, Vec<String>)> = examples()
        .into_iter()
        .map(|example| {
            let parts = example.path.split('/').map(str::to_owned).collect();
            (example.method.to_lowercase(), parts)
        })
        .collect();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            let is_it = |(given, parts): &(String, Vec<String>)| {
                let wanted: Vec<&str> = path.split('/').collect();
                given == method
                    && parts.len() == wanted.len()
                    && wanted
                        .iter()
                        .zip(parts)
                        .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
            };
            assert!(shown.iter().any(is_it), "no example of {method} {path}");
        }
    }
}
