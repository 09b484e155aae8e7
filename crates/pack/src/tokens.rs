//! Counts tokens as the models that read our answers do.

use std::fmt;
use std::str::FromStr;

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
        self.tokenizer().count(text)
    }

    /// How many tokens a text has, or `None` when it has more than `limit`;
    /// a long text is not read to its end for that.
    pub fn count_up_to(self, text: &str, limit: usize) -> Option<usize> {
        let tokenizer = self.tokenizer();
        tokenizer.count_till_limit(&tokenizer.normalize(text), limit)
    }

    fn tokenizer(self) -> &'static bpe_openai::Tokenizer {
        match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        }
    }
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

    #[test]
    fn names_read_back() {
        for one in Tokenizer::ALL {
            assert_eq!(one.name().parse(), Ok(*one));
        }
        assert_eq!("cl100k".parse(), Ok(Tokenizer::Cl100k));
        assert_eq!("p50k".parse::<Tokenizer>(), Err(()));
    }
}
