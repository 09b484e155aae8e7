//! Packs of made-up files: what is shown, in which form, within which budget.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wherein_core::{ByteRange, ChunkKind};
use wherein_pack::{Definition, Format, Found, Options, Pack, Source, Tokenizer, pack};

const CLASS: &str = "\
import os
import json

LIMIT = 3


class Desk(Base):
    \"\"\"Where visitors sign in.\"\"\"

    limit = LIMIT

    def sign_in(self, name):
        \"\"\"Let a visitor in.\"\"\"
        token = os.urandom(16)
        self.tickets[name] = token
        return token

    def sign_out(self, name):
        self.tickets.pop(name)


def other():
    return json.dumps({})
";

/// The definition of `name` in a text, by its first and last line.
fn definition(text: &str, name: &str, kind: ChunkKind, lines: (u32, u32)) -> Definition {
    let at = text.find(name).expect("the name") as u32;
    let start = text[..at as usize]
        .rfind('\n')
        .map_or(0, |end| end as u32 + 1);
    let end = text[at as usize..]
        .find('\n')
        .map_or(text.len() as u32, |end| at + end as u32);
    Definition {
        name: name.to_owned(),
        breadcrumb: name.to_owned(),
        kind,
        lines: lines.0..=lines.1,
        signature: ByteRange { start, end },
    }
}

fn desk() -> Source {
    Source {
        repo: None,
        path: "src/desk.py".to_owned(),
        language: "python".to_owned(),
        text: CLASS.to_owned(),
        definitions: vec![
            definition(CLASS, "Desk", ChunkKind::Class, (7, 19)),
            definition(CLASS, "sign_in", ChunkKind::Method, (12, 16)),
            definition(CLASS, "sign_out", ChunkKind::Method, (18, 19)),
            definition(CLASS, "other", ChunkKind::Function, (22, 23)),
        ],
    }
}

fn found(source: usize, start: u32, end: u32) -> Found {
    Found {
        source,
        lines: start..=end,
        score: 10.0 - start as f32 / 100.0,
    }
}

fn options(budget: usize) -> Options {
    Options {
        budget,
        tokenizer: Tokenizer::O200k,
        format: Format::Markdown,
        exclude: Vec::new(),
    }
}

fn places(pack: &Pack) -> Vec<String> {
    pack.blocks
        .iter()
        .map(|block| format!("{}:{}-{}", block.path, block.start_line, block.end_line))
        .collect()
}

#[test]
fn a_method_is_whole_under_its_class_and_its_imports() {
    let pack = pack(&[desk()], &[found(0, 12, 14)], &options(500));
    assert_eq!(places(&pack), ["src/desk.py:12-16"]);
    let block = &pack.blocks[0];
    assert_eq!(
        (block.symbol.as_deref(), block.kind),
        (Some("sign_in"), ChunkKind::Method)
    );
    assert_eq!(
        block.text,
        "import os\n\u{22ee}\nclass Desk(Base):\n\u{22ee}\n    def sign_in(self, name):\n        \
         \"\"\"Let a visitor in.\"\"\"\n        token = os.urandom(16)\n        \
         self.tickets[name] = token\n        return token\n"
    );
    assert!(
        pack.text
            .starts_with("## src/desk.py:12-16 sign_in\n```python\nimport os\n")
    );
    assert!(pack.text.ends_with("```\n"));
    assert_eq!(pack.tokens, Tokenizer::O200k.count(&pack.text));
    assert_eq!(pack.left_out, 0);
}

#[test]
fn spans_of_a_file_come_in_its_order_and_neighbours_are_one() {
    let sources = [
        desk(),
        Source {
            repo: None,
            path: "b.py".to_owned(),
            ..desk()
        },
    ];
    let all = [
        found(0, 22, 23),
        found(1, 22, 23),
        found(0, 18, 19),
        found(0, 12, 16),
    ];
    let pack = pack(&sources, &all, &options(4000));
    assert_eq!(
        places(&pack),
        ["src/desk.py:12-23", "b.py:22-23"],
        "{}",
        pack.text
    );
    // The class is shown once above both of its methods.
    assert_eq!(pack.blocks[0].text.matches("class Desk").count(), 1);
}

