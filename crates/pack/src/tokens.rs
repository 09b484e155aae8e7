//! Counts tokens as the models that read our answers do.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use crate::vocabulary::Vocabulary;

/// A byte-pair vocabulary, part of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tokenizer {
    /// `o200k_base`, of GPT-4o and later.
    #[default]
    O200k,
    /// `cl100k_base`, of GPT-4 and the usual one of benchmarks.
    Cl100k,
}

impl Tokenizer {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::O200k, Self::Cl100k];

    /// The name that its makers gave it.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
        }
    }

    /// How many tokens a text has.
    pub fn count(self, text: &str) -> usize {
        let counter = self.counter();
        pieces(counter.pattern.as_ref(), text)
            .map(|piece| counter.vocabulary.count(piece.as_bytes()))
            .sum()
    }

    /// How many tokens a text has, or `None` when it has more than `limit`;
    /// a long text is not read to its end for that.
    pub fn count_up_to(self, text: &str, limit: usize) -> Option<usize> {
        let counter = self.counter();
        let mut count = 0;
        for piece in pieces(counter.pattern.as_ref(), text) {
            count += counter.vocabulary.count(piece.as_bytes());
            if count > limit {
                return None;
            }
        }
        Some(count)
    }

    fn counter(self) -> &'static Counter {
        static O200K: LazyLock<Counter> = LazyLock::new(|| {
            let word = r"[^\r\n\p{L}\p{N}]?";
            let (large, small) = (
                r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]",
                r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]",
            );
            let ending = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
            let pattern = [
                &format!("{word}{large}*{small}+{ending}"),
                &format!("{word}{large}+{small}*{ending}"),
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+$",
            ];
            let file = include_bytes!(concat!(env!("OUT_DIR"), "/o200k.bin"));
            Counter::new(&pattern.join("|"), file)
        });
        static CL100K: LazyLock<Counter> = LazyLock::new(|| {
            let pattern = [
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
                r"[^\r\n\p{L}\p{N}]?\p{L}+",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n]*",
                r"\s*[\r\n]+",
                r"\s+$",
            ];
            let file = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.bin"));
            Counter::new(&pattern.join("|"), file)
        });
        match self {
            Self::O200k => &O200K,
            Self::Cl100k => &CL100K,
        }
    }
}

/// What counts the tokens of one vocabulary.
struct Counter {
    pattern: Option<Regex>,
    vocabulary: Vocabulary,
}

/// Number of the pattern that takes a character too many.
const LOOKAHEAD: usize = 1;

impl Counter {
    fn new(pattern: &str, file: &'static [u8]) -> Self {
        // White space before a word leaves it one blank: the published pattern says so
        // by `\s+(?!\S)`; here the one after it gives the last character back.
        let pattern = Regex::new_many(&[pattern, r"\s+\s", r"\s+"]);
        Self {
            // Of constants: a test compiles them.
            pattern: pattern.ok(),
            vocabulary: Vocabulary::of(file),
        }
    }
}

/// The pieces within which tokens are merged.
fn pieces<'a>(pattern: Option<&'a Regex>, text: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let input = Input::new(rest).anchored(Anchored::Yes);
        let found = pattern?.find(input)?;
        let mut end = found.end();
        if found.pattern().as_usize() == LOOKAHEAD {
            end -= rest[..end].chars().next_back().map_or(0, char::len_utf8);
        }
        if end == 0 {
            return None;
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

impl fmt::Display for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tokenizer {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let short = name.strip_suffix("_base").unwrap_or(name);
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.name().trim_end_matches("_base") == short)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_counts() {
        // Counts of the vocabularies' own reference implementation.
        let text = "def parse_url(text: str) -> Url:\n    return Url(*split(text))\n";
        assert_eq!(Tokenizer::Cl100k.count(text), 17);
        assert_eq!(Tokenizer::O200k.count(text), 17);
        assert_eq!(Tokenizer::O200k.count(""), 0);
        assert_eq!(Tokenizer::O200k.count_up_to(text, 16), None);
        assert_eq!(Tokenizer::O200k.count_up_to(text, 17), Some(17));
    }

    fn by_its_makers(one: Tokenizer, text: &str) -> usize {
        match one {
            Tokenizer::O200k => bpe_openai::o200k_base().count(text),
            Tokenizer::Cl100k => bpe_openai::cl100k_base().count(text),
        }
    }

    #[test]
    fn odd_texts_have_as_many_tokens_as_their_makers_count() {
        let long = ["a".repeat(3000), " ".repeat(2000), "=-".repeat(1000)];
        let texts = [
            " ",
            "\n\n  \n\tx",
            "  two  blanks ",
            "I'M don't we'll",
            "١٢٣٤ 12345",
            "日本語のテキスト、そして絵文字👩‍👩‍👧‍👦",
            "e\u{301}a\u{300}",
            "\u{a0}\u{2003}x \u{3000}",
            "a/b//c\r\n\r\n//x",
        ];
        for text in texts.into_iter().chain(long.iter().map(String::as_str)) {
            for one in Tokenizer::ALL {
                assert_eq!(one.count(text), by_its_makers(*one, text), "{text:?}");
            }
        }
    }

    #[test]
    fn source_has_as_many_tokens_as_its_makers_count() {
        for text in [
            include_str!("tokens.rs"),
            include_str!("packing.rs"),
            include_str!("../../../ARCHITECTURE.md"),
        ] {
            for one in Tokenizer::ALL {
                assert_eq!(one.count(text), by_its_makers(*one, text));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_as_many_tokens_as_its_makers_count(
            text in r"(\PC|[ \t\r\n]{1,4}|[a-zA-Z_]{1,12}|[0-9]{1,5}|[(){}<>;:.,=/*'-]{1,6}){0,60}"
        ) {
            for one in Tokenizer::ALL {
                proptest::prop_assert_eq!(one.count(&text), by_its_makers(*one, &text));
            }
        }
    }

    #[test]
    fn names_read_back() {
        for one in Tokenizer::ALL {
            assert_eq!(one.name().parse(), Ok(*one));
        }
        assert_eq!("cl100k".parse(), Ok(Tokenizer::Cl100k));
        assert_eq!("p50k".parse::<Tokenizer>(), Err(()));
    }
}
