//! From text to token ids: words, their parts, and for unknown parts the longest known pieces.
//!
//! The words are cut by [`wherein_core::words`], the one rule of the project;
//! the vocabulary is a text file with one entry a line, `##` before pieces that
//! continue a part. `training/tokenizer.py` is the same in Python, and
//! `tests/data/tokens.txt` holds both to it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use wherein_core::words::{identifier_parts, words};

use crate::EmbedError;

/// Mark of an entry that continues a part.
const CONTINUATION: &str = "##";

/// Pieces taken of one part; what needs more is data (hashes, base64), not language.
const MAX_PIECES: usize = 8;

/// How often one token counts in a text: in code a name's tenth occurrence says
/// no more than its third. On the benchmark's development part (an earlier
/// training alone, NDCG@10, pieces of 700 characters): once .742, at most twice .747, at most
/// three times .759, without limit .739.
const OCCURRENCES: u32 = 3;

/// Tokens read for each one kept: a text that repeats itself is not read to its end.
const READ_PER_KEPT: usize = 4;

/// Words that the cache of a thread holds before it starts afresh: about 2 MB.
const MAX_CACHED_WORDS: usize = 1 << 15;

/// Cuts texts into the entries of a vocabulary.
#[derive(Debug)]
pub struct Tokenizer {
    /// Tells the tokenizers of a process apart in the threads' caches.
    number: u64,
    whole: FxHashMap<Box<str>, u32>,
    pieces: FxHashMap<Box<str>, u32>,
    longest_piece_bytes: usize,
}

/// What one thread remembers: the ids of a word as written.
#[derive(Default)]
struct Cache {
    tokenizer: u64,
    words: FxHashMap<Box<str>, (u32, u32)>,
    ids: Vec<u32>,
    /// By id: the number of the last text that had it, and how often it had it.
    seen: Vec<(u32, u32)>,
    text: u32,
}

impl Cache {
    /// Prepares for the next text: forgets the words of another tokenizer.
    fn make_ready(&mut self, tokenizer: &Tokenizer) {
        if self.tokenizer != tokenizer.number || self.text == u32::MAX {
            self.forget_words();
            self.seen.clear();
            self.seen.resize(tokenizer.entries(), (0, 0));
            self.text = 0;
            self.tokenizer = tokenizer.number;
        }
        self.text += 1;
    }

