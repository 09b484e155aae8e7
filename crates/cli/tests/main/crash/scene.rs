//! What is interrupted: an index in some state, sources in another, and a command.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wherein_core::Query;
use wherein_index::{
    AddedModels, IndexOptions, Location, Progress, Repository, Settings, VectorSearch,
};

use super::faults::{self, How, Plan, Ran};
use crate::models::folder_of;
use crate::program::Scratch;
use crate::shown::Shown;

/// One kind of run.
#[expect(clippy::struct_excessive_bools, reason = "a table of cases")]
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// Whether there is an index of other sources before.
    is_indexed_before: bool,
    /// Whether a second model is in use.
    has_model: bool,
    /// Whether vectors are searched through a graph.
    has_graph: bool,
    /// More sources than one commit takes.
    is_large: bool,
    /// How many small runs there were before: segments and postings lie about in
    /// pieces, and versions that no checkout holds.
    small_runs: usize,
    /// Whether an archive of the index lies beside the repository.
    has_archive: bool,
    arguments: &'static [&'static str],
}

const BASE: Scene = Scene {
    name: "changes",
    is_indexed_before: true,
    has_model: false,
    has_graph: false,
    is_large: false,
    small_runs: 0,
    has_archive: false,
    arguments: &["index"],
};

/// Beside the repository.
const ARCHIVE: &str = "../index.zip";

pub(super) const SCENES: [Scene; 10] = [
    Scene {
        name: "first",
        is_indexed_before: false,
        ..BASE
    },
    Scene {
        name: "first, in two commits",
        is_indexed_before: false,
        is_large: true,
        ..BASE
    },
    BASE,
    Scene {
        name: "full",
        arguments: &["index", "--full"],
        ..BASE
    },
    Scene {
        name: "second model",
        has_model: true,
        ..BASE
    },
    Scene {
        name: "graph",
        has_graph: true,
        ..BASE
    },
    Scene {
        name: "pieces put together",
        small_runs: 11,
        ..BASE
    },
    Scene {
        name: "collection",
        small_runs: 3,
        arguments: &["gc"],
        ..BASE
    },
    Scene {
        name: "export",
        arguments: &["export", ARCHIVE],
        ..BASE
    },
    Scene {
        name: "import",
        has_archive: true,
        arguments: &["import", ARCHIVE, "--replace"],
        ..BASE
    },
];

/// Sources before and after.
const BEFORE: [(&str, &str); 5] = [
    (
        "src/door.py",
        "def open_the_door(badge):\n    return open the session of badge\n",
    ),
    (
        "src/window.py",
        "def open_the_window(hand):\n    return check the password of hand\n",
    ),
    (
        "src/gate.rs",
        "/// Closes the gate at night.\nfn close_gate(hour: u32) -> bool {\n    hour > 22\n}\n",
    ),
    (
        "docs/guide.md",
        "# Guide\n\nHow badges are checked at the door.\n",
    ),
    ("gone.py", "def soon_gone():\n    return 0\n"),
];
const AFTER: [(&str, &str); 3] = [
    (
        "src/window.py",
        "def shut_the_window(hand):\n    return hand\n\n\ndef wash_the_window():\n    return check password\n",
    ),
    (
        "src/bell.js",
        "// Rings when nobody opens.\nfunction ringBell(times) {\n  return times > 0;\n}\n",
    ),
    ("docs/more.md", "# More\n\nThe bell rings twice.\n"),
];
const QUERIES: [&str; 6] = [
    "open the door",
    "shut_the_window",
    "ringBell",
    "how are badges checked",
    "when is the gate closed",
    "what rings",
];

/// A scene, set up; the sources lie as they are after.
pub(super) struct Stage {
    scratch: Scratch,
    /// The data folder before the run, to start from again and again.
    before: PathBuf,
    scene: &'static Scene,
    clean: OnceLock<Shown>,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A file of many functions, 40 kB.
fn large(number: usize) -> String {
    (0..400).fold(String::new(), |text, at| {
        text + &format!("def work_{number}_{at}(value):\n    \"\"\"Step {at} of {number}.\"\"\"\n    return value * {at} + {number}\n\n\n")
    })
}

impl Stage {
    pub(super) fn of(scene: &'static Scene) -> Self {
        let scratch = Scratch::with(&BEFORE);
        if scene.is_large {
            for number in 0..45 {
                scratch.write(&format!("large/{number}.py"), large(number));
            }
        }
        fs::create_dir_all(scratch.home()).expect("created");
        if scene.is_indexed_before {
            scratch.json(&["index"]);
        }
        for number in 0..scene.small_runs {
            let text = format!("def passing_{number}():\n    return {number}\n");
            scratch.write("gone.py", text);
            // In haste: it leaves the pieces as they are.
            scratch.run(&["passing"]);
        }
        if scene.has_archive {
            scratch.run(&["export", ARCHIVE]);
        }
        if scene.has_model {
            let small = folder_of(&scratch, "encoder.onnx", "small");
            scratch.json(&["model", "add", &small]);
            scratch.json(&["model", "use", "small"]);
        }
        for (path, text) in AFTER {
            scratch.write(path, text);
        }
        fs::remove_file(scratch.repository().join("gone.py")).expect("removed");
        let before = scratch.home().with_file_name("before");
        copy(&scratch.home(), &before);
        Self {
            scratch,
            before,
            scene,
            clean: OnceLock::new(),
        }
    }

