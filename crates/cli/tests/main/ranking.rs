//! What comes first: names in all their forms, places, messages, what a file is
//! for; each through the real program on a small repository.

use std::collections::HashSet;

use serde_json::Value;
use wherein_index::{AddedModels, IndexOptions, Location, Progress, Repository, Settings};

use crate::program::{Scratch, fixtures, hits};

const HANDLERS: &str = "\
\"\"\"Handlers that write records to files.\"\"\"


class FileHandler:
    \"\"\"Writes records to a file.\"\"\"

    def open_stream(self):
        return open(self.path, self.mode)

    def for_each(self, records):
        for record in records:
            self.emit(record)


class RotatingFileHandler(FileHandler):
    \"\"\"Begins a new file when the old one is full.\"\"\"

    def do_rollover(self):
        if self.stream is None:
            raise RuntimeError('This log stream is already closed for good')
        self.stream.close()

    def with_suffix(self, suffix):
        return self.path + suffix


class Handler:
    def handle(self, record):
        return record
";

const OTHERS: &[(&str, &str)] = &[
    ("src/log/handlers.py", HANDLERS),
    (
        "src/log/streams.py",
        "class Stream:\n    \"\"\"What is written to, and closed in the end.\"\"\"\n\n    def close(self):\n        self.closed = True\n\n    def is_closed(self):\n        return self.closed\n\n    suffix = '.log'\n\n    def each(self):\n        return list(self)\n",
    ),
    (
        "src/sync/lock.rs",
        "pub struct Mutex<T> {\n    value: T,\n}\n\nimpl<T> Mutex<T> {\n    /// Waits until nobody else holds the value.\n    pub fn lock(&self) -> Guard<T> {\n        self.semaphore.acquire(1);\n        Guard::new(self)\n    }\n}\n",
    ),
    (
        "src/sync/file.rs",
        "/// Waits until nobody else holds the file.\npub fn lock(file: &File) -> Guard {\n    flock(file)\n}\n",
    ),
    (
        "tests/test_handlers.py",
        "def test_rollover_begins_a_new_file():\n    handler = RotatingFileHandler('x')\n    handler.do_rollover()\n    assert handler.stream is not None\n",
    ),
    (
        "config/settings.toml",
        "[rollover]\n# A new file when the old one has so many bytes.\nbytes = 1000000\n",
    ),
];

fn first(scratch: &Scratch, query: &str) -> Value {
    let answer = scratch.json(&[query]);
    let first = hits(&answer).first().cloned();
    first.unwrap_or_else(|| panic!("nothing for {query:?}"))
}

#[test]
fn a_name_is_found_however_it_is_written() {
    let scratch = Scratch::with(OTHERS);
    for (query, symbol, path) in [
        ("RotatingFileHandler", "RotatingFileHandler", "handlers.py"),
        (
            "rotating_file_handler",
            "RotatingFileHandler",
            "handlers.py",
        ),
        (
            "rotating-file-handler",
            "RotatingFileHandler",
            "handlers.py",
        ),
        (
            "ROTATING-FILE-HANDLER",
            "RotatingFileHandler",
            "handlers.py",
        ),
        (
            "the rotating file handler",
            "RotatingFileHandler",
            "handlers.py",
        ),
        // Parts of a name.
        ("RotatingFile", "RotatingFileHandler", "handlers.py"),
        ("rotating", "RotatingFileHandler", "handlers.py"),
        // Names with words that say nothing elsewhere.
        ("with suffix", "with_suffix", "handlers.py"),
        ("for each", "for_each", "handlers.py"),
        // Qualified, with arguments.
        ("Mutex::lock", "lock", "lock.rs"),
        ("Mutex<T>::lock", "lock", "lock.rs"),
        ("mutex.lock(timeout)", "lock", "lock.rs"),
        ("file::lock", "lock", "file.rs"),
    ] {
        let hit = first(&scratch, query);
        let is_there = hit["path"].as_str().is_some_and(|at| at.ends_with(path));
        let named = hit["symbol"] == symbol
            || hit["text"]
                .as_str()
                .is_some_and(|text| text.contains(&format!(" {symbol}(")));
        assert!(is_there && named, "{query}: {hit}");
    }
}

#[test]
fn a_part_of_a_name_is_enough_where_names_are_looked_for() {
    let scratch = Scratch::with(OTHERS);
    for query in ["RotatingFile", "Rotating", "rotating file"] {
        let answer = scratch.json(&[query, "--mode", "symbol"]);
        let all = hits(&answer);
        assert_eq!(all[0]["symbol"], "RotatingFileHandler", "{query}: {all:?}");
    }
    // What has the name itself comes alone.
    let exact = scratch.json(&["Handler", "--mode", "symbol"]);
    assert_eq!(hits(&exact).len(), 1, "{exact}");
    let none = scratch.run(&["Rotten", "--mode", "symbol"]);
    assert_eq!(none.code, 1, "{none:?}");
}