#[test]
fn what_was_sent_is_not_sent_again_unless_it_changed() {
    let first = pack(&[desk()], &[found(0, 12, 16)], &options(500));
    let mut again = options(500);
    again.exclude = vec![first.blocks[0].id.parse().expect("an id")];
    let nothing = pack(&[desk()], &[found(0, 12, 16)], &again);
    assert!(nothing.blocks.is_empty() && nothing.text.is_empty());
    assert_eq!((nothing.tokens, nothing.left_out), (0, 0));

    let more = pack(&[desk()], &[found(0, 12, 16), found(0, 18, 19)], &again);
    assert_eq!(places(&more), ["src/desk.py:18-19"]);

    let mut changed = desk();
    changed.text = changed.text.replace("urandom(16)", "urandom(32)");
    assert_eq!(
        places(&pack(&[changed], &[found(0, 12, 16)], &again)),
        ["src/desk.py:12-16"]
    );
    // Without its hash a name holds whatever the lines are now.
    again.exclude = vec!["src/desk.py:1-100".parse().expect("an id")];
    assert!(
        pack(&[desk()], &[found(0, 12, 16)], &again)
            .blocks
            .is_empty()
    );
}

fn long() -> Source {
    let body: Vec<String> = (0..200)
        .map(|at| format!("    total += rates[{at}] * amounts[{at}]\n"))
        .collect();
    let text = format!(
        "def settle(rates, amounts):\n    total = 0\n{}    return total\n",
        body.concat()
    );
    let definitions = vec![definition(&text, "settle", ChunkKind::Function, (1, 203))];
    Source {
        repo: None,
        path: "long.py".to_owned(),
        language: "python".to_owned(),
        text,
        definitions,
    }
}

#[test]
fn of_a_long_definition_the_span_stands_under_the_signature() {
    let pack = pack(&[long()], &[found(0, 90, 99)], &options(1000));
    assert_eq!(places(&pack), ["long.py:90-99"]);
    let text = &pack.blocks[0].text;
    assert!(
        text.starts_with("def settle(rates, amounts):\n\u{22ee}\n    total += rates[87]"),
        "{text}"
    );
    // That it goes on is told.
    assert!(text.ends_with("\n\u{22ee}\n"), "{text}");
}

#[test]
fn a_long_definition_is_whole_when_there_is_room() {
    let first = pack(&[long()], &[found(0, 90, 99)], &options(9000));
    assert_eq!(places(&first), ["long.py:1-203"]);
    assert!(!first.text.contains('\u{22ee}'));
    // Also when it is not the first that was found.
    let all = [found(1, 12, 16), found(0, 90, 99), found(1, 22, 23)];
    let second = pack(&[long(), desk()], &all, &options(9000));
    assert_eq!(
        places(&second),
        ["src/desk.py:12-16", "src/desk.py:22-23", "long.py:1-203"]
    );
}

#[test]
fn the_head_of_a_class_brings_the_class() {
    let pack = pack(&[desk()], &[found(0, 7, 10)], &options(900));
    assert_eq!(places(&pack), ["src/desk.py:7-19"]);
}

#[test]
fn headers_that_were_sent_are_not_sent_again() {
    let first = pack(&[desk()], &[found(0, 12, 16)], &options(500));
    let id = &first.blocks[0].id;
    assert!(id.starts_with("src/desk.py:1-1,7-7,12-16@"), "{id}");
    let mut again = options(500);
    again.exclude = vec![id.parse().expect("an id")];
    let second = pack(&[desk()], &[found(0, 18, 19)], &again);
    assert!(!second.text.contains("class Desk"), "{}", second.text);
}