    /// The data folder as it was before the run.
    pub(super) fn set(&self) {
        fs::remove_dir_all(self.scratch.home()).expect("removed");
        copy(&self.before, &self.scratch.home());
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.scratch.command(self.scene.arguments);
        if self.scene.has_graph {
            command.env("WHEREIN_SEARCH_VECTORS", "graph");
        }
        command.env("WHEREIN_INDEX_CHECKPOINT_BYTES", (1 << 20).to_string());
        command
    }

    pub(super) fn run(&self, plan: Plan) -> Ran {
        faults::run(self.command(), &self.scratch.home(), plan)
    }

    pub(super) fn run_for(&self, time: Duration) {
        faults::run_for(self.command(), time);
    }

    /// How many operations a clean run has that this can happen to.
    pub(super) fn operations(&self, how: How) -> u64 {
        self.set();
        // No operation has the number 0.
        let ran = self.run(Plan { how, at: 0 });
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.operations()
    }

    fn location(&self) -> Location {
        Location::find(&self.scratch.home(), Some(&self.scratch.repository())).expect("a place")
    }

    fn opened(&self) -> Repository {
        let mut settings = Settings::load(None).expect("settings");
        settings.index.background = false;
        if self.scene.has_graph {
            settings.search.vectors = VectorSearch::Graph;
        }
        let added = AddedModels::in_use(&self.scratch.home(), &settings).expect("the models");
        let model = wherein_index::shipped_model();
        let (repository, opened) =
            Repository::open_looking(self.location(), settings, || model, added);
        opened.unwrap_or_else(|error| panic!("it does not open: {error}"));
        repository
    }

    /// What a clean build shows.
    fn clean(&self) -> &Shown {
        self.clean.get_or_init(|| {
            let home = self.scratch.home();
            let aside = home.with_file_name("aside");
            fs::rename(&home, &aside).expect("renamed");
            fs::create_dir_all(&home).expect("created");
            if aside.join("models").is_dir() {
                copy(&aside.join("models"), &home.join("models"));
            }
            let repository = self.opened();
            Self::finish(&repository);
            let shown = Shown::of(&repository, &QUERIES);
            drop(repository);
            fs::remove_dir_all(&home).expect("removed");
            fs::rename(&aside, &home).expect("renamed");
            shown
        })
    }

    fn finish(repository: &Repository) {
        let options = IndexOptions {
            full: false,
            // A process that is being started elsewhere may hold what its parent held.
            wait: Duration::from_secs(10),
        };
        let progress = Arc::new(Progress::default());
        repository
            .index(options, &progress)
            .unwrap_or_else(|error| panic!("it does not go on: {error}"));
        repository
            .fill(&progress)
            .unwrap_or_else(|error| panic!("it does not go on: {error}"));
    }

    /// What was left behind answers, is whole, and becomes what a clean build is.
    pub(super) fn verify(&self, what: &str) {
        let clean = self.clean();
        let verified = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let repository = self.opened();
            if let Some(current) = repository.current() {
                current.snapshot.check().expect("whole");
                for text in QUERIES {
                    let query = Query::new(text, 10).expect("a query");
                    let answer = repository.search(&query).expect("an answer");
                    for hit in &answer.hits {
                        self.is_true(&hit.path, &hit.text);
                    }
                }
            } else {
                assert!(!self.scene.is_indexed_before, "the index is gone");
            }
            Self::finish(&repository);
            drop(repository);
            let again = self.opened();
            let difference = Shown::of(&again, &QUERIES).difference(clean);
            assert_eq!(difference, None, "as a clean build");
            self.holds_nothing_more();
        }));
        assert!(verified.is_ok(), "{what}: see above");
    }

    /// A hit shows what its file holds now.
    fn is_true(&self, path: &str, text: &str) {
        let now = fs::read_to_string(self.scratch.repository().join(path));
        let now = now.unwrap_or_else(|_| panic!("{path} is gone and was shown"));
        let lines: Vec<&str> = text.lines().collect();
        let now: Vec<&str> = now.lines().collect();
        assert!(
            now.windows(lines.len()).any(|some| some == lines),
            "{path} holds no {text}"
        );
    }

    /// No file is left that nobody needs.
    fn holds_nothing_more(&self) {
        // What was left behind is swept by the next one that writes.
        self.scratch
            .write("extra.py", "def extra():\n    return 1\n");
        Self::finish(&self.opened());
        fs::remove_file(self.scratch.repository().join("extra.py")).expect("removed");
        let index = self.location().index;
        for folder in [index.clone(), index.join("lexical")] {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                assert!(!name.starts_with(".tmp"), "{name} is left");
            }
        }
    }
}
