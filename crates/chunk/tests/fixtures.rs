//! One fixture for each language with a grammar: its chunks and symbols.
//!
//! `INSTA_UPDATE=always cargo test -p wherein-chunk` writes the snapshots anew;
//! read the difference before you keep it.

use wherein_core::Language;

use crate::support::{FIXTURES, SMALL, language, outline};

#[test]
fn each_language_gives_its_definitions() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in FIXTURES {
            insta::assert_snapshot!(*name, outline(text, language(name), &SMALL));
        }
    });
}

#[test]
fn each_language_with_a_grammar_has_a_fixture() {
    // A symbol in some snapshot proves a grammar; lines alone prove none.
    let parsed = FIXTURES
        .iter()
        .map(|(name, _)| language(name))
        .collect::<Vec<Language>>();
    assert_eq!(parsed.len(), 44);
    for (name, text) in FIXTURES {
        let printed = outline(text, language(name), &SMALL);
        assert!(
            printed.lines().any(|line| line.starts_with("    ")),
            "{name} has no symbol"
        );
    }
}
