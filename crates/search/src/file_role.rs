//! What a file is for, told by its path: code, test, example, vendored, prose.

use wherein_core::Language;

/// The part that a file plays in its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// What the repository is about.
    Code,
    /// Tests and their helpers.
    Test,
    /// Examples, demos, benchmarks, documentation code.
    Example,
    /// Somebody else's code, copied in.
    Vendored,
    /// Made from other files, by its folder.
    Built,
    /// Text for people.
    Prose,
    /// Data and configuration.
    Data,
}

const TEST_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "testing",
    "testdata",
    "test-data",
    "fixtures",
    "e2e",
    "mocks",
    "__mocks__",
    "testsuite",
    "unittests",
];
const EXAMPLE_FOLDERS: &[&str] = &[
    "example",
    "examples",
    "demo",
    "demos",
    "sample",
    "samples",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "docs",
    "doc",
    "tutorial",
    "tutorials",
    "playground",
];
const VENDORED_FOLDERS: &[&str] = &[
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "external",
    "deps",
    "node_modules",
    "bower_components",
    "_vendor",
];

/// Folders that hold what a build made of JavaScript and its kin.
const BUILT_FOLDERS: &[&str] = &[
    "dist",
    "dist-esm",
    "dist-cjs",
    "dist-types",
    "esm",
    "cjs",
    "umd",
    "commonjs",
];
/// Ends of what such a build makes.
const BUILT_ENDS: &[&str] = &[".js", ".mjs", ".cjs", ".d.ts", ".d.mts", ".d.cts", ".css"];

impl FileRole {
    /// Of a file with this relative path and language.
    pub fn of(path: &str, language: Language) -> Self {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let in_one_of = |names: &[&str]| {
            folders
                .split('/')
                .any(|folder| names.iter().any(|name| folder.eq_ignore_ascii_case(name)))
        };
        if in_one_of(VENDORED_FOLDERS) {
            Self::Vendored
        } else if in_one_of(BUILT_FOLDERS) && BUILT_ENDS.iter().any(|end| name.ends_with(end)) {
            Self::Built
        } else if in_one_of(TEST_FOLDERS) || is_test_name(name, language) {
            Self::Test
        } else if in_one_of(EXAMPLE_FOLDERS) {
            Self::Example
        } else if language.is_prose() {
            Self::Prose
        } else if language.is_data() {
            Self::Data
        } else {
            Self::Code
        }
    }
}

fn is_test_name(name: &str, language: Language) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let lower = stem.to_ascii_lowercase();
    // `KeySpec.java` is what it says; `LoginIT.java` is an integration test.
    let spec = !matches!(language, Language::Java | Language::CSharp | Language::Cpp);
    let camel = ["Test", "Tests", "IT"]
        .into_iter()
        .chain(spec.then_some("Spec"))
        .any(|end| {
            let before = stem.strip_suffix(end);
            before.is_some_and(|before| {
                before.ends_with(|c: char| c.is_lowercase() || c.is_numeric())
            })
        });
    let dotted = name
        .split('.')
        .skip(1)
        .any(|part| part == "test" || part == "spec");
    camel
        || dotted
        || lower == "conftest"
        || lower == "test"
        || lower == "tests"
        || lower.starts_with("test_")
        || lower.ends_with("_test")
        || lower.ends_with("_tests")
        || lower.ends_with("_spec")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_a_file_is_for() {
        use Language::{Go, Java, Json, Markdown, Python, Rust, TypeScript};
        for (path, language, role) in [
            ("src/auth.rs", Rust, FileRole::Code),
            ("src/latest.rs", Rust, FileRole::Code),
            ("src/contest.py", Python, FileRole::Code),
            ("tests/a.py", Python, FileRole::Test),
            ("pkg/server_test.go", Go, FileRole::Test),
            ("src/LoginTest.java", Java, FileRole::Test),
            ("src/a.spec.ts", TypeScript, FileRole::Test),
            ("src/LoginIT.java", Java, FileRole::Test),
            ("src/HTTP2Test.java", Java, FileRole::Test),
            ("src/MethodSpec.java", Java, FileRole::Code),
            ("src/LoginSpec.scala", Language::Scala, FileRole::Test),
            ("db/AUDIT.sql", Language::Sql, FileRole::Code),
            ("src/LIMIT.rs", Rust, FileRole::Code),
            ("app/test_login.py", Python, FileRole::Test),
            ("examples/tests/a.rs", Rust, FileRole::Test),
            ("examples/a.rs", Rust, FileRole::Example),
            ("vendor/lib/tests/a.go", Go, FileRole::Vendored),
            ("dist/esm/router.js", TypeScript, FileRole::Built),
            ("dist/main.rs", Rust, FileRole::Code),
            ("README.md", Markdown, FileRole::Prose),
            ("package.json", Json, FileRole::Data),
        ] {
            assert_eq!(FileRole::of(path, language), role, "{path}");
        }
    }
}
