//! The tokenizer with the shipped vocabulary: the same as in training, and safe on any text.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wherein_embed::{DocumentParts, SHIPPED_MODEL_FILES, Tokenizer, shipped};

fn vocabulary() -> &'static str {
    std::str::from_utf8(SHIPPED_MODEL_FILES[1].1).expect("the vocabulary is UTF-8")
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_vocabulary("shipped", vocabulary()).expect("the vocabulary is whole")
}

fn tokens(tokenizer: &Tokenizer, text: &str, most: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode(text, most, &mut ids);
    ids
}

/// `tests/data/tokens.txt` is written by `training/vectors.py`: a text, as one
/// escaped line, and below it the entries that it is cut into.
#[test]
fn texts_are_cut_as_in_training() {
    let entries: Vec<&str> = vocabulary().lines().collect();
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.entries(), entries.len());
    let cases = include_str!("data/tokens.txt");
    let mut lines = cases.lines().skip(1);
    let mut checked = 0;
    while let (Some(text), Some(expected)) = (lines.next(), lines.next()) {
        let text = text.strip_prefix("> ").expect("a text line starts with >");
        let text = text.replace("\\n", "\n").replace("\\t", "\t");
        let found: Vec<&str> = tokens(&tokenizer, &text, 256)
            .iter()
            .map(|&id| entries[id as usize])
            .collect();
        assert_eq!(found.join(" "), expected.trim(), "{text:?}");
        checked += 1;
    }
    assert!(checked >= 30);
}

#[test]
fn every_ascii_word_has_tokens() {
    let tokenizer = tokenizer();
    for c in ('a'..='z').chain('0'..='9') {
        for word in [c.to_string(), format!("q{c}"), format!("zqx{c}{c}{c}jq")] {
            assert!(!tokens(&tokenizer, &word, 99).is_empty(), "{word}");
        }
    }
}

#[test]
fn data_is_not_language() {
    let tokenizer = tokenizer();
    assert!(tokens(&tokenizer, &"x".repeat(1 << 20), 256).is_empty());
    assert!(tokens(&tokenizer, &"数".repeat(1 << 18), 256).is_empty());
    assert_eq!(tokens(&tokenizer, &"a ".repeat(1 << 20), 256).len(), 3);
}

proptest! {
    #[test]
    fn any_text_gives_known_ids_and_not_too_many(text in "\\PC{0,200}", most in 0_usize..64) {
        let tokenizer = tokenizer_once();
        let ids = tokens(tokenizer, &text, most);
        prop_assert!(ids.len() <= most);
        prop_assert!(ids.iter().all(|&id| id > 0 && (id as usize) < tokenizer.entries()));
        // A lower limit gives a prefix, and no token comes more than three times.
        prop_assert!(ids.starts_with(&tokens(tokenizer, &text, most / 2)));
        prop_assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() <= 3));
    }

    #[test]
    fn any_text_can_be_embedded(texts in proptest::collection::vec("(?s).{0,80}", 0..5)) {
        let model = shipped().expect("the shipped model loads");
        let parts = |text| DocumentParts { path: text, breadcrumb: text, signature: text, doc: text, body: text };
        let documents: Vec<DocumentParts<'_>> = texts.iter().map(|text| parts(text)).collect();
        let rows = model.embed_documents(&documents).expect("any text can be embedded");
        prop_assert!(rows.iter().all(|value| value.is_finite()));
    }
}

fn tokenizer_once() -> &'static Tokenizer {
    static TOKENIZER: std::sync::OnceLock<Tokenizer> = std::sync::OnceLock::new();
    TOKENIZER.get_or_init(tokenizer)
}
