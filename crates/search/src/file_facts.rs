//! What is known of a candidate's file for one query: its text as a whole, its
//! path, and what such files are usually worth.

use wherein_core::words;
use wherein_store::Snapshot;

use crate::candidates::Candidates;
use crate::file_role::FileRole;
use crate::lexicon::Lexicon;
use crate::understand::Understanding;

/// Names of files that say nothing of what is in them.
const UNTOLD_NAMES: &[&str] = &[
    "index", "mod", "lib", "main", "init", "__init__", "package", "all", "prelude",
];
/// Names of files that hold a bit of everything.
const MIXED_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "shared", "tools", "support",
];
/// Folders and names of what is kept for the past.
const PAST: &[&str] = &[
    "legacy",
    "deprecated",
    "compat",
    "compatibility",
    "old",
    "obsolete",
    "polyfill",
    "polyfills",
    "shim",
    "shims",
];
/// Folders and names of what is not for callers.
const INNER: &[&str] = &[
    "internal",
    "internals",
    "impl",
    "detail",
    "details",
    "private",
    "_internal",
    "_impl",
];
/// Folders and names of one platform, beside that of most servers and readers.
const OTHER_PLATFORMS: &[&str] = &[
    "win",
    "windows",
    "win32",
    "win64",
    "msvc",
    "mingw",
    "cygwin",
    "darwin",
    "macos",
    "osx",
    "mac",
    "bsd",
    "freebsd",
    "openbsd",
    "netbsd",
    "sunos",
    "solaris",
    "aix",
    "hpux",
    "os2",
    "os390",
    "zos",
    "ibmi",
    "haiku",
    "vms",
    "qnx",
    "wasm",
    "wasi",
    "emscripten",
];

/// Folders that may hold what was made from `src`.
const MADE_FOLDERS: &[&str] = &["lib", "dist", "build", "out", "esm", "cjs", "types"];
/// Ends of what is made from TypeScript and JavaScript.
const MADE_ENDS: &[&str] = &[".js", ".mjs", ".cjs", ".d.ts", ".d.mts", ".d.cts"];

/// A file, as one query sees it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what may hold of a file is independent of each other"
)]
pub(crate) struct FileFacts {
    /// BM25 over the whole text.
    pub(crate) score: f32,
    /// Sum of the scores of the best three chunks: long files have many that
    /// match a little.
    pub(crate) best_three: f32,
    /// Share of the query that its text covers.
    pub(crate) covered: f32,
    /// Share that its names and doc comments cover.
    pub(crate) heading: f32,
    /// How much of its chunks hold the query's terms.
    pub(crate) density: f32,
    /// Mean cosine of the best three chunks.
    pub(crate) meaning_three: f32,
    /// Mean cosine of all chunks.
    pub(crate) meaning_mean: f32,
    /// Share of the query that its path covers.
    pub(crate) path: f32,
    /// Share that the folders cover.
    pub(crate) folders: f32,
    /// Share that the name without extension covers.
    pub(crate) name: f32,
    /// How much of the name the query has.
    pub(crate) name_asked: f32,
    /// Share of the question's words that together are the name.
    pub(crate) name_is: f32,
    /// Whether the query names this path.
    pub(crate) path_asked: bool,
    pub(crate) role: FileRole,
    pub(crate) is_untold: bool,
    pub(crate) is_mixed: bool,
    pub(crate) is_past: bool,
    pub(crate) is_inner: bool,
    pub(crate) is_other_platform: bool,
    pub(crate) only_declares: bool,
    /// Chunks.
    pub(crate) rows: u32,
    /// Folders above it.
    pub(crate) depth: u32,
}

