//! tract and native ONNX Runtime give the same vectors.
//!
//! There is one backend a process, so the test starts itself twice and compares
//! what the two print. It needs a library: set `WHEREIN_ONNXRUNTIME` to one
//! (`PyPI`'s onnxruntime wheel holds it); without, it says so and passes.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use wherein_embed::{DocumentParts, backend, shipped};

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
    let model = shipped().expect("the shipped model loads");
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
    let output = Command::new(std::env::current_exe().expect("this test's own path"))
        .args(["--exact", "child_prints_its_vectors", "--nocapture"])
        .env(CHILD, "1")
        .env("WHEREIN_ONNXRUNTIME", library)
        .output()
        .expect("the child starts");
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

#[test]
fn native_and_built_in_runtimes_agree() {
    let Some(library) = std::env::var_os("WHEREIN_ONNXRUNTIME")
        .filter(|library| !library.is_empty() && library != "off")
    else {
        println!("not compared: WHEREIN_ONNXRUNTIME names no library");
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
