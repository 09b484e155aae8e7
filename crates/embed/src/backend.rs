//! Which runtime executes the models: tract, which is built in, or a native ONNX Runtime library.
//!
//! There is one per process, chosen before the first session. Nothing is
//! downloaded. For the shipped static model tract is the better one (measured:
//! loaded in 24 ms and 36 MB, against 54 ms and 56 MB with ONNX Runtime 1.32;
//! 1.4 times the chunks a second), so a library is used only when the
//! environment asks for it:
//!
//! | variable | value | library |
//! |---|---|---|
//! | `WHEREIN_ONNXRUNTIME` | empty, `off` | none, whatever else is set |
//! | | a path | that file, or the newest in that folder |
//! | | `auto` | `ORT_DYLIB_PATH`, the data folder's `onnxruntime/`, the system's folders |
//! | `ORT_DYLIB_PATH` | a path | that file, or the newest in that folder |
//!
//! Without either, the library that `wherein model add onnxruntime` put into the
//! data folder, when a transformer is about to be loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;

use crate::{EmbedError, native};

/// The runtime that executes the models of this process.
#[derive(Debug)]
pub struct Backend {
    /// `tract` (built in) or `onnxruntime` (a library that was found).
    pub name: &'static str,
    /// Version of the runtime.
    pub version: String,
    /// The library, when the runtime is not the built-in one.
    pub library: Option<PathBuf>,
    /// Why libraries that were found are not used, one reason each.
    pub refused: Vec<String>,
}

/// Version of tract that `ort-tract` brings; a test compares it with Cargo.lock.
const TRACT_VERSION: &str = "0.23.9";

struct Chosen {
    backend: Backend,
    environment: Environment,
}

static CHOSEN: OnceLock<Result<Chosen, String>> = OnceLock::new();

/// Folder of a library that was added on request.
static ADDED: OnceLock<PathBuf> = OnceLock::new();

/// Runs the models on the library that was added to this data folder, if there is
/// one and the environment names no other. For programs that load a transformer,
/// which gains by it; opening the library costs more than the shipped model alone
/// takes. To be called before any model is loaded.
pub fn prefer_added_runtime(home: &Path) {
    let _ = ADDED.set(home.join(crate::RUNTIME));
}

/// The backend of this process; the first call chooses it.
pub fn backend() -> Result<&'static Backend, EmbedError> {
    chosen().map(|chosen| &chosen.backend)
}

/// The environment that sessions are made in.
pub(crate) fn environment() -> Result<&'static Environment, EmbedError> {
    chosen().map(|chosen| &chosen.environment)
}

fn chosen() -> Result<&'static Chosen, EmbedError> {
    CHOSEN
        .get_or_init(|| {
            start(&candidates(
                |name| std::env::var_os(name),
                ADDED.get().map(PathBuf::as_path),
            ))
        })
        .as_ref()
        .map_err(|reason| EmbedError::Backend {
            reason: reason.clone(),
        })
}

/// Starts the first candidate that can be opened, else tract.
fn start(candidates: &[PathBuf]) -> Result<Chosen, String> {
    let mut refused = Vec::new();
    let mut opened = None;
    for path in candidates {
        match native::open(path) {
            Ok((api, version)) => {
                opened = Some((path, api, version));
                break;
            }
            Err(reason) => refused.push(format!("{}: {reason}", path.display())),
        }
    }
    let (api, mut backend) = match opened {
        Some((path, api, version)) => (
            api,
            Backend {
                name: "onnxruntime",
                version,
                library: Some(path.clone()),
                refused: Vec::new(),
            },
        ),
        None => (
            ort_tract::api(),
            Backend {
                name: "tract",
                version: TRACT_VERSION.to_owned(),
                library: None,
                refused: Vec::new(),
            },
        ),
    };
    backend.refused = refused;
    if !ort::set_api(api) {
        return Err("another backend is already in use in this process".to_owned());
    }
    let environment = ort::init()
        .with_name("wherein")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Chosen {
        backend,
        environment,
    })
}