impl FileFacts {
    pub(crate) fn of(
        snapshot: &Snapshot,
        file: u32,
        candidates: &Candidates,
        lexicon: &Lexicon,
        understanding: &Understanding,
    ) -> Self {
        let (path, _, language) = snapshot.file(file);
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = stem(name);
        let (stem_mask, stem_terms, stem_held) =
            lexicon.matched_of(&words::lower_parts(stem).join(" "));
        let folder_mask = lexicon.matched(folders);
        let rows = snapshot.file_rows(file);
        let whole = candidates
            .lexical
            .as_ref()
            .map(|scores| scores.of_file(file))
            .unwrap_or_default();
        let best_three = candidates.lexical.as_ref().map_or(0.0, |scores| {
            let mut best = [0.0_f32; 3];
            for row in rows.clone() {
                let score = scores.of(row);
                if score > best[2] {
                    best[2] = score;
                    best.sort_unstable_by(|a, b| b.total_cmp(a));
                }
            }
            best.iter().sum()
        });
        let (heading, density) = candidates.lexical.as_ref().map_or((0.0, 0.0), |scores| {
            let (mut mask, mut sum) = (0, 0.0);
            for row in rows.clone() {
                mask |= scores.matched_in_heading(row);
                sum += lexicon.share(scores.matched(row));
            }
            (lexicon.share(mask), sum / rows.len().max(1) as f32)
        });
        let parts = path_words(path);
        let has = |names: &[&str]| parts.iter().any(|part| names.contains(&part.as_str()));
        let asked = |names: &[&str]| {
            understanding
                .words
                .iter()
                .any(|word| names.contains(&word.as_str()))
        };
        let lower_stem = stem.to_lowercase();
        let key = words::identifier_key(stem);
        let named = understanding.compounds.iter().filter(|one| one.key == key);
        let is_symbol = understanding
            .names
            .iter()
            .any(|one| words::identifier_key(&one.last) == key);
        let name_is = named.map(|one| one.share).fold(0.0_f32, f32::max);
        let lower_path = path.to_lowercase();
        Self {
            score: whole.score,
            best_three,
            covered: lexicon.share(whole.matched),
            heading,
            density,
            meaning_three: 0.0,
            meaning_mean: 0.0,
            path: lexicon.share(folder_mask | lexicon.matched(name)),
            folders: lexicon.share(folder_mask),
            name: lexicon.share(stem_mask),
            name_asked: stem_held as f32 / stem_terms.max(1) as f32,
            name_is: if is_symbol { 1.0 } else { name_is },
            path_asked: understanding
                .paths
                .iter()
                .any(|asked| ends_with_path(&lower_path, asked)),
            role: FileRole::of(path, language),
            is_untold: UNTOLD_NAMES.contains(&lower_stem.as_str()),
            is_mixed: MIXED_NAMES.contains(&lower_stem.as_str()) && !asked(MIXED_NAMES),
            is_past: has(PAST) && !asked(PAST),
            is_inner: has(INNER) && !asked(INNER),
            is_other_platform: has(OTHER_PLATFORMS) && !asked(OTHER_PLATFORMS),
            only_declares: only_declares(name),
            rows: rows.len() as u32,
            depth: folders.split('/').filter(|part| !part.is_empty()).count() as u32,
        }
    }
}

/// A file's name without its extensions.
fn stem(name: &str) -> &str {
    let trimmed = name.trim_start_matches('.');
    trimmed.split('.').next().unwrap_or(trimmed)
}

/// Words of a path in lower case, each folder and name also as a whole.
fn path_words(path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in path.split('/') {
        let part = stem(part).to_lowercase();
        all.extend(
            part.split(['-', '_'])
                .filter(|one| !one.is_empty())
                .map(str::to_owned),
        );
        all.push(part);
    }
    all
}

fn ends_with_path(path: &str, asked: &str) -> bool {
    path.strip_suffix(asked)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        || path.contains('/')
            && path.split_once(asked).is_some_and(|(before, after)| {
                (before.is_empty() || before.ends_with('/')) && after.starts_with('/')
            })
}

/// Whether files of this name declare what others define.
fn only_declares(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        ".h", ".d.ts", ".d.mts", ".d.cts", ".pyi", ".mli", ".hs-boot",
    ]
    .iter()
    .any(|end| lower.ends_with(end))
}

