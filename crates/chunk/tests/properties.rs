//! Arbitrary and damaged texts: the invariants hold for them too.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use wherein_chunk::Options;
use wherein_core::Language;

use crate::invariants::check;
use crate::support::{FIXTURES, SMALL, language, on_parse_stack};

/// One change to a text.
#[derive(Clone, Debug)]
enum Damage {
    Truncate(usize),
    DeleteLine(usize),
    DuplicateLines(usize, usize),
    Bytes(usize, Vec<u8>),
    Swap(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<usize>().prop_map(Damage::Truncate),
        any::<usize>().prop_map(Damage::DeleteLine),
        (any::<usize>(), 1..20_usize).prop_map(|(at, count)| Damage::DuplicateLines(at, count)),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(at, bytes)| Damage::Bytes(at, bytes)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut text = text.to_owned();
    for damage in damages {
        let mut bytes = text.clone().into_bytes();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (bytes_count, lines_count) = (bytes.len() + 1, lines.len().max(1));
        text = match damage {
            Damage::Truncate(at) => {
                bytes.truncate(at % bytes_count);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Damage::DeleteLine(at) if !lines.is_empty() => {
                lines.remove(at % lines_count);
                lines.concat()
            }
            Damage::DuplicateLines(at, count) => {
                let at = at % lines_count;
                let copied = lines
                    .iter()
                    .skip(at)
                    .take(*count)
                    .copied()
                    .collect::<String>();
                lines.insert(at.min(lines.len()), &copied);
                lines.concat()
            }
            Damage::Bytes(at, inserted) => {
                let at = at % bytes_count;
                bytes.splice(at..at, inserted.iter().copied());
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Damage::Swap(a, b) if !lines.is_empty() => {
                lines.swap(a % lines_count, b % lines_count);
                lines.concat()
            }
            Damage::DeleteLine(_) | Damage::Swap(..) => text,
        };
    }
    text
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x7768_6572_6569_6e00),
        ..Config::default()
    }
}

#[test]
fn damaged_code_keeps_the_invariants() {
    let sizes = [Options::default(), SMALL];
    on_parse_stack(|| {
        proptest!(config(40), |(damages in prop::collection::vec(damage(), 1..6), size in 0..2_usize)| {
            for (name, text) in FIXTURES {
                check(&damaged(text, &damages), language(name), &sizes[size]);
            }
        });
    });
}

#[test]
fn arbitrary_text_keeps_the_invariants() {
    let texts = prop_oneof![
        "\\PC{0,200}",
        "[ \\t\\r\\n\\x0c\\x00a(){}\\[\\]\"'`;:=#/*<>-]{0,400}",
        prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ];
    on_parse_stack(|| {
        proptest!(config(40), |(text in texts)| {
            for language in Language::all() {
                check(&text, language, &SMALL);
            }
        });
    });
}

/// Any text read as any language: the grammars meet what was not meant for them.
#[test]
fn code_of_another_language_keeps_the_invariants() {
    on_parse_stack(|| {
        for (name, _) in FIXTURES {
            for (_, text) in FIXTURES {
                check(text, language(name), &SMALL);
            }
        }
    });
}
