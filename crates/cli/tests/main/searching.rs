//! What a search prints and which code it ends with.

use crate::program::{Scratch, hits};

const FILES: &[(&str, &str)] = &[
    (
        "src/login.rs",
        "/// Checks the password of a user who signs in.\npub fn verify_password(user: &str, password: &str) -> bool {\n    hash(password) == stored(user)\n}\n\nfn hash(text: &str) -> u64 {\n    text.len() as u64\n}\n",
    ),
    (
        "src/cache.py",
        "class Cache:\n    \"\"\"Keeps answers for a while.\"\"\"\n\n    def evict_oldest(self):\n        self.entries.pop(0)\n",
    ),
    ("README.md", "# Demo\n\nSigning in and caching.\n"),
];

#[test]
fn a_question_is_answered_with_places_and_text() {
    let scratch = Scratch::with(FILES);
    let answer = scratch.json(&["where is the password checked"]);
    assert_eq!(answer["query"], "where is the password checked");
    assert_eq!(answer["mode"], "hybrid");
    let index = &answer["index"];
    assert_eq!(index["fresh"], true);
    assert_eq!(index["pending_files"], 0);
    assert_eq!(index["vector_coverage"], 1.0);
    assert_eq!(index["generation"], 1);
    assert!(
        index["model"]
            .as_str()
            .is_some_and(|model| model.starts_with("wherein-static"))
    );
    let best = &hits(&answer)[0];
    assert_eq!(
        (&best["rank"], &best["path"]),
        (&1.into(), &"src/login.rs".into())
    );
    assert_eq!(
        (&best["start_line"], &best["language"]),
        (&1.into(), &"rust".into())
    );
    assert!(
        best["text"]
            .as_str()
            .expect("text")
            .contains("pub fn verify_password")
    );
    assert!(best.get("explain").is_none());
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let scratch = Scratch::with(FILES);
    scratch.json(&["index"]);
    let mut first = scratch.json(&["caching answers", "--no-refresh"]);
    let mut second = scratch.json(&["caching answers", "--no-refresh"]);
    first["took_ms"] = 0.into();
    second["took_ms"] = 0.into();
    assert_eq!(first.to_string(), second.to_string());
}

