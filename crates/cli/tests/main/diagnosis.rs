//! `wherein doctor`: what is sound, what is not, and what to do then.

use std::fs;

use serde_json::Value;

use crate::models::folder_of;
use crate::program::Scratch;

fn health(findings: &Value, name: &str) -> (String, String) {
    let all = findings["findings"].as_array().expect("findings");
    let one = all.iter().find(|one| one["name"] == name);
    let one = one.unwrap_or_else(|| panic!("no {name} in {findings}"));
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    (
        text("health"),
        format!("{} {}", text("found"), text("advice")),
    )
}

#[test]
fn a_sound_installation_is_sound() {
    let scratch = Scratch::with(&[("a.py", "def one():\n    return 1\n")]);
    let before = scratch.json(&["doctor"]);
    assert_eq!(before["healthy"], true);
    assert_eq!(health(&before, "index").0, "note");
    assert!(!scratch.home().exists(), "nothing is made");
    scratch.json(&["index"]);
    let after = scratch.json(&["doctor"]);
    for name in [
        "program",
        "runtime",
        "model",
        "tokenizers",
        "data folder",
        "settings",
        "index",
    ] {
        assert_eq!(health(&after, name).0, "good", "{name}: {after}");
    }
    assert!(health(&after, "model").1.contains("wherein-static"));
    let run = scratch.run(&["doctor"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(
        run.out.lines().all(|line| line.starts_with("ok  ")),
        "{}",
        run.out
    );
}

#[test]
fn what_is_damaged_is_named_with_its_remedy() {
    let scratch = Scratch::with(&[("a.py", "def one():\n    return 1\n")]);
    scratch.json(&["index"]);
    let folder = scratch.index_folder();
    let mut damaged = 0;
    for entry in fs::read_dir(&folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && name.contains("chunks") {
            let mut bytes = fs::read(&path).expect("reads");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&path, bytes).expect("writes");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "no file of chunks in {}", folder.display());
    let run = scratch.run(&["doctor"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.out.contains("BAD  index"), "{}", run.out);
    assert!(run.out.contains("wherein doctor --repair"), "{}", run.out);
    assert!(
        run.err.contains("not as it should be: index"),
        "{}",
        run.err
    );
}

#[test]
fn wrong_settings_are_told() {
    let scratch = Scratch::with(&[("wherein.toml", "[search]\nresults = \"many\"\n")]);
    let run = scratch.run(&["doctor", "--json"]);
    assert_eq!(run.code, 2, "{run:?}");
    let findings: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(findings["healthy"], false);
    let (state, text) = health(&findings, "settings");
    assert!(state == "bad" && text.contains("wherein.toml"), "{text}");
}

#[test]
fn added_models_are_tried() {
    let scratch = Scratch::with(&[("a.py", "def one():\n    return 1\n")]);
    let small = folder_of(&scratch, "encoder.onnx", "small");
    scratch.json(&["model", "add", &small]);
    let (state, found) = health(&scratch.json(&["doctor"]), "added model");
    assert_eq!(state, "good", "{found}");
    assert!(
        found.contains("small") && found.contains("not in use"),
        "{found}"
    );
    scratch.run(&["model", "use", "small"]);
    let (_, found) = health(&scratch.json(&["doctor"]), "added model");
    assert!(found.contains("in use beside"), "{found}");
    // Damaged: searches go on, so it is no failure, but it is told.
    let graph = scratch.home().join("models/small/model.onnx");
    fs::write(graph, "rot").expect("written");
    let (state, found) = health(&scratch.json(&["doctor"]), "added model");
    assert_eq!(state, "note", "{found}");
    assert!(
        found.contains("sha256") && found.contains("wherein model add small"),
        "{found}"
    );
    fs::remove_dir_all(scratch.home().join("models/small")).expect("removed");
    let (state, found) = health(&scratch.json(&["doctor"]), "added model");
    assert!(state == "note" && found.contains("not there"), "{found}");
}