#[test]
fn a_name_does_not_qualify_itself() {
    let scratch = Scratch::with(OTHERS);
    let explained = |query: &str| {
        let answer = scratch.json(&[query, "--explain"]);
        answer.to_string().contains("symbol_qualified")
    };
    assert!(explained("Mutex.lock"));
    assert!(explained("sync.lock"));
    assert!(!explained("lock.lock") || !explained("rs.lock"));
    assert!(!explained("rs.lock"));
}

#[test]
fn a_place_in_a_file_comes_first() {
    let scratch = Scratch::with(OTHERS);
    for query in [
        "src/log/handlers.py:19",
        "log/handlers.py:19:13",
        "what is wrong at handlers.py:19",
        "File \"/home/me/checkout/src/log/handlers.py\", line 19, in do_rollover",
        "src/log/handlers.py#L19",
    ] {
        let hit = first(&scratch, query);
        assert_eq!(hit["path"], "src/log/handlers.py", "{query}");
        let line = |name: &str| hit[name].as_u64().expect("a line");
        assert!(
            (line("start_line")..=line("end_line")).contains(&19),
            "{query}: {hit}"
        );
    }
    for query in ["what is in src/sync/lock.rs", "/elsewhere/sync/lock.rs"] {
        assert_eq!(
            first(&scratch, query)["path"],
            "src/sync/lock.rs",
            "{query}"
        );
    }
}

#[test]
fn a_message_leads_to_where_it_is_said() {
    let scratch = Scratch::with(OTHERS);
    for query in [
        "This log stream is already closed for good",
        "RuntimeError: This log stream is already closed for good",
        "Traceback (most recent call last):\n  File \"app.py\", line 3, in main\nRuntimeError: This log stream is already closed for good",
    ] {
        let hit = first(&scratch, query);
        let text = hit["text"].as_str().expect("text");
        assert!(text.contains("already closed"), "{query}: {hit}");
    }
}

#[test]
fn what_is_asked_for_is_lifted() {
    let scratch = Scratch::with(OTHERS);
    let path = |query: &str| {
        first(&scratch, query)["path"]
            .as_str()
            .expect("a path")
            .to_owned()
    };
    assert_eq!(
        path("how is rollover done when a file is full"),
        "src/log/handlers.py"
    );
    assert_eq!(
        path("tests that rollover begins a new file"),
        "tests/test_handlers.py"
    );
    assert_eq!(path("config of rollover bytes"), "config/settings.toml");
}

#[test]
fn short_forms_mean_the_long_ones() {
    let scratch = Scratch::with(&[
        (
            "a.py",
            "def open_database(path):\n    return connect(path)\n",
        ),
        (
            "b.py",
            "def authenticate(user):\n    return user.password\n",
        ),
        (
            "c.py",
            "def load_configuration(path):\n    return parse(path)\n",
        ),
        ("d.py", "def paint(canvas):\n    return canvas.color\n"),
    ]);
    for (query, path) in [
        ("where is the db opened", "a.py"),
        ("where is auth handled", "b.py"),
        ("load cfg", "c.py"),
    ] {
        assert_eq!(first(&scratch, query)["path"], path, "{query}");
    }
}

#[test]
fn words_that_nobody_knows_find_nothing() {
    let scratch = Scratch::with(OTHERS);
    for query in ["zzqqxxyy", "asdkjhaskjdh qqwwzz"] {
        let run = scratch.run(&[query]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{query}: {run:?}");
    }
    // Known words that are not here are told.
    let run = scratch.run(&["photosynthesis plants"]);
    assert!(run.err.contains("in meaning alone"), "{run:?}");
    let answer = scratch.json(&["photosynthesis plants"]);
    assert_eq!(answer["by_meaning_alone"], true);
    assert!(
        scratch
            .json(&["rollover"])
            .get("by_meaning_alone")
            .is_none()
    );
}

#[test]
fn copies_do_not_use_up_the_list() {
    let body = "def settle_account(ledger, amount):\n    balance = ledger.total()\n    if balance < amount:\n        raise ValueError('overdrawn account')\n    ledger.append(amount)\n    return ledger.close(balance, amount)\n";
    let mut files: Vec<(String, String)> = (0..60)
        .map(|at| (format!("pkg{at}/billing.py"), body.to_owned()))
        .collect();
    files.extend((0..8).map(|at| {
        (
            format!("own{at}.py"),
            format!("def total_{at}(account):\n    return account.part_{at} * {at}\n"),
        )
    }));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (&path[..], &text[..]))
        .collect();
    let scratch = Scratch::with(&files);
    let answer = scratch.json(&["settle the account", "-k", "8"]);
    let paths: Vec<String> = hits(&answer)
        .iter()
        .map(|hit| hit["path"].as_str().expect("a path").to_owned())
        .collect();
    assert_eq!(paths.len(), 8, "{paths:?}");
    assert_eq!(
        paths.iter().filter(|path| path.starts_with("pkg")).count(),
        1,
        "{paths:?}"
    );
}

