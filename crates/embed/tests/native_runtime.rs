//! tract and native ONNX Runtime give the same vectors.
//!
//! There is one backend a process, so the test starts itself twice and compares
//! what the two print. It needs a library in `WHEREIN_ONNXRUNTIME`, and for an
//! added encoder its folder in `WHEREIN_EMBED_TEST_MODEL`; without, it says so and
//! passes. `make test-models` fetches both.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use wherein_embed::{DocumentParts, Embedder, Encoder, Manifest, backend, shipped};

/// Folder of an added encoder; the child takes it in the place of the shipped one.
const MODEL: &str = "WHEREIN_EMBED_TEST_MODEL";
const CHILD: &str = "WHEREIN_EMBED_TEST_CHILD";
const TEXTS: [&str; 5] = [
    "where is a session opened",
    "fn parse_header(line: &str) -> Result<Header, Error> { line.split_once(':') }",
    "x",
    "",
    "class UserRepository(private val database: Database) { fun findById(id: Long): User? }",
];

/// Run as a child: prints the backend and the vectors.
#[test]
fn child_prints_its_vectors() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let model: Arc<dyn Embedder> = match std::env::var_os(MODEL).map(PathBuf::from) {
        None => shipped().expect("the shipped model loads"),
        Some(folder) => {
            let manifest = Manifest::read(&folder).expect("a manifest");
            Arc::new(Encoder::load(&folder, &manifest).expect("the model loads"))
        }
    };
    println!("backend {}", backend().expect("a backend").name);
    let documents = TEXTS.map(|body| DocumentParts {
        path: "src/users/session.rs",
        doc: "Opens the session of a user.",
        body,
        ..DocumentParts::default()
    });
    let queries = model.embed_queries(&TEXTS);
    let documents = model.embed_documents(&documents);
    for rows in [queries, documents] {
        for value in rows.expect("any text can be embedded") {
            println!("value {value:e}");
        }
    }
}

fn run(library: &std::ffi::OsStr) -> (String, Vec<f32>) {
    run_with(library, None)
}

fn run_with(library: &std::ffi::OsStr, model: Option<&std::ffi::OsStr>) -> (String, Vec<f32>) {
    let mut command = Command::new(std::env::current_exe().expect("this test's own path"));
    command
        .args(["--exact", "child_prints_its_vectors", "--nocapture"])
        .env(CHILD, "1")
        .env_remove(MODEL)
        .env("WHEREIN_ONNXRUNTIME", library);
    if let Some(model) = model {
        command.env(MODEL, model);
    }
    let output = command.output().expect("the child starts");
    let text = String::from_utf8(output.stdout).expect("the child prints UTF-8");
    assert!(output.status.success(), "the child failed: {text}");
    let lines = |mark: &'static str| {
        text.lines()
            .filter_map(move |line| line.split(mark).nth(1))
            .map(str::to_owned)
    };
    let backend = lines("backend ")
        .next()
        .expect("the child names its backend");
    let values = lines("value ")
        .map(|value| value.parse().expect("a number"))
        .collect();
    (backend, values)
}

#[test]
fn off_means_the_built_in_runtime() {
    for off in ["", "off"] {
        assert_eq!(run(off.as_ref()).0, "tract");
    }
}

#[test]
fn a_library_that_cannot_be_used_is_passed_over() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for unusable in ["/nowhere/libonnxruntime.so", manifest] {
        assert_eq!(run(unusable.as_ref()).0, "tract");
    }
}

/// The library that the environment names.
fn library() -> Option<std::ffi::OsString> {
    let named = std::env::var_os("WHEREIN_ONNXRUNTIME")
        .filter(|library| !library.is_empty() && library != "off");
    if named.is_none() {
        println!("not compared: WHEREIN_ONNXRUNTIME names no library");
    }
    named
}

#[test]
fn native_and_built_in_runtimes_agree() {
    let Some(library) = library() else {
        return;
    };
    let (native, native_values) = run(&library);
    assert_eq!(native, "onnxruntime", "the library could not be used");
    let (built_in, built_in_values) = run("off".as_ref());
    assert_eq!(built_in, "tract");
    assert_eq!(native_values.len(), 2 * TEXTS.len() * 256);
    for (a, b) in native_values.iter().zip(&built_in_values) {
        assert!((a - b).abs() <= 1e-4, "{a} and {b}");
    }
}

/// Their arithmetic of 8 bits differs: what counts is that nothing is ranked
/// otherwise because of it.
#[test]
fn both_agree_about_an_added_encoder() {
    let (Some(library), Some(model)) = (library(), std::env::var_os(MODEL)) else {
        return;
    };
    let (native, native_values) = run_with(&library, Some(&model));
    assert_eq!(native, "onnxruntime", "the library could not be used");
    let (_, built_in_values) = run_with("off".as_ref(), Some(&model));
    let dimensions = native_values.len() / (2 * TEXTS.len());
    assert_eq!(native_values.len(), built_in_values.len());
    let rows = native_values
        .chunks(dimensions)
        .zip(built_in_values.chunks(dimensions));
    for (at, (a, b)) in rows.enumerate() {
        let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        // A text without words has a row of zeros.
        let is_nothing = TEXTS[at % TEXTS.len()].is_empty();
        assert!(
            cosine > 0.98 || (is_nothing && a == b),
            "row {at}: {cosine}"
        );
    }
}
