//! Whatever is done to a repository, the index that is brought up to date step by
//! step is the one that is built from nothing: by looking at everything, or at what
//! a watcher tells of.
//!
//! `WHEREIN_TEST_SEED=N` runs one script; the seeds of `make test` are fixed.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wherein_index::{AddedModels, IndexOptions, Location, Progress, Repository, Settings, Watcher};

use crate::program::Scratch;
use crate::shown::Shown;

/// Scripts that are run.
const SEEDS: u64 = 200;
/// Steps of a script; each is some changes and a look.
const STEPS: usize = 3;

/// Files come and go at these places; some are one another's folders.
const PATHS: [&str; 12] = [
    "door.py",
    "Door.py",
    "src/gate.rs",
    "src/gate.rs/inner.py",
    "src/bell.js",
    "src/deep/er/lock.go",
    "src/deep",
    "docs/guide.md",
    "build/made.py",
    "notes",
    "key.pem",
    "data.json",
];
const WORDS: [&str; 10] = [
    "open", "close", "door", "gate", "badge", "session", "ring", "night", "check", "lock",
];
const QUERIES: [&str; 4] = [
    "open the door at night",
    "where is the badge checked",
    "lock_gate",
    "ring session",
];

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'a>(&mut self, some: &[&'a str]) -> &'a str {
        some[self.below(some.len())]
    }
}

