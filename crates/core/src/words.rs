//! The words of code: identifiers, and the parts they are made of.
//!
//! One rule for the lexical index, the embedding tokenizer and the query, so
//! that what is asked is cut like what is stored.

/// Longest word that is looked at, in bytes; longer runs are data.
pub const MAX_WORD_BYTES: usize = 128;

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The byte ranges of the maximal runs of letters, digits and `_` in `text`,
/// in order. Runs longer than [`MAX_WORD_BYTES`] are left out.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        loop {
            let start = rest + text[rest..].find(is_word_char)?;
            let end = text[start..]
                .find(|c| !is_word_char(c))
                .map_or(text.len(), |len| start + len);
            rest = end;
            if end - start <= MAX_WORD_BYTES {
                return Some((start, &text[start..end]));
            }
        }
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

fn class(c: char) -> Class {
    if c.is_lowercase() {
        Class::Lower
    } else if c.is_uppercase() {
        Class::Upper
    } else if c.is_numeric() {
        Class::Digit
    } else if c == '_' {
        Class::Other
    } else {
        // Letters without case (CJK ...) count as lower case: no inner boundary.
        Class::Lower
    }
}

/// Calls `part` with each part of an identifier as it is written: cut at `_`
/// and at changes of case (`parseHTTPHeader` gives `parse`, `HTTP`, `Header`).
/// Digits stay with what they follow (`sha256`, `utf8`).
pub fn identifier_parts<'a>(identifier: &'a str, mut part: impl FnMut(&'a str)) {
    let mut start = 0;
    let mut previous = Class::Other;
    // Class before a run of digits, so that `utf8Decode` cuts before `D`.
    let mut letters = Class::Other;
    let mut chars = identifier.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let current = class(c);
        let boundary = match (previous, current) {
            (Class::Other, _) | (_, Class::Other) | (Class::Lower | Class::Digit, Class::Upper) => {
                true
            }
            (Class::Digit, Class::Lower) => letters == Class::Other,
            (Class::Upper, Class::Upper) => chars
                .peek()
                .is_some_and(|(_, next)| class(*next) == Class::Lower),
            _ => false,
        };
        if boundary {
            if at > start && previous != Class::Other {
                part(&identifier[start..at]);
            }
            start = at;
        }
        if current != Class::Digit {
            letters = current;
        }
        previous = current;
    }
    if previous != Class::Other && start < identifier.len() {
        part(&identifier[start..]);
    }
}

/// The parts of an identifier in lower case, in order.
pub fn lower_parts(identifier: &str) -> Vec<String> {
    let mut parts = Vec::new();
    identifier_parts(identifier, |part| parts.push(part.to_lowercase()));
    parts
}

/// An identifier without regard to case style: `HTTPServer`, `http_server` and
/// `httpServer` have the same key.
pub fn identifier_key(identifier: &str) -> String {
    identifier
        .chars()
        .filter(|c| is_word_char(*c) && *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Words that carry no meaning in a question about code, in lower case, sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but", "by", "can",
    "code", "could", "did", "do", "does", "doing", "done", "find", "for", "from", "get", "gets",
    "had", "has", "have", "how", "i", "in", "into", "is", "it", "its", "me", "my", "of", "on",
    "or", "our", "please", "should", "show", "so", "some", "such", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "to", "us", "used", "was", "we",
    "were", "what", "when", "where", "which", "while", "who", "why", "will", "with", "would",
    "you", "your",
];

/// Whether a lower-case word carries no meaning in a question about code.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Words that belong to questions about code more than to code, in lower case,
/// sorted: they tell little of where the answer is.
const VAGUE_WORDS: &[&str] = &[
    "across",
    "actual",
    "after",
    "against",
    "allow",
    "allows",
    "already",
    "also",
    "another",
    "based",
    "before",
    "behavior",
    "behaviour",
    "between",
    "both",
    "built",
    "class",
    "classes",
    "current",
    "custom",
    "define",
    "defined",
    "defines",
    "definition",
    "different",
    "during",
    "each",
    "ensure",
    "every",
    "file",
    "function",
    "functions",
    "given",
    "handle",
    "handled",
    "handles",
    "handling",
    "happen",
    "happens",
    "helper",
    "helpers",
    "implement",
    "implementation",
    "implemented",
    "implements",
    "inside",
    "instead",
    "internal",
    "internally",
    "kind",
    "like",
    "logic",
    "made",
    "main",
    "make",
    "makes",
    "many",
    "mechanism",
    "method",
    "methods",
    "multiple",
    "needed",
    "new",
    "one",
    "only",
    "other",
    "out",
    "over",
    "perform",
    "performed",
    "process",
    "provide",
    "provided",
    "provides",
    "same",
    "several",
    "single",
    "specific",
    "support",
    "supported",
    "supports",
    "through",
    "turned",
    "two",
    "under",
    "until",
    "use",
    "uses",
    "using",
    "various",
    "via",
    "way",
    "whether",
    "whole",
    "within",
    "without",
    "work",
    "works",
];

/// Whether a lower-case word tells little of where an answer is.
pub fn is_vague(word: &str) -> bool {
    VAGUE_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(identifier: &str) -> String {
        lower_parts(identifier).join(" ")
    }

    #[test]
    fn identifiers_are_cut_at_case_and_underscore() {
        for (identifier, expected) in [
            ("parseHTTPHeader", "parse http header"),
            ("HTTPServer", "http server"),
            ("snake_case_name", "snake case name"),
            ("SCREAMING_CASE", "screaming case"),
            ("__init__", "init"),
            ("utf8Decode", "utf8 decode"),
            ("sha256", "sha256"),
            ("SHA256Hash", "sha256 hash"),
            ("base64url", "base64url"),
            ("x", "x"),
            ("_", ""),
            ("", ""),
            ("IOError", "io error"),
            ("getX", "get x"),
            ("größeÄndern", "größe ändern"),
            ("数据库", "数据库"),
            ("v2", "v2"),
            ("_2fast", "2 fast"),
        ] {
            assert_eq!(parts(identifier), expected, "{identifier}");
        }
    }

    #[test]
    fn words_are_runs_with_their_offsets() {
        let found: Vec<_> = words("fn log_in(user: &User) -> bool").collect();
        assert_eq!(
            found,
            [
                (0, "fn"),
                (3, "log_in"),
                (10, "user"),
                (17, "User"),
                (26, "bool")
            ]
        );
        assert_eq!(words(&"x".repeat(129)).count(), 0);
        assert_eq!(words("").count(), 0);
    }

    #[test]
    fn keys_ignore_case_style() {
        assert_eq!(identifier_key("HTTPServer"), identifier_key("http_server"));
        assert_eq!(identifier_key("httpServer"), "httpserver");
    }

    #[test]
    fn stop_words_are_sorted_so_that_the_search_finds_them() {
        assert!(STOP_WORDS.is_sorted());
        assert!(VAGUE_WORDS.is_sorted());
        assert!(is_stop_word("where") && !is_stop_word("auth"));
    }
}