#[test]
fn headers_that_a_span_follows_are_a_part_of_it() {
    let text = "class A:\n    x = 1\n    y = 2\n\n    z = 3\n".to_owned();
    let source = Source {
        repo: None,
        path: "a.py".to_owned(),
        language: "python".to_owned(),
        definitions: vec![definition(&text, "A", ChunkKind::Class, (1, 5))],
        text,
    };
    let all = [found(0, 2, 3)];
    let mut tight = options(30);
    tight.budget = Tokenizer::O200k
        .count("## a.py:1-3 A\n```python\nclass A:\n    x = 1\n    y = 2\n\u{22ee}\n```\n");
    let pack = pack(&[source], &all, &tight);
    assert_eq!(places(&pack), ["a.py:1-3"]);
    assert_eq!(
        pack.blocks[0].text,
        "class A:\n    x = 1\n    y = 2\n\u{22ee}\n"
    );
}

#[test]
fn a_list_of_nothing_is_a_list() {
    let mut json = options(100);
    json.format = Format::Json;
    let pack = pack(&[desk()], &[], &json);
    assert_eq!((pack.text.as_str(), pack.tokens), ("[]", 1));
}

#[test]
fn when_nothing_more_fits_the_signature_does() {
    let pack = pack(&[long()], &[found(0, 90, 99)], &options(40));
    assert_eq!(places(&pack), ["long.py:1-1"]);
    assert!(pack.tokens <= 40, "{}", pack.tokens);
}

#[test]
fn budgets_at_the_edge() {
    let all = [found(0, 12, 16), found(0, 22, 23)];
    for budget in [0, 1, 5] {
        let pack = pack(&[desk()], &all, &options(budget));
        assert!(pack.blocks.is_empty() && pack.text.is_empty());
        assert_eq!((pack.tokens, pack.left_out), (0, 2));
    }
    let huge = pack(&[desk()], &all, &options(usize::MAX / 4));
    assert_eq!(places(&huge), ["src/desk.py:12-16", "src/desk.py:22-23"]);
    assert!(pack(&[], &[], &options(100)).text.is_empty());
    // A span of no source, or past the end of its file, is no reason to fail.
    assert!(pack(&[], &all, &options(100)).blocks.is_empty());
    let past = pack(&[desk()], &[found(0, 500, 600)], &options(100));
    assert!(past.blocks.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_budget_is_exceeded_and_no_line_is_shown_twice(
        budget in 0_usize..900,
        spans in proptest::collection::vec((0_usize..3, 1_u32..220, 0_u32..30), 0..12),
        excluded in proptest::collection::vec((0_usize..3, 1_u32..210, 0_u32..40), 0..3),
        format in 0_usize..3,
    ) {
        let sources = [desk(), long(), Source { path: "c`]]>\"<.py".to_owned(), ..desk() }];
        let all: Vec<Found> = spans.iter().map(|(source, start, more)| found(*source, *start, start + more)).collect();
        let mut options = options(budget);
        options.format = Format::ALL[format];
        options.exclude = excluded
            .iter()
            .map(|(source, start, more)| format!("{}:{start}-{}", sources[*source].path, start + more).parse().expect("an id"))
            .collect();
        let packed = pack(&sources, &all, &options);
        prop_assert!(packed.tokens <= budget);
        prop_assert_eq!(packed.tokens, Tokenizer::O200k.count(&packed.text));
        let mut seen = std::collections::HashSet::new();
        for block in &packed.blocks {
            let source = sources.iter().find(|source| source.path == block.path).expect("a source");
            let lines: Vec<&str> = source.text.lines().collect();
            prop_assert!(block.start_line >= 1 && block.end_line as usize <= lines.len());
            let own = lines[block.start_line as usize - 1..block.end_line as usize].join("\n") + "\n";
            let shown = block.text.strip_suffix("\u{22ee}\n").unwrap_or(&block.text);
            prop_assert!(shown.ends_with(&own));
            for line in block.start_line..=block.end_line {
                prop_assert!(seen.insert((block.path.clone(), line)), "line {} twice", line);
                for id in &options.exclude {
                    prop_assert!(id.path != block.path || !id.lines.iter().any(|range| range.contains(&line)), "line {} was sent", line);
                }
            }
        }
        prop_assert_eq!(&packed, &pack(&sources, &all, &options));
    }
}