struct World {
    scratch: Scratch,
    random: Random,
    /// The index that goes along; opened anew now and then.
    along: Option<Repository>,
    /// Tells it what has changed, in every other script.
    watcher: Option<Watcher>,
    done: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let scratch = Scratch::new();
        scratch.git(&["init", "--quiet"]);
        // What git would put into the files is up to the machine.
        scratch.git(&["config", "core.autocrlf", "false"]);
        scratch.git(&["commit", "--quiet", "--allow-empty", "-m", "start"]);
        Self {
            scratch,
            random: Random(seed),
            along: None,
            watcher: (seed % 2 == 1).then(|| Watcher::new().expect("a watcher")),
            done: Vec::new(),
        }
    }

    fn place(&self, path: &str) -> PathBuf {
        self.scratch.repository().join(path)
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.random.below(4) {
            let (a, b, c) = (
                self.random.of(&WORDS),
                self.random.of(&WORDS),
                self.random.of(&WORDS),
            );
            let _ = writeln!(
                text,
                "def {a}_{b}(value):\n    \"\"\"{c} {a} the {b}.\"\"\"\n    return {c}\n\n"
            );
        }
        text
    }

    /// Removes whatever keeps a file from being at a path.
    fn clear(&self, path: &str) {
        let mut above = self.scratch.repository();
        for part in &PathBuf::from(path) {
            above.push(part);
            match fs::symlink_metadata(&above) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => fs::remove_file(&above).expect("removed"),
                Err(_) => break,
            }
        }
        let place = self.place(path);
        if place.is_dir() {
            fs::remove_dir_all(&place).expect("removed");
        }
        fs::create_dir_all(place.parent().expect("a folder")).expect("created");
    }

    fn files(&self) -> Vec<&'static str> {
        let is_file = |path: &&&str| {
            fs::symlink_metadata(self.place(path)).is_ok_and(|metadata| metadata.is_file())
        };
        PATHS.iter().filter(is_file).copied().collect()
    }

    fn git_may_fail(&self, arguments: &[&str]) {
        let output = self
            .scratch
            .git_command(&self.scratch.repository(), arguments)
            .output()
            .expect("git starts");
        if !output.status.success() {
            // A conflict, or nothing to do: what it has left is a state like any other.
            for abort in [["rebase", "--abort"], ["merge", "--abort"]] {
                let _ = self
                    .scratch
                    .git_command(&self.scratch.repository(), &abort)
                    .output();
            }
        }
    }

    /// One change.
    fn change(&mut self) {
        let files = self.files();
        let path = self.random.of(&PATHS);
        let some = (!files.is_empty()).then(|| self.random.of(&files));
        let kind = self.random.below(16);
        self.done.push(format!("{kind} {path} {some:?}"));
        match (kind, some) {
            (0..=2, _) | (_, None) => {
                let text = self.text();
                self.clear(path);
                fs::write(self.place(path), text).expect("written");
            }
            (3, Some(some)) => {
                let text = self.text();
                fs::write(self.place(some), text).expect("written");
            }
            // The same size, and the time that it had before.
            (4, Some(some)) => {
                let place = self.place(some);
                let modified = fs::metadata(&place).and_then(|one| one.modified());
                let mut bytes = fs::read(&place).expect("readable");
                bytes.reverse();
                fs::write(&place, bytes).expect("written");
                self.set_time(some, modified.expect("a time"));
            }
            // The clock was moved, back or on.
            (5, Some(some)) => {
                let text = self.text();
                fs::write(self.place(some), text).expect("written");
                let year = Duration::from_hours(24 * 365);
                let now = SystemTime::now();
                let back = self.random.below(2) == 0;
                self.set_time(some, if back { now - year } else { now + year });
            }
            (6, Some(some)) => {
                let text = fs::read(self.place(some)).expect("readable");
                fs::remove_file(self.place(some)).expect("removed");
                self.clear(path);
                fs::write(self.place(path), text).expect("written");
            }
            (7, Some(some)) => {
                // As it is: its stat but for the time of change.
                let aside = self.scratch.home().with_file_name("moved");
                fs::rename(self.place(some), &aside).expect("renamed");
                self.clear(path);
                fs::rename(&aside, self.place(path)).expect("renamed");
            }
            (8, Some(some)) => fs::remove_file(self.place(some)).expect("removed"),
            (9, Some(some)) => {
                self.clear(path);
                let target = self.place(some);
                if target.exists() {
                    symlink(target, self.place(path)).expect("linked");
                }
            }
            (10, _) => {
                let rules = ["", "build/\n", "*.py\n", "docs\nnotes\n", "!key.pem\n"];
                let rule = self.random.of(&rules);
                let file = self
                    .random
                    .of(&[".gitignore", ".whereinignore", "src/.gitignore"]);
                self.clear(file);
                fs::write(self.place(file), rule).expect("written");
            }
            (11, Some(some)) => {
                let bytes: &[u8] = match self.random.below(4) {
                    0 => b"",
                    1 => b"\x7fELF\0\0\0",
                    2 => b"def cut(\n    'never closed\n",
                    _ => b"no text: \xff\xfe\n",
                };
                fs::write(self.place(some), bytes).expect("written");
            }
            (12, _) => {
                self.git_may_fail(&["add", "--all"]);
                self.git_may_fail(&["commit", "--quiet", "-m", "more"]);
            }
            (13, _) => {
                let branch = self.random.of(&["one", "two"]);
                self.git_may_fail(&["stash", "--quiet", "--include-untracked"]);
                self.git_may_fail(&["checkout", "--quiet", "-B", branch]);
                self.git_may_fail(&["checkout", "--quiet", "main"]);
                self.git_may_fail(&["stash", "pop", "--quiet"]);
            }
            (14, _) => {
                self.git_may_fail(&["add", "--all"]);
                self.git_may_fail(&["commit", "--quiet", "-m", "before"]);
                let branch = self.random_branch();
                self.git_may_fail(&["checkout", "--quiet", branch]);
            }
            (_, _) => {
                let branch = self.random_branch();
                self.git_may_fail(&["add", "--all"]);
                self.git_may_fail(&["commit", "--quiet", "-m", "before"]);
                self.git_may_fail(&["rebase", "--quiet", branch]);
            }
        }
    }

    fn random_branch(&mut self) -> &'static str {
        self.random.of(&["one", "two", "main"])
    }

    fn set_time(&self, path: &str, time: SystemTime) {
        let file = fs::File::options().write(true).open(self.place(path));
        file.and_then(|file| file.set_modified(time)).expect("set");
    }

    fn opened(&self, home: &str) -> Repository {
        let home = self.scratch.home().with_file_name(home);
        let location = Location::exactly(&home, &self.scratch.repository()).expect("a place");
        let settings = Settings::load(None).expect("settings");
        let model = wherein_index::shipped_model();
        let added = AddedModels::default();
        let (repository, opened) = Repository::open_looking(location, settings, || model, added);
        opened.expect("it opens");
        repository
    }

    /// Brings it up to date and shows it.
    fn shown(repository: &Repository) -> Shown {
        let options = IndexOptions {
            full: false,
            // A process that is being started elsewhere may hold what its parent held.
            wait: Duration::from_secs(10),
        };
        let progress = Progress::default();
        repository.index(options, &progress).expect("indexed");
        Shown::of(repository, &QUERIES)
    }

    fn step(&mut self) {
        for _ in 0..=self.random.below(3) {
            self.change();
        }
        // As a service does, or as a new process.
        let along = match self.along.take() {
            Some(along) if self.random.below(4) > 0 => along,
            _ => {
                let opened = self.opened("along");
                if let Some(watcher) = &self.watcher {
                    opened.follow(watcher, || ()).expect("it is watched");
                }
                opened
            }
        };
        let stepwise = Self::shown(&along);
        self.along = Some(along);
        let fresh = self.opened("fresh");
        let built = Self::shown(&fresh);
        drop(fresh);
        fs::remove_dir_all(self.scratch.home().with_file_name("fresh")).expect("removed");
        let difference = stepwise.difference(&built);
        assert_eq!(difference, None, "after {:#?}", self.done);
        self.done.push("look".to_owned());
    }
}

fn run(seed: u64) {
    let ran = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
    });
    assert!(ran.is_ok(), "WHEREIN_TEST_SEED={seed}: see above");
}

#[test]
fn an_index_brought_up_to_date_is_one_built_from_nothing() {
    let named = std::env::var("WHEREIN_TEST_SEED").ok();
    if let Some(seed) = named {
        return run(seed.parse().expect("a number"));
    }
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    run(seed);
                }
            });
        }
    });
}
