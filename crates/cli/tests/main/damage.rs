//! Every file of an index, damaged in every way: it is told, or harmless; no answer
//! is wrong; and `wherein doctor --repair` makes all of it good again.
//!
//! `make test` takes two ways for each file, `make test-crash` all.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::models::folder_of;
use crate::program::Scratch;

const QUERIES: [&str; 3] = ["open the door", "shut_the_window", "how are badges checked"];

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> HashMap<PathBuf, Vec<u8>> {
    let mut found = HashMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).expect("in it").to_owned();
                found.insert(inside, fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

/// What a file is for: its name up to the number of its generation, or its ending.
fn kind(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.split_once('-') {
        Some((kind, _)) => kind.to_owned(),
        None => name.rsplit('.').next().unwrap_or_default().to_owned(),
    }
}

/// The first hits of the questions; what is asked may build anew what is damaged.
fn answers(scratch: &Scratch) -> Vec<Vec<(Value, Value, Value)>> {
    let of = |query: &&str| {
        let answer = scratch.json(&[query, "-k", "5"]);
        let hits = answer["hits"].as_array().expect("hits").iter();
        hits.map(|hit| {
            (
                hit["path"].clone(),
                hit["start_line"].clone(),
                hit["text"].clone(),
            )
        })
        .collect()
    };
    QUERIES.iter().map(of).collect()
}

#[test]
fn every_damage_is_told_or_harmless_and_can_be_repaired() {
    let scratch = Scratch::with(&[
        (
            "door.py",
            "def open_the_door(badge):\n    return open the session\n",
        ),
        (
            "gate.rs",
            "/// Closes the gate.\nfn close_gate(hour: u32) -> bool {\n    hour > 22\n}\n",
        ),
        (
            "guide.md",
            "# Guide\n\nHow badges are checked at the door.\n",
        ),
    ]);
    let small = folder_of(&scratch, "encoder.onnx", "small");
    scratch.json(&["model", "add", &small]);
    scratch.json(&["model", "use", "small"]);
    let graph = [("WHEREIN_SEARCH_VECTORS", "graph")];
    let index = |scratch: &Scratch| {
        let mut command = scratch.command(&["index"]);
        let output = command.envs(graph).output().expect("starts");
        assert!(output.status.success(), "{output:?}");
    };
    index(&scratch);
    let folder = scratch.index_folder();
    let older = files(&folder);
    scratch.write(
        "window.py",
        "def shut_the_window(hand):\n    return check the password\n",
    );
    index(&scratch);
    let whole = files(&folder);
    let right = answers(&scratch);
    assert_eq!(right[1][0].0, "window.py");
    let restore = || {
        fs::remove_dir_all(&folder).expect("removed");
        for (path, bytes) in &whole {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, bytes).expect("written");
        }
    };
    let all = std::env::var_os("WHEREIN_TEST_CRASH").is_some_and(|value| value == "all");
    let mut names: Vec<&PathBuf> = whole.keys().collect();
    names.sort();
    let (mut told, mut tried) = (0, 0);
    for (number, name) in names.into_iter().enumerate() {
        let bytes = &whole[name];
        let mut flipped = bytes.clone();
        if let Some(byte) = flipped.get_mut(bytes.len() / 3) {
            *byte ^= 0x10;
        }
        let swapped = older
            .iter()
            .find(|(path, other)| kind(path) == kind(name) && *other != bytes)
            .map(|(_, other)| other.clone());
        let ways: Vec<(&str, Option<Vec<u8>>)> = vec![
            ("missing", None),
            ("truncated", Some(bytes[..bytes.len() * 2 / 3].to_vec())),
            ("flipped", Some(flipped)),
            ("zeroed", Some(vec![0; bytes.len()])),
            ("swapped", Some(swapped.unwrap_or_default())),
        ];
        for (at, (how, damage)) in ways.into_iter().enumerate() {
            if !all && at != number % 5 && at != (number + 2) % 5 {
                continue;
            }
            let what = format!("{} {how}", name.display());
            restore();
            match &damage {
                None => fs::remove_file(folder.join(name)).expect("removed"),
                Some(bytes) => fs::write(folder.join(name), bytes).expect("written"),
            }
            tried += 1;
            let run = scratch.run(&["doctor", "--check"]);
            told += u32::from(run.code == 2);
            let is_said = run.out.contains(&*folder.to_string_lossy());
            assert!(run.code == 0 || is_said, "{what}: {run:?}");
            // Half of them are repaired by hand, the others by the search.
            if tried % 2 == 0 {
                let run = scratch.run(&["doctor", "--repair"]);
                assert!(run.code == 0, "{what}: {run:?}");
            }
            // The second model's vectors are made behind, so the order may be another.
            for (now, then) in answers(&scratch).iter().zip(&right) {
                assert_eq!(now.len(), then.len(), "{what}");
                assert!(now.iter().all(|hit| then.contains(hit)), "{what}: {now:?}");
            }
            index(&scratch);
            assert_eq!(answers(&scratch), right, "{what}");
            let run = scratch.run(&["doctor", "--check"]);
            assert_eq!(run.code, 0, "{what}: {run:?}");
        }
    }
    eprintln!("{tried} damages, {told} told, the others harmless");
    assert!(told * 2 > tried, "{told} of {tried} were told");
}
