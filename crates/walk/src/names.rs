//! Files that are not worth opening, told by name: not text, or written by a
//! program.

use wherein_core::SkipReason;

use crate::secrets;

/// Extensions of files that are not text, in lower case. Sorted.
const BINARY: &[&str] = &[
    "3gp",
    "7z",
    "a",
    "aab",
    "aac",
    "aar",
    "apk",
    "arrow",
    "avi",
    "avif",
    "avro",
    "bin",
    "blend",
    "bmp",
    "br",
    "bz2",
    "cab",
    "class",
    "crate",
    "db",
    "db3",
    "deb",
    "dll",
    "dmg",
    "doc",
    "docx",
    "dylib",
    "ear",
    "egg",
    "elc",
    "eot",
    "epub",
    "exe",
    "fbx",
    "feather",
    "flac",
    "flv",
    "gem",
    "gguf",
    "gif",
    "glb",
    "gmo",
    "gz",
    "h5",
    "hdf5",
    "heic",
    "hi",
    "icns",
    "ico",
    "idx",
    "img",
    "ipa",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "jxl",
    "ko",
    "lib",
    "lz4",
    "lzma",
    "m4a",
    "m4v",
    "mid",
    "mkv",
    "mo",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "mpg",
    "msi",
    "npy",
    "npz",
    "nupkg",
    "o",
    "obj",
    "odp",
    "ods",
    "odt",
    "ogg",
    "ogv",
    "onnx",
    "opus",
    "orc",
    "otf",
    "parquet",
    "pdb",
    "pdf",
    "pickle",
    "pkl",
    "png",
    "ppt",
    "pptx",
    "psd",
    "pt",
    "pth",
    "pyc",
    "pyd",
    "pyo",
    "rar",
    "rlib",
    "rmeta",
    "rpm",
    "safetensors",
    "so",
    "sqlite",
    "sqlite3",
    "swf",
    "tar",
    "tflite",
    "tfrecord",
    "tgz",
    "tif",
    "tiff",
    "ttc",
    "ttf",
    "tzst",
    "war",
    "wasm",
    "wav",
    "webm",
    "webp",
    "whl",
    "wma",
    "wmv",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xz",
    "zip",
    "zst",
    "zstd",
];

/// Lock files, in lower case. Sorted.
const LOCKS: &[&str] = &[
    "bun.lock",
    "cargo.lock",
    "composer.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
];

/// Ends of the names of generated files, in lower case.
const GENERATED_ENDS: &[&str] = &[
    ".map",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    ".pb.go",
    ".pb.cc",
    ".pb.h",
    ".g.dart",
    ".freezed.dart",
    ".designer.cs",
];

/// Ends of the names of minified files, in lower case.
const MINIFIED_ENDS: &[&str] = &[".min.js", ".min.css", ".min.mjs", ".min.cjs", ".min.html"];

/// Why a file named `name`, in a folder named `folder`, is not opened; `None`
/// when its name says nothing against it.
pub(crate) fn gate(folder: &str, name: &str) -> Option<(SkipReason, String)> {
    if let Some(detail) = secrets::by_name(folder, name) {
        return Some((SkipReason::Secret, detail));
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, extension)) = lower.rsplit_once('.')
        && BINARY.binary_search(&extension).is_ok()
    {
        return Some((SkipReason::Binary, format!("named *.{extension}")));
    }
    let ending = |ends: &[&'static str]| ends.iter().find(|end| lower.ends_with(*end)).copied();
    if let Some(end) = ending(MINIFIED_ENDS) {
        return Some((SkipReason::Minified, format!("named *{end}")));
    }
    if LOCKS.binary_search(&lower.as_str()).is_ok() {
        return Some((SkipReason::Generated, format!("a lock file: {lower}")));
    }
    if let Some(end) = ending(GENERATED_ENDS) {
        return Some((SkipReason::Generated, format!("named *{end}")));
    }
    if lower.contains(".generated.") {
        return Some((SkipReason::Generated, "named *.generated.*".to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_the_search_finds_them() {
        assert!(BINARY.is_sorted() && LOCKS.is_sorted());
    }

    #[test]
    fn names_give_files_away() {
        for (name, expected) in [
            ("logo.PNG", Some(SkipReason::Binary)),
            ("lib.so", Some(SkipReason::Binary)),
            ("data.sqlite", Some(SkipReason::Binary)),
            ("app.min.js", Some(SkipReason::Minified)),
            ("app.js.map", Some(SkipReason::Generated)),
            ("Cargo.lock", Some(SkipReason::Generated)),
            ("go.sum", Some(SkipReason::Generated)),
            ("api_pb2.py", Some(SkipReason::Generated)),
            ("api.pb.go", Some(SkipReason::Generated)),
            ("Form.Designer.cs", Some(SkipReason::Generated)),
            ("types.generated.ts", Some(SkipReason::Generated)),
            ("server.key", Some(SkipReason::Secret)),
            ("main.rs", None),
            ("go.mod", None),
            ("package.json", None),
            ("icon.svg", None),
            ("readings.dat", None),
            ("generated.rs", None),
            ("min.js", None),
            ("map", None),
            ("png", None),
            ("lock.rs", None),
        ] {
            assert_eq!(gate("", name).map(|(reason, _)| reason), expected, "{name}");
        }
    }
}
