//! Text to terms, the same for what is indexed and what is asked.
//!
//! An identifier gives its parts, stemmed, and when it has several also the
//! whole of it without regard to case style (`parse_url` and `parseUrl` both
//! give `pars`, `url`, `parseurl`).

use std::cell::RefCell;

use rustc_hash::FxHashMap;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use wherein_core::words;

/// Distinct words remembered before the cache starts over; code repeats its
/// words, and stemming is most of the cost of tokenizing.
const CACHE_WORDS: usize = 1 << 16;

#[derive(Default)]
struct WordCache {
    /// Where the terms of a word stand in `terms`.
    words: FxHashMap<Box<str>, u32>,
    terms: Vec<Box<[Box<str>]>>,
}

impl WordCache {
    fn terms(&mut self, stemmer: &frostem::Stemmer, word: &str) -> &[Box<str>] {
        let at = if let Some(&at) = self.words.get(word) {
            at
        } else {
            if self.terms.len() >= CACHE_WORDS {
                self.words.clear();
                self.terms.clear();
            }
            let at = self.terms.len() as u32;
            self.words.insert(word.into(), at);
            self.terms.push(word_terms(stemmer, word));
            at
        };
        &self.terms[at as usize]
    }
}

fn word_terms(stemmer: &frostem::Stemmer, word: &str) -> Box<[Box<str>]> {
    let mut terms: Vec<Box<str>> = Vec::new();
    let mut parts = 0;
    words::identifier_parts(word, |part| {
        parts += 1;
        let lower = part.to_lowercase();
        let stem = stemmer.stem(&lower);
        terms.push(stem.as_ref().into());
    });
    if parts > 1 {
        terms.push(words::identifier_key(word).into());
    }
    terms.into()
}

fn stemmer() -> frostem::Stemmer {
    frostem::Stemmer::new(frostem::Algorithm::English)
}

thread_local! {
    /// Of the thread's questions: paths and names recur from one to the next.
    static CACHE: RefCell<(frostem::Stemmer, WordCache)> =
        RefCell::new((stemmer(), WordCache::default()));
}

/// Calls `each` with the terms of a text, in order, repetitions included.
pub fn each_term(text: &str, mut each: impl FnMut(&str)) {
    CACHE.with_borrow_mut(|(stemmer, cache)| {
        for (_, word) in words::words(text) {
            for term in cache.terms(stemmer, word) {
                each(term);
            }
        }
    });
}

/// The terms of a text, in order, repetitions included.
pub fn terms(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    each_term(text, |term| all.push(term.to_owned()));
    all
}

/// The tokenizer of the lexical index.
pub(crate) struct CodeTokenizer {
    stemmer: frostem::Stemmer,
    cache: WordCache,
    token: Token,
}

impl Default for CodeTokenizer {
    fn default() -> Self {
        Self {
            stemmer: stemmer(),
            cache: WordCache::default(),
            token: Token::default(),
        }
    }
}

impl Clone for CodeTokenizer {
    fn clone(&self) -> Self {
        // Each thread of the writer warms a cache of its own.
        Self::default()
    }
}

pub(crate) struct CodeTokenStream<'a> {
    tokenizer: &'a mut CodeTokenizer,
    words: Box<dyn Iterator<Item = (usize, &'a str)> + 'a>,
    word: (usize, &'a str),
    next: usize,
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = CodeTokenStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> CodeTokenStream<'a> {
        self.token.reset();
        CodeTokenStream {
            tokenizer: self,
            words: Box::new(words::words(text)),
            word: (0, ""),
            next: 0,
        }
    }
}

impl TokenStream for CodeTokenStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            let CodeTokenizer {
                stemmer,
                cache,
                token,
            } = &mut *self.tokenizer;
            if !self.word.1.is_empty()
                && let Some(term) = cache.terms(stemmer, self.word.1).get(self.next)
            {
                self.next += 1;
                token.position = token.position.wrapping_add(1);
                token.offset_from = self.word.0;
                token.offset_to = self.word.0 + self.word.1.len();
                token.text.clear();
                token.text.push_str(term);
                return true;
            }
            match self.words.next() {
                Some(word) => {
                    self.word = word;
                    self.next = 0;
                }
                None => return false,
            }
        }
    }

    fn token(&self) -> &Token {
        &self.tokenizer.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokenizer.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(text: &str) -> Vec<String> {
        let mut tokenizer = CodeTokenizer::default();
        let mut stream = tokenizer.token_stream(text);
        let mut found = Vec::new();
        while stream.advance() {
            found.push(stream.token().text.clone());
        }
        found
    }

    #[test]
    fn identifiers_are_kept_split_and_whole() {
        assert_eq!(
            terms("parseURLs(x)"),
            ["pars", "ur", "ls", "parseurls", "x"]
        );
        assert_eq!(terms("http_server"), terms("httpServer"));
        assert_eq!(terms("connections connecting"), ["connect", "connect"]);
        assert!(terms("((( + )))").is_empty());
    }

    #[test]
    fn the_index_and_the_query_cut_alike() {
        for text in [
            "fn log_in(user: &User) -> Result<()>",
            "",
            "größe 数据库 x",
            "a.b.c a_b",
        ] {
            assert_eq!(streamed(text), terms(text), "{text}");
        }
    }
}