/// The version that a folder is named after (`v3`).
fn version(folder: &str) -> Option<u32> {
    folder.strip_prefix(['v', 'V'])?.parse().ok()
}

/// Which of these paths lie in the folder of a version that is not the newest
/// among them: one beside a folder of a later version, or a first version
/// beside code that has no version.
pub(crate) fn older_versions(paths: &[&str]) -> Vec<bool> {
    let folder_of = |path: &str| -> Option<(String, u32)> {
        let mut before = String::new();
        for folder in path.rsplit_once('/')?.0.split('/') {
            if let Some(version) = version(folder) {
                return Some((before, version));
            }
            before.push_str(folder);
            before.push('/');
        }
        None
    };
    let places: Vec<Option<(String, u32)>> = paths.iter().map(|path| folder_of(path)).collect();
    let newest = |prefix: &str| {
        let versions = places.iter().flatten().filter(|place| place.0 == prefix);
        versions.map(|place| place.1).max().unwrap_or(0)
    };
    let has_plain = |prefix: &str| {
        let mut all = paths.iter().zip(&places);
        all.any(|(path, place)| place.is_none() && path.starts_with(prefix))
    };
    places
        .iter()
        .map(|place| {
            place.as_ref().is_some_and(|(prefix, version)| {
                *version < newest(prefix) || *version <= 1 && has_plain(prefix)
            })
        })
        .collect()
}

/// Which of these paths are made from another one among them: of one name, one
/// in `src`, the other where builds put what they make of JavaScript.
pub(crate) fn built_twins(paths: &[&str]) -> Vec<bool> {
    let name = |path: &str| stem(path.rsplit('/').next().unwrap_or(path)).to_owned();
    let has = |path: &str, folders: &[&str]| {
        path.split('/')
            .rev()
            .skip(1)
            .any(|one| folders.contains(&one))
    };
    let sources: Vec<String> = paths
        .iter()
        .filter(|path| has(path, &["src"]) && !has(path, MADE_FOLDERS))
        .map(|path| name(path))
        .collect();
    paths
        .iter()
        .map(|path| {
            let is_made = MADE_ENDS.iter().any(|end| path.ends_with(end));
            is_made && has(path, MADE_FOLDERS) && sources.contains(&name(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_told_by_its_source() {
        let built = built_twins(&[
            "src/router.ts",
            "lib/router.js",
            "lib/src/router.d.ts",
            "lib/own.js",
            "src/lib/util.ts",
            "packages/a/build/router.mjs",
            "lib/router.rb",
        ]);
        assert_eq!(built, [false, true, true, false, false, true, false]);
    }

    #[test]
    fn older_versions_are_told_from_the_newest() {
        let older = older_versions(&[
            "src/v3/types.ts",
            "src/v4/core/types.ts",
            "lib/v1/a.py",
            "lib/main.py",
            "api/v1/routes.go",
            "api/v2/routes.go",
            "other/v2/x.go",
            "version.c",
        ]);
        assert_eq!(older, [true, false, true, false, true, false, false, false]);
    }

    #[test]
    fn paths_are_recognised_from_their_end_or_as_a_folder() {
        assert!(ends_with_path("src/auth/login.rs", "auth/login.rs"));
        assert!(ends_with_path("src/auth/login.rs", "login.rs"));
        assert!(ends_with_path("src/auth/login.rs", "src/auth"));
        assert!(!ends_with_path("src/auth/nologin.rs", "login.rs"));
        assert!(!ends_with_path("src/author/x.rs", "src/auth"));
    }

    #[test]
    fn words_of_a_path() {
        assert_eq!(
            path_words("src/win32/file_io.c"),
            ["src", "src", "win32", "win32", "file", "io", "file_io"]
        );
        assert!(only_declares("uv.h") && only_declares("a.d.ts") && !only_declares("a.hpp"));
        assert_eq!(stem(".eslintrc.json"), "eslintrc");
    }
}
