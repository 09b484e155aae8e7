//! What is known of a candidate's file for one query: its text as a whole, its
//! path, and what such files are usually worth.

use wherein_core::words;

use crate::candidates::Candidates;
use crate::corpus::Corpus;
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
        corpus: &Corpus<'_>,
        file: u32,
        candidates: &Candidates,
        lexicon: &Lexicon,
        understanding: &Understanding,
    ) -> Self {
        let (path, _, language) = corpus.file(file);
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = stem(name);
        let (stem_mask, stem_terms, stem_held) =
            lexicon.matched_of(&words::lower_parts(stem).join(" "));
        let folder_mask = lexicon.matched(folders);
        let rows = corpus.file_rows(file);
        let whole = candidates
            .lexical
            .as_ref()
            .map(|scores| scores.of_file(file))
            .unwrap_or_default();
        let best_three = candidates.lexical.as_ref().map_or(0.0, |scores| {
            let mut best = [0.0_f32; 3];
            for row in rows.clone() {
                let score = scores.of_row(row);
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
                .any(|asked| asked.means(&lower_path)),
            role: FileRole::of(path, language),
            is_untold: UNTOLD_NAMES.contains(&lower_stem.as_str()),
            is_mixed: MIXED_NAMES.contains(&lower_stem.as_str()) && !asked(MIXED_NAMES),
            is_past: has(PAST) && !asked(PAST),
            is_inner: has(INNER) && !asked(INNER),
            is_other_platform: is_of_platform(path) && !asked(OTHER_PLATFORMS),
            only_declares: only_declares(name),
            rows: rows.len() as u32,
            depth: folders.split('/').filter(|part| !part.is_empty()).count() as u32,
        }
    }
}

/// A file's name without its extensions.
pub(crate) fn stem(name: &str) -> &str {
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

/// Whether a path is of one platform. A file that is named `mac` or `win` and
/// nothing else is as likely about authentication codes or winning.
fn is_of_platform(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_one = |part: &String| OTHER_PLATFORMS.contains(&part.as_str());
    let name = path_words(name);
    let short = name.len() <= 2 && name.iter().all(|part| part.len() <= 3);
    path_words(folders).iter().any(is_one) || !short && name.iter().any(is_one)
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

/// Of each of these paths the folder of a version that is not the newest among
/// them: one beside a folder of a later version, or a first version of a file
/// that is there without a version too.
pub(crate) fn older_versions<'a>(paths: &[&'a str]) -> Vec<Option<&'a str>> {
    /// What is before the folder, the folder, its version, and what is after it.
    type Place<'a> = (&'a str, &'a str, u32, &'a str);
    let place = |path: &'a str| -> Option<Place<'a>> {
        let mut start = 0;
        for folder in path.rsplit_once('/')?.0.split('/') {
            let end = start + folder.len();
            if let Some(version) = version(folder) {
                return Some((&path[..start], folder, version, &path[end + 1..]));
            }
            start = end + 1;
        }
        None
    };
    let places: Vec<Option<Place<'_>>> = paths.iter().map(|path| place(path)).collect();
    let newest = |before: &str| {
        let versions = places.iter().flatten().filter(|place| place.0 == before);
        versions.map(|place| place.2).max().unwrap_or(0)
    };
    let has_plain = |before: &str, after: &str| {
        let after_it = |path: &&str| path.strip_prefix(before) == Some(after);
        paths.iter().any(after_it)
    };
    places
        .iter()
        .map(|place| {
            place
                .filter(|(before, _, version, after)| {
                    *version < newest(before) || *version <= 1 && has_plain(before, after)
                })
                .map(|place| place.1)
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
            "lib/a.py",
            "api/v1/routes.go",
            "api/v2/routes.go",
            "other/v2/x.go",
            "version.c",
            "web/v1/users.py",
            "web/app.py",
            "web/README.md",
        ]);
        let past = [Some("v3"), None, Some("v1"), None, Some("v1")];
        assert_eq!(older[..5], past);
        assert_eq!(older[5..], [None; 6]);
    }

    #[test]
    fn words_of_a_path() {
        assert_eq!(
            path_words("src/win32/file_io.c"),
            ["src", "src", "win32", "win32", "file", "io", "file_io"]
        );
        assert!(is_of_platform("src/win/pipe.c") && is_of_platform("src/pipe_win.c"));
        assert!(is_of_platform("src/windows.rs") && !is_of_platform("crypto/mac.rs"));
        assert!(only_declares("uv.h") && only_declares("a.d.ts") && !only_declares("a.hpp"));
        assert_eq!(stem(".eslintrc.json"), "eslintrc");
    }
}