#[test]
fn a_query_of_the_same_name_over_and_over_is_answered() {
    let body: String = (0..400).fold(String::new(), |all, at| {
        format!("{all}impl Thing{at} {{\n    pub fn new() -> Self {{\n        Self({at})\n    }}\n}}\n\n")
    });
    let scratch = Scratch::with(&[("src/all.rs", &body)]);
    let query = "a.new ".repeat(2000);
    let answer = scratch.json(&[&query]);
    assert!(!hits(&answer).is_empty());
}

#[test]
fn matched_words_are_those_that_count() {
    let scratch = Scratch::with(OTHERS);
    let answer = scratch.json(&[
        "where is the rollover of the stream",
        "--explain",
        "--path",
        "src/log/h*",
    ]);
    let best = &hits(&answer)[0];
    assert_eq!(
        best["explain"]["matched_words"],
        serde_json::json!(["rollover", "stream"])
    );
}

/// What the fixtures and their questions never have: places, platforms, builds.
const OTHER_FEATURES: &[(&str, &str)] = &[
    (
        "src/v3/routes.ts",
        "export function routeRequest() {\n  return old();\n}\n",
    ),
    (
        "src/v4/routes.ts",
        "export function routeRequest() {\n  return router();\n}\n",
    ),
    (
        "src/win32/route.c",
        "int route_request(void) {\n  return 1;\n}\n",
    ),
    (
        "src/internal/route.py",
        "def route_request():\n    return 2\n",
    ),
    ("include/route.h", "int route_request(void);\n"),
    ("src/utils.py", "def route_request_twice():\n    return 2\n"),
    (
        "src/index.ts",
        "export { routeRequest } from './v4/routes';\n",
    ),
    (
        "src/router.ts",
        "export class Router {\n  routeRequest() {\n    return this;\n  }\n}\n",
    ),
    (
        "lib/router.js",
        "class Router {\n  routeRequest() {\n    return this;\n  }\n}\n",
    ),
    (
        "vendor/lib/route.go",
        "package lib\n\nfunc RouteRequest() int {\n\treturn 1\n}\n",
    ),
    (
        "examples/route.py",
        "def route_request_example():\n    return 1\n",
    ),
    (
        "tests/test_route.py",
        "def test_route_request():\n    assert route_request()\n",
    ),
    (
        "docs/route.md",
        "# Routes\n\nHow to route a request from the door to its handler.\n",
    ),
    ("routes.json", "{\"route\": \"request\"}\n"),
    (
        "src/impl.rs",
        "impl Router {\n    fn route_request(&self) {}\n}\n\nconst ROUTE: u8 = 1;\n",
    ),
];

#[test]
fn every_feature_is_set_by_something() {
    let scratch = Scratch::with(OTHER_FEATURES);
    let mut set: HashSet<&'static str> = HashSet::new();
    let names = wherein_index::ranker_shape(false).features;
    let registry = wherein_index::Registry::new(&scratch.home());
    let small = crate::models::folder_of(&scratch, "encoder.onnx", "small");
    registry.add(&small, None, &|_| {}).expect("added");
    registry.choose(Some("small")).expect("chosen");
    let settings = Settings::load(None).expect("settings");
    let added = AddedModels::in_use(&scratch.home(), &settings).expect("a model");
    let mut ask = |root: &std::path::Path, queries: &[&str]| {
        let location = Location::exactly(&scratch.home(), root).expect("a place");
        let model = wherein_index::shipped_model().expect("a model");
        let repository = Repository::open_without_index(location, settings.clone(), Some(model))
            .beside(added.clone());
        repository
            .index(
                IndexOptions {
                    full: false,
                    wait: std::time::Duration::from_secs(10),
                },
                &Progress::default(),
            )
            .expect("indexes");
        repository.fill(&Progress::default()).expect("fills");
        for query in queries {
            let query = wherein_core::Query::new(query, 10).expect("a query");
            for row in repository.candidates(&query).expect("candidates").rows {
                for (name, value) in names.iter().zip(&row.features) {
                    assert!(value.is_finite(), "{name}");
                    if *value != 0.0 {
                        set.insert(name);
                    }
                }
            }
        }
    };
    ask(
        &scratch.repository(),
        &[
            "how is a request routed",
            "route request",
            "routeRequest",
            "Router.routeRequest",
            "route_Request",
            "RouteReq",
            "route a request from the door to its handler",
            "src/v4/routes.ts:2",
            "tests of route request",
        ],
    );
    let labels = std::fs::read_to_string(fixtures().join("queries/doorman.json"));
    let labels: Value = serde_json::from_str(&labels.expect("labels")).expect("JSON");
    let queries: Vec<&str> = labels
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["query"].as_str())
        .collect();
    ask(&fixtures().join("repos/doorman"), &queries);
    let never: Vec<&&str> = names.iter().filter(|name| !set.contains(*name)).collect();
    assert!(never.is_empty(), "never set: {never:?}");
}