    fn forget_words(&mut self) {
        self.words.clear();
        self.ids.clear();
    }
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

impl Tokenizer {
    /// Reads a vocabulary: the entry of line `n` (from 0) has id `n`; line 0 is
    /// the padding entry. `model` names the model in errors.
    pub fn from_vocabulary(model: &str, text: &str) -> Result<Self, EmbedError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let fail = |line: usize, reason| EmbedError::Vocabulary {
            model: model.to_owned(),
            line,
            reason,
        };
        let mut whole = FxHashMap::default();
        let mut pieces = FxHashMap::default();
        let mut longest_piece_bytes = 0;
        let lines = text.bytes().filter(|&byte| byte == b'\n').count();
        whole.reserve(lines);
        for (number, line) in text.lines().enumerate().skip(1) {
            let (table, entry) = match line.strip_prefix(CONTINUATION) {
                Some(entry) => (&mut pieces, entry),
                None => (&mut whole, line),
            };
            if entry.is_empty() {
                return Err(fail(number + 1, "the entry is empty"));
            }
            longest_piece_bytes = longest_piece_bytes.max(entry.len());
            if table.insert(entry.into(), number as u32).is_some() {
                return Err(fail(number + 1, "the entry is there twice"));
            }
        }
        if whole.is_empty() {
            return Err(fail(1, "there are no entries"));
        }
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            whole,
            pieces,
            longest_piece_bytes,
        })
    }

    /// Number of entries, padding included.
    pub fn entries(&self) -> usize {
        1 + self.whole.len() + self.pieces.len()
    }

    /// Appends the ids of a text's first tokens, each three times at most and
    /// `max_tokens` in all; reads four times as many.
    pub fn encode(&self, text: &str, max_tokens: usize, ids: &mut Vec<u32>) {
        CACHE.with_borrow_mut(|cache| {
            cache.make_ready(self);
            self.encode_cached(text, max_tokens, ids, cache);
        });
    }

    /// Whether some part of a word, of three letters or more and no stop word, is
    /// an entry as a whole.
    pub fn knows_any(&self, text: &str) -> bool {
        let mut known = false;
        for (_, word) in words(text) {
            identifier_parts(word, |part| {
                let part = part.to_lowercase();
                known |= part.len() > 2
                    && !wherein_core::words::is_stop_word(&part)
                    && self.whole.contains_key(part.as_str());
            });
        }
        known
    }

    fn encode_cached(&self, text: &str, max_tokens: usize, ids: &mut Vec<u32>, cache: &mut Cache) {
        let end = ids.len().saturating_add(max_tokens);
        let mut unread = max_tokens.saturating_mul(READ_PER_KEPT);
        for (_, word) in words(text) {
            let (start, count) = if let Some(&range) = cache.words.get(word) {
                range
            } else {
                if cache.words.len() >= MAX_CACHED_WORDS {
                    cache.forget_words();
                }
                let start = cache.ids.len();
                identifier_parts(word, |part| self.part_ids(part, &mut cache.ids));
                let range = (start as u32, (cache.ids.len() - start) as u32);
                cache.words.insert(word.into(), range);
                range
            };
            for &id in &cache.ids[start as usize..(start + count) as usize] {
                if ids.len() == end || unread == 0 {
                    return;
                }
                unread -= 1;
                let (text, count) = &mut cache.seen[id as usize];
                if *text != cache.text {
                    (*text, *count) = (cache.text, 0);
                }
                *count += 1;
                if *count <= OCCURRENCES {
                    ids.push(id);
                }
            }
        }
    }

    /// Appends the ids of one part: its own, or those of the longest known
    /// pieces from the left; characters that no piece holds are left out.
    fn part_ids(&self, part: &str, ids: &mut Vec<u32>) {
        let part = part.to_lowercase();
        if let Some(&id) = self.whole.get(part.as_str()) {
            ids.push(id);
            return;
        }
        let mut rest = part.as_str();
        let mut found = 0;
        while !rest.is_empty() && found < MAX_PIECES {
            let table = if rest.len() == part.len() {
                &self.whole
            } else {
                &self.pieces
            };
            if let Some((id, len)) = self.longest(table, rest) {
                ids.push(id);
                found += 1;
                rest = &rest[len..];
            } else {
                let mut chars = rest.chars();
                chars.next();
                rest = chars.as_str();
            }
        }
    }

    /// The longest entry of a table that `text` starts with, and its length in bytes.
    fn longest(&self, table: &FxHashMap<Box<str>, u32>, text: &str) -> Option<(u32, usize)> {
        let most = text.len().min(self.longest_piece_bytes);
        (1..=most)
            .rev()
            .filter(|&len| text.is_char_boundary(len))
            .find_map(|len| table.get(&text[..len]).map(|&id| (id, len)))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn tokens(text: &str, max_tokens: usize) -> Vec<u32> {
        let vocabulary = "[PAD]\nparse\nhttp\nheader\np\nlog\n##s\n##in\n##i\nsha256\né\n##數\n";
        let tokenizer = Tokenizer::from_vocabulary("test", vocabulary).expect("a vocabulary");
        assert_eq!(tokenizer.entries(), 12);
        let mut ids = Vec::new();
        for _ in 0..2 {
            // The second time is answered from the cache.
            ids.clear();
            tokenizer.encode(text, max_tokens, &mut ids);
        }
        ids
    }

    #[test]
    fn words_are_cut_into_parts_and_unknown_parts_into_pieces() {
        for (text, expected) in [
            ("", &[][..]),
            ("parseHTTPHeader", &[1, 2, 3]),
            ("Parse, header!", &[1, 3]),
            ("logs", &[5, 6]),
            ("login", &[5, 7]),
            ("logis", &[5, 8, 6]),
            ("SHA256_sha256", &[9, 9]),
            ("parse http parse parse header parse", &[1, 2, 1, 1, 3]),
            // No entry starts with `q`; what follows is still looked up as a continuation.
            ("qin", &[7]),
            ("É", &[10]),
            ("數", &[]),
            ("log數", &[5, 11]),
            ("ppppp", &[4]),
            ("lo", &[]),
        ] {
            assert_eq!(tokens(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_at_the_token_that_is_one_too_many() {
        assert_eq!(tokens("parse_http_header", 2), [1, 2]);
        assert_eq!(tokens("parse http header", 2), [1, 2]);
        assert_eq!(tokens("parse", 0), [0_u32; 0]);
        let repeated = format!("{} header", "parse ".repeat(15));
        assert_eq!(tokens(&repeated, 4), [1, 1, 1, 3]);
        let repeated = format!("{} header", "parse ".repeat(16));
        assert_eq!(tokens(&repeated, 4), [1, 1, 1]);
    }

    #[test]
    fn a_part_gives_only_so_many_pieces() {
        let long = format!("log{}in", "s".repeat(MAX_PIECES));
        assert_eq!(tokens(&long, 1000), [5, 6, 6, 6]);
        let short = format!("log{}in", "s".repeat(MAX_PIECES - 2));
        assert_eq!(tokens(&short, 1000), [5, 6, 6, 6, 7]);
    }

    #[test]
    fn a_bad_vocabulary_is_refused_with_its_line() {
        for (text, line) in [("", 1), ("[PAD]\na\na\n", 3), ("[PAD]\na\n##\n", 3)] {
            match Tokenizer::from_vocabulary("test", text) {
                Err(EmbedError::Vocabulary { line: found, .. }) => assert_eq!(found, line),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn the_cache_of_a_thread_stays_bounded() {
        let tokenizer =
            Tokenizer::from_vocabulary("test", "[PAD]\na\n##a\n").expect("a vocabulary");
        let mut ids = Vec::new();
        let words: Vec<String> = (0..3 * MAX_CACHED_WORDS).map(|i| format!("a{i}")).collect();
        tokenizer.encode(&words.join(" "), usize::MAX, &mut ids);
        CACHE.with_borrow(|cache| assert!(cache.words.len() <= MAX_CACHED_WORDS));
    }
}