/// Folders where systems keep shared libraries.
const SYSTEM_FOLDERS: [&str; 6] = [
    "/usr/local/lib",
    "/opt/homebrew/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];

/// Libraries to try, in order. `variable` reads the environment; `added` is the
/// folder of a library that was added and is wanted.
fn candidates(variable: impl Fn(&str) -> Option<OsString>, added: Option<&Path>) -> Vec<PathBuf> {
    let set = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let asked = variable("WHEREIN_ONNXRUNTIME");
    let auto = match &asked {
        Some(value) if value.is_empty() || value == "off" => return Vec::new(),
        Some(value) if value == "auto" => true,
        Some(path) => return libraries(Path::new(path)),
        None => false,
    };
    let mut found = Vec::new();
    if let Some(path) = set("ORT_DYLIB_PATH") {
        found.extend(libraries(&path));
    }
    if let Some(folder) = added.filter(|folder| folder.is_dir()) {
        found.extend(libraries(folder));
    }
    if auto {
        let data = set("WHEREIN_HOME").or_else(|| {
            let data = set("XDG_DATA_HOME");
            let data = data.or_else(|| Some(set("HOME")?.join(".local/share")));
            Some(data?.join("wherein"))
        });
        let folders = SYSTEM_FOLDERS.iter().map(PathBuf::from);
        for folder in data
            .map(|data| data.join("onnxruntime"))
            .into_iter()
            .chain(folders)
        {
            if folder.is_dir() {
                found.extend(libraries(&folder));
            }
        }
    }
    found
}

/// The library at a path, or those in a folder, newest name first. A path that
/// leads nowhere stays: opening it says why it is not used.
fn libraries(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else {
        // With its folder, or the system would search its own for the name.
        return vec![std::path::absolute(path).unwrap_or_else(|_| path.to_owned())];
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(is_library))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// Whether a file is named like ONNX Runtime on this system (`libonnxruntime.so.1.32.0`).
fn is_library(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    let stem = format!("{}onnxruntime", std::env::consts::DLL_PREFIX);
    name.strip_prefix(&stem)
        .is_some_and(|rest| rest.starts_with('.') && rest.contains(std::env::consts::DLL_SUFFIX))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn found_with(variables: &[(&str, &str)], added: Option<&Path>) -> Vec<PathBuf> {
        let variable = |name: &str| {
            let value = variables.iter().find(|(known, _)| *known == name)?.1;
            Some(value.into())
        };
        candidates(variable, added)
    }

    fn found(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        found_with(variables, None)
    }

    #[test]
    fn an_added_library_comes_after_what_the_environment_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let library = folder.path().join(format!("{prefix}onnxruntime{suffix}"));
        std::fs::write(&library, "no library").expect("a file");
        let added = Some(folder.path());
        assert_eq!(found_with(&[], added), std::slice::from_ref(&library));
        let named = ("ORT_DYLIB_PATH", "/nowhere/y.so");
        assert_eq!(
            found_with(&[named], added),
            [PathBuf::from("/nowhere/y.so"), library]
        );
        assert!(found_with(&[("WHEREIN_ONNXRUNTIME", "off")], added).is_empty());
        assert!(found_with(&[], Some(Path::new("/nowhere"))).is_empty());
    }

    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"tract-onnx\"\nversion = \"{TRACT_VERSION}\"");
        assert!(lock.contains(&entry), "TRACT_VERSION is out of date");
    }

    #[test]
    fn only_files_named_like_the_library_are_tried() {
        let prefix = std::env::consts::DLL_PREFIX;
        let suffix = std::env::consts::DLL_SUFFIX;
        for (name, expected) in [
            (format!("{prefix}onnxruntime{suffix}"), true),
            (format!("{prefix}onnxruntime{suffix}.1.32.0"), true),
            (format!("{prefix}onnxruntime.1.32.0{suffix}"), true),
            (
                format!("{prefix}onnxruntime_providers_shared{suffix}"),
                false,
            ),
            ("README.md".to_owned(), false),
        ] {
            assert_eq!(is_library(name.as_ref()), expected, "{name}");
        }
    }

    #[test]
    fn off_or_empty_means_no_library() {
        for off in ["", "off"] {
            let variables = [("WHEREIN_ONNXRUNTIME", off), ("ORT_DYLIB_PATH", "/x.so")];
            assert!(found(&variables).is_empty());
        }
        assert!(found(&[]).is_empty());
    }

    #[test]
    fn a_named_library_is_tried_whether_it_is_there_or_not() {
        let named = ("WHEREIN_ONNXRUNTIME", "/nowhere/x.so");
        let other = ("ORT_DYLIB_PATH", "/nowhere/y.so");
        assert_eq!(found(&[named, other]), [Path::new("/nowhere/x.so")]);
        assert_eq!(found(&[other]), [Path::new("/nowhere/y.so")]);
    }

    #[test]
    fn auto_searches_the_data_folder() {
        let home = std::env::temp_dir().join(format!("wherein-embed-{}", std::process::id()));
        let folder = home.join("onnxruntime");
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let library = folder.join(format!("{prefix}onnxruntime{suffix}"));
        std::fs::write(&library, "no library").expect("a file for the test");
        let home_text = home.to_string_lossy();
        let found = found(&[
            ("WHEREIN_ONNXRUNTIME", "auto"),
            ("WHEREIN_HOME", &home_text),
        ]);
        std::fs::remove_dir_all(&home).expect("the test's own folder goes");
        assert_eq!(found.first(), Some(&library));
    }
}