#[test]
fn exit_codes_are_those_of_grep() {
    let scratch = Scratch::with(FILES);
    assert_eq!(scratch.run(&["verify_password"]).code, 0);
    let nothing = scratch.run(&["zzqx", "--mode", "lexical"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (1, ""));
    let refused = scratch.run(&["password", "--lang", "klingon"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("klingon") && refused.err.contains("rust"),
        "{}",
        refused.err
    );
    assert_eq!(scratch.run(&["--help"]).code, 0);
    assert_eq!(scratch.run(&["--version"]).code, 0);
}

#[test]
fn people_see_place_kind_and_numbered_lines() {
    let scratch = Scratch::with(FILES);
    let run = scratch.run(&["verify_password", "-k", "1", "--lines", "2"]);
    assert_eq!(run.code, 0);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(lines[0].starts_with("src/login.rs:1-"), "{}", run.out);
    assert!(lines[0].contains("function") && lines[0].contains("verify_password"));
    assert_eq!(
        lines[1],
        "  1  /// Checks the password of a user who signs in."
    );
    assert!(lines[3].contains("more lines"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'), "no colour in a pipe");
}

#[test]
fn filters_hold() {
    let scratch = Scratch::with(FILES);
    for (filter, expected) in [
        (&["--lang", "python"][..], "src/cache.py"),
        (&["--path", "*.md"], "README.md"),
        (&["--kind", "section"], "README.md"),
        (&["--path", "src", "--path", "!*.py"], "src/login.rs"),
    ] {
        let paths = scratch.paths(&[&["signing in caching password evict"], filter].concat());
        assert!(
            !paths.is_empty() && paths.iter().all(|path| path == expected),
            "{filter:?} {paths:?}"
        );
    }
    assert_eq!(scratch.run(&["password", "--path", "a["]).code, 2);
}

#[test]
fn changed_keeps_to_files_that_differ_from_a_revision() {
    let scratch = Scratch::with(FILES);
    let refused = scratch.run(&["password", "--changed"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("git repository"), "{}", refused.err);

    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "--message=x"],
        &["tag", "v1"],
    ] {
        scratch.git(arguments);
    }
    let search = ["signing in caching password evict"];
    assert_eq!(scratch.run(&[search[0], "--changed"]).code, 1);
    scratch.write(
        "src/new.py",
        "def password_of_a_guest():\n    return None\n",
    );
    scratch.write("README.md", "# Demo\n\nCaching passwords.\n");
    let mut changed = scratch.paths(&[search[0], "--changed"]);
    changed.sort();
    assert_eq!(changed, ["README.md", "src/new.py"]);
    let changed = scratch.paths(&[search[0], "--changed", "--lang", "python"]);
    assert_eq!(changed, ["src/new.py"]);
    scratch.git(&["add", "."]);
    scratch.git(&["commit", "--quiet", "--message=y"]);
    assert_eq!(scratch.run(&[search[0], "--changed=HEAD"]).code, 1);
    let mut changed = scratch.paths(&[search[0], "--changed=v1"]);
    changed.sort();
    assert_eq!(changed, ["README.md", "src/new.py"]);
    // A folder below the index keeps to both.
    assert_eq!(
        scratch.paths(&[search[0], "src", "--changed=v1"]),
        ["src/new.py"]
    );
    let unknown = scratch.run(&["password", "--changed=v9"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("v9"), "{}", unknown.err);
}

/// A filter chooses among all rows, not among the best of all.
#[test]
fn filters_apply_before_the_best_are_taken() {
    let scratch = Scratch::new();
    for number in 0..600 {
        let text = format!("def password_check_{number}(password):\n    return check(password)\n");
        scratch.write(&format!("many/file{number}.py"), text);
    }
    scratch.write(
        "one/only.go",
        "package one\n\n// Password is weak.\nfunc Weak() {}\n",
    );
    for mode in ["hybrid", "lexical", "semantic"] {
        let paths = scratch.paths(&["check the password", "--mode", mode, "--lang", "go"]);
        assert_eq!(paths, ["one/only.go"], "{mode}");
        let paths = scratch.paths(&["check the password", "--mode", mode, "--path", "one/**"]);
        assert_eq!(paths, ["one/only.go"], "{mode}");
    }
}

/// Small definitions share a chunk with their siblings and are found by their
/// own kind and name.
#[test]
fn a_definition_within_a_merged_chunk_is_found_and_shown() {
    let scratch = Scratch::with(&[(
        "point.rs",
        "pub struct Point(i32, i32);\n\nimpl Point {\n    pub fn add(&self) -> i32 {\n        self.0 + self.1\n    }\n\n    pub fn scale(&self) -> i32 {\n        self.0 * 2\n    }\n}\n",
    )]);
    let answer = scratch.json(&["add", "--mode", "symbol"]);
    let hit = &hits(&answer)[0];
    assert_eq!(
        (&hit["symbol"], &hit["kind"]),
        (&"add".into(), &"method".into()),
        "{hit}"
    );
    assert_eq!(hit["breadcrumb"], "Point::add");
    let answer = scratch.json(&["scale the point", "--kind", "method"]);
    for hit in hits(&answer) {
        assert_eq!(hit["kind"], "method", "{hit}");
    }
}

/// Configuration and markup name what they define with separators.
#[test]
fn names_made_of_parts_are_found_whole_and_by_their_end() {
    let scratch = Scratch::with(&[
        (
            "main.tf",
            "resource \"aws_instance\" \"web\" {\n  ami = \"a\"\n}\n",
        ),
        (
            "page.html",
            "<html>\n<body>\n<section id=\"intro\">\n<p>Hello</p>\n</section>\n</body>\n</html>\n",
        ),
    ]);
    for (query, path) in [
        ("aws_instance.web", "main.tf"),
        ("web", "main.tf"),
        ("section#intro", "page.html"),
        ("intro", "page.html"),
    ] {
        assert_eq!(
            scratch.paths(&[query, "--mode", "symbol"]),
            [path],
            "{query}"
        );
    }
}

#[test]
fn no_mode_lets_one_file_flood_the_list() {
    let scratch = Scratch::new();
    let flood: String = (0..60).fold(String::new(), |all, n| {
        let body = format!("    token = token + {n}\n").repeat(30);
        format!("{all}def token_{n}(token):\n{body}    return token\n\n")
    });
    scratch.write("flood.py", flood);
    for number in 0..5 {
        scratch.write(
            &format!("other{number}.py"),
            format!("def other_{number}(token):\n    return token\n"),
        );
    }
    for mode in ["hybrid", "lexical", "regex"] {
        let paths = scratch.paths(&["token", "--mode", mode]);
        let others = paths
            .iter()
            .filter(|path| path.starts_with("other"))
            .count();
        assert!(others >= 4, "{mode}: {paths:?}");
    }
}

#[test]
fn a_query_without_a_word_finds_nothing() {
    let scratch = Scratch::with(FILES);
    for query in ["???", "()", "💥"] {
        let run = scratch.run(&[query]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{query}: {run:?}");
    }
}

#[test]
fn every_mode_answers_in_its_own_way() {
    let scratch = Scratch::with(FILES);
    for (mode, query, expected) in [
        ("lexical", "password", "src/login.rs"),
        ("semantic", "password", "src/login.rs"),
        ("symbol", "evictOldest", "src/cache.py"),
        ("regex", r"entries\.pop\(\d\)", "src/cache.py"),
        ("hybrid", "Cache.evict_oldest", "src/cache.py"),
    ] {
        let answer = scratch.json(&[query, "--mode", mode]);
        assert_eq!(answer["mode"], mode);
        assert_eq!(hits(&answer)[0]["path"], expected, "{mode}");
    }
    let broken = scratch.run(&["a(", "--mode", "regex"]);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("regular expression"), "{}", broken.err);
}

#[test]
fn the_explanation_adds_up_to_the_score() {
    let scratch = Scratch::with(FILES);
    let answer = scratch.json(&["where is the password checked", "--explain"]);
    for hit in hits(&answer) {
        let parts = hit["explain"]["contributions"].as_array().expect("parts");
        let sum: f64 = parts
            .iter()
            .map(|part| part["added"].as_f64().expect("number"))
            .sum();
        let score = hit["score"].as_f64().expect("score");
        assert!((sum - score).abs() < 1e-5, "{sum} {score}");
    }
    let words = &hits(&answer)[0]["explain"]["matched_words"];
    assert!(
        words
            .as_array()
            .expect("words")
            .contains(&"password".into()),
        "{words}"
    );
}

#[test]
fn a_folder_below_an_index_is_answered_from_it() {
    let scratch = Scratch::with(FILES);
    scratch.write("other/login.rs", "fn verify_password() {}\n");
    scratch.json(&["index"]);
    let below = scratch.paths(&["verify_password", "other"]);
    assert!(
        !below.is_empty() && below.iter().all(|path| path == "other/login.rs"),
        "{below:?}"
    );
    scratch.index_folder();
}

#[test]
fn repository_text_cannot_command_the_terminal() {
    let scratch = Scratch::with(&[("a.txt", "evil \u{1b}[2Jword \u{202e}reversed\n")]);
    let run = scratch.run(&["evil word"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        !run.out.contains('\u{1b}') && !run.out.contains('\u{202e}'),
        "{}",
        run.out
    );
}

#[test]
fn completions_know_every_command() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = scratch.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        for command in ["search", "index", "status", "why", "serve", "completions"] {
            assert!(run.out.contains(command), "{shell} {command}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_success() {
    let scratch = Scratch::with(FILES);
    scratch.json(&["index"]);
    let program = env!("CARGO_BIN_EXE_wherein");
    let status = std::process::Command::new("bash")
        .args([
            "-c",
            &format!("set -o pipefail; '{program}' password --lines 0 | true"),
        ])
        .current_dir(scratch.repository())
        .env("WHEREIN_HOME", scratch.home())
        .status()
        .expect("starts");
    assert!(status.success(), "{status}");
}

#[test]
fn a_copy_elsewhere_is_shown_once() {
    let code = "def settle_invoice(invoice, ledger, currency):\n    \"\"\"Book what is paid.\"\"\"\n    \
                total = sum(line.amount for line in invoice.lines)\n    rate = ledger.rate(currency)\n    \
                ledger.book(invoice.number, total * rate)\n    invoice.state = \"settled\"\n    return total\n";
    let other = "def settle_dispute(case):\n    return case.close(reason=\"settled by invoice\")\n";
    let changed = code.replace("    total = ", "    check(invoice)\n    amounts = []\n    for line in invoice.lines:\n        amounts.append(line.cents / 100)\n    total = ");
    let scratch = Scratch::with(&[
        ("src/billing.py", code),
        ("vendor/billing/billing.py", code),
        ("src/court.py", other),
        ("src/newer.py", &changed),
    ]);
    let paths = scratch.paths(&["settle an invoice"]);
    assert!(paths.contains(&"src/billing.py".to_owned()), "{paths:?}");
    assert!(
        !paths.contains(&"vendor/billing/billing.py".to_owned()),
        "{paths:?}"
    );
    // What differs is no copy.
    assert!(paths.contains(&"src/newer.py".to_owned()), "{paths:?}");
    let inside = scratch.paths(&["settle an invoice", "--path", "vendor"]);
    assert_eq!(inside, ["vendor/billing/billing.py"]);
}

#[test]
fn neighbours_are_one_hit_and_no_line_is_shown_twice() {
    let body = |name: &str| {
        let lines: Vec<String> = (0..12)
            .map(|at| {
                format!("    harvest_{name}_{at} = orchard.pick(apples={at}, to=\"{name}\")\n")
            })
            .collect();
        let lines = lines.concat();
        format!("def harvest_{name}(orchard):\n{lines}    return orchard\n\n\n")
    };
    let text: String = ["early", "middle", "late"].map(body).concat();
    let scratch = Scratch::with(&[("src/orchard.py", &text)]);
    let found = hits(&scratch.json(&["harvest apples of the orchard"]));
    let mut seen = std::collections::HashSet::new();
    for hit in &found {
        let line = |name: &str| hit[name].as_u64().expect("a line");
        for number in line("start_line")..=line("end_line") {
            assert!(seen.insert(number), "line {number} twice in {found:?}");
        }
        let lines: Vec<&str> = text.lines().collect();
        let (start, end) = (line("start_line") as usize, line("end_line") as usize);
        let shown = hit["text"].as_str().expect("text");
        assert_eq!(
            shown.trim_end(),
            lines[start - 1..end].join("\n").trim_end()
        );
    }
    assert!(found.len() < 3, "{found:?}");
}
