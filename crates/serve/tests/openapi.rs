//! The description and the routes: the same in both directions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Place, text};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                all.push((method.to_owned(), path.clone(), operation.clone()));
            }
        }
    }
    all
}

#[test]
fn every_described_route_answers_and_no_other_method_does() {
    let place = Place::new();
    let server = place.serve();
    let document = server.get("/openapi.json").expect(200);
    assert!(text(&document["openapi"]).starts_with("3.1"));
    assert_eq!(
        document,
        serde_json::to_value(wherein_serve::openapi()).expect("json")
    );
    let described: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let expected = [
        ("get", "/healthz"),
        ("get", "/openapi.json"),
        ("get", "/readyz"),
        ("get", "/metrics"),
        ("post", "/v1/search"),
        ("post", "/v1/context"),
        ("post", "/v1/related"),
        ("get", "/v1/repos"),
        ("get", "/v1/repos/{name}"),
        ("put", "/v1/repos/{name}"),
        ("delete", "/v1/repos/{name}"),
        ("post", "/v1/repos/{name}/index"),
        ("get", "/v1/jobs"),
        ("get", "/v1/jobs/{id}"),
        ("post", "/v1/jobs/{id}/cancel"),
        ("get", "/v1/jobs/{id}/events"),
    ];
    for (method, path) in expected {
        assert!(
            described.contains(&(method.to_owned(), path.to_owned())),
            "{method} {path}"
        );
    }
    for (_, path, _) in operations(&document) {
        let real = path.replace("{name}", "nobody").replace("{id}", "none");
        for method in METHODS {
            let answer = server.json(&method.to_uppercase(), &real, &json!({}));
            let is_described = described.contains(&(method.to_owned(), path.clone()));
            assert_eq!(
                answer.status != 405,
                is_described,
                "{method} {path}: {answer:?}"
            );
            if answer.status == 404 {
                assert_ne!(
                    answer.body_json()["type"],
                    "urn:wherein:problem:unknown-route"
                );
            }
        }
    }
}

#[test]
fn every_answer_is_one_of_those_described() {
    let place = Place::new();
    let server = place.serve();
    let document = server.get("/openapi.json").expect(200);
    let job = server.index("shop", &json!({}));
    let job_path = format!("/v1/jobs/{}", text(&job["id"]));
    let cancel_path = format!("{job_path}/cancel");
    let search = json!({ "query": "login", "explain": true });
    for (method, route, path, body) in [
        ("get", "/healthz", "/healthz", Value::Null),
        ("get", "/readyz", "/readyz", Value::Null),
        ("post", "/v1/search", "/v1/search", search),
        ("post", "/v1/search", "/v1/search", json!({ "query": "" })),
        (
            "post",
            "/v1/search",
            "/v1/search",
            json!({ "query": "a", "repos": ["x"] }),
        ),
        (
            "post",
            "/v1/context",
            "/v1/context",
            json!({ "query": "login", "exclude": [] }),
        ),
        (
            "post",
            "/v1/related",
            "/v1/related",
            json!({ "repo": "shop", "path": "src/auth/login.rs", "line": 2 }),
        ),
        (
            "post",
            "/v1/related",
            "/v1/related",
            json!({ "repo": "shop", "path": "none", "line": 2 }),
        ),
        ("get", "/v1/jobs", "/v1/jobs", Value::Null),
        (
            "post",
            "/v1/jobs/{id}/cancel",
            cancel_path.as_str(),
            json!({}),
        ),
        ("get", "/v1/repos", "/v1/repos", Value::Null),
        ("get", "/v1/repos/{name}", "/v1/repos/shop", Value::Null),
        ("get", "/v1/repos/{name}", "/v1/repos/x", Value::Null),
        (
            "put",
            "/v1/repos/{name}",
            "/v1/repos/shop",
            json!({ "path": place.repository() }),
        ),
        (
            "post",
            "/v1/repos/{name}/index",
            "/v1/repos/shop/index",
            json!({}),
        ),
        ("get", "/v1/jobs/{id}", job_path.as_str(), Value::Null),
        ("get", "/v1/jobs/{id}", "/v1/jobs/x", Value::Null),
    ] {
        let answer = if body.is_null() {
            server.send(&method.to_uppercase(), path, &[], b"")
        } else {
            server.json(&method.to_uppercase(), path, &body)
        };
        let response = &document["paths"][route][method]["responses"][answer.status.to_string()];
        let content = response["content"]
            .as_object()
            .unwrap_or_else(|| panic!("{method} {path} {}", answer.status));
        let media_type = answer.header("content-type").expect("a type");
        let schema = &content
            .get(media_type)
            .unwrap_or_else(|| panic!("{method} {path}: {media_type}"))["schema"];
        let failures = check(&document, schema, &answer.body_json(), path);
        assert!(failures.is_empty(), "{failures:#?}");
    }
}

#[test]
fn bodies_are_described_as_strictly_as_they_are_read() {
    let document = serde_json::to_value(wherein_serve::openapi()).expect("json");
    for name in [
        "SearchRequest",
        "SearchFilters",
        "RegisterRequest",
        "IndexRequest",
    ] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}: {schema}");
    }
    let search = &document["components"]["schemas"]["SearchRequest"];
    assert_eq!(search["required"], json!(["query"]));
    assert_eq!(search["properties"]["k"]["maximum"], 1000);
    for (method, path, operation) in operations(&document) {
        assert!(operation["operationId"].is_string(), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        let statuses = operation["responses"].as_object().expect("responses");
        for status in ["400", "403", "413", "421", "500", "503"] {
            assert!(statuses.contains_key(status), "{method} {path} {status}");
        }
        let takes_body = operation.get("requestBody").is_some();
        assert_eq!(takes_body, statuses.contains_key("415"), "{method} {path}");
    }
}

/// As much of JSON Schema as the document uses: what does not fit, and where.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#'));
        let target = target.unwrap_or_else(|| panic!("{reference} is not described"));
        return check(document, target, value, at);
    }
    if let Some(any) = schema
        .get("oneOf")
        .or(schema.get("anyOf"))
        .and_then(Value::as_array)
    {
        let fits = any
            .iter()
            .any(|one| check(document, one, value, at).is_empty());
        return if fits {
            Vec::new()
        } else {
            vec![format!("{at}: {value} is none of {schema}")]
        };
    }
    let mut failures = Vec::new();
    let types = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(some) => some.iter().map(text).collect(),
        _ => Vec::new(),
    };
    let is_of = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    };
    if !types.is_empty() && !types.iter().any(|name| is_of(name)) {
        failures.push(format!("{at}: {value} is not {types:?}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        failures.push(format!("{at}: {value} is not one of {values:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
        {
            if !object.contains_key(&name) {
                failures.push(format!("{at}: {name} is missing"));
            }
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, value) in object {
                match properties.get(name) {
                    Some(schema) => {
                        failures.extend(check(document, schema, value, &format!("{at}.{name}")));
                    }
                    None => failures.push(format!("{at}: {name} is not described")),
                }
            }
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        let schema = schema["prefixItems"].get(index).unwrap_or(&schema["items"]);
        failures.extend(check(document, schema, value, &format!("{at}[{index}]")));
    }
    failures
}
