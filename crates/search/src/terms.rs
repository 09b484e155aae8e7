//! The words of a query as terms of the index: with weights, with what they
//! stand for, and joined as names would be.

use wherein_core::words;
use wherein_store::{MAX_TERMS, terms};

use crate::abbreviations;

/// Weight of a term that only repeats the parts of a whole identifier.
const PART_WEIGHT: f32 = 0.6;
/// Weight of a term that the query means but does not say (`auth`,
/// `authentication`).
const MEANT_WEIGHT: f32 = 0.5;
/// Weight of a word that belongs to the question rather than to the code.
const VAGUE_WEIGHT: f32 = 0.35;
/// Weight of adjacent words that are looked for as one identifier.
pub(crate) const COMPOUND_WEIGHT: f32 = 0.5;
/// What a stop word counts of a word that carries meaning.
const STOP_SHARE: f32 = 0.1;
/// Most compounds that are looked up.
const MAX_COMPOUNDS: usize = 96;

/// Words of a question, joined as a name would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Compound {
    /// [`words::identifier_key`] of the name.
    pub key: String,
    /// How many words were joined.
    pub words: usize,
    /// Share of the question's words; those that carry no meaning count little.
    pub share: f32,
    /// Whether none of them is a stop word, or all of the query was joined.
    pub is_plain: bool,
}

/// The words of a query that carry meaning, or all when none does.
pub(crate) fn content_words(query: &str) -> Vec<&str> {
    let all: Vec<&str> = words::words(query).map(|(_, word)| word).collect();
    let content: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| !words::is_stop_word(&word.to_lowercase()))
        .collect();
    if content.is_empty() { all } else { content }
}

/// Runs of adjacent words, joined; single words too, since a question often
/// names a definition without any sign of it. Stop words are parts of names
/// (`for_each`, `with_suffix`), but no name is made of them alone, unless the
/// query is.
pub(crate) fn compounds(query: &str) -> Vec<Compound> {
    let all: Vec<&str> = words::words(query).map(|(_, word)| word).collect();
    let content = content_words(query);
    let says = |word: &&&str| content.contains(*word);
    // `with suffix` means `with_suffix` rather than `suffix`.
    let weight = |said: usize, all: usize| said as f32 + STOP_SHARE * (all - said) as f32;
    let whole = weight(all.iter().filter(says).count(), all.len());
    let mut found: Vec<Compound> = Vec::new();
    // Two words are a name more often than one or many.
    for words in [2, 3, 1, 4] {
        for run in all.windows(words) {
            let said = run.iter().filter(says).count();
            let key = words::identifier_key(&run.concat());
            let known = found.iter().any(|one| one.key == key);
            if said > 0 && key.len() > 2 && !known && found.len() < MAX_COMPOUNDS {
                found.push(Compound {
                    key,
                    words,
                    share: weight(said, words) / whole,
                    is_plain: said == words || words == all.len(),
                });
            }
        }
    }
    found
}

/// Terms with weights, and what each stands for: stop words go, unless nothing
/// else is left.
pub(crate) fn weigh(query: &str) -> (Vec<(String, f32)>, Vec<usize>) {
    let mut weighted: Vec<(String, f32)> = Vec::new();
    let kept = content_words(query);
    for word in &kept {
        let parts = terms(word);
        let several = parts.len() > 1;
        for (number, term) in parts.iter().enumerate() {
            // The whole identifier comes last.
            let whole = !several || number + 1 == parts.len();
            let mut weight = if whole { 1.0 } else { PART_WEIGHT };
            if words::is_vague(&word.to_lowercase()) {
                weight *= VAGUE_WEIGHT;
            }
            let known = weighted.iter_mut().find(|one| one.0 == *term);
            if let Some(one) = known {
                one.1 = one.1.max(weight);
            } else if weighted.len() < MAX_TERMS {
                weighted.push((term.clone(), weight));
            }
        }
    }
    let mut stands_for: Vec<usize> = (0..weighted.len()).collect();
    for word in &kept {
        for part in words::lower_parts(word) {
            for meant in abbreviations::of(&part) {
                let said = terms(&part);
                let said = said
                    .first()
                    .and_then(|term| weighted.iter().position(|one| one.0 == *term));
                let meant = terms(meant);
                let (Some(said), [term]) = (said, meant.as_slice()) else {
                    continue;
                };
                let known = weighted.iter().any(|one| one.0 == *term);
                if !known && weighted.len() < MAX_TERMS {
                    weighted.push((term.clone(), MEANT_WEIGHT));
                    stands_for.push(said);
                }
            }
        }
    }
    (weighted, stands_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_go_unless_nothing_is_left() {
        let terms =
            |query: &str| -> Vec<String> { weigh(query).0.into_iter().map(|one| one.0).collect() };
        assert_eq!(terms("where is the door handled"), ["door", "handl"]);
        assert!(!terms("where is it").is_empty());
        assert!(terms("??!").is_empty());
        assert_eq!(terms(&"word ".repeat(1000)).len(), 1);
        let many: String = (0..1000).fold(String::new(), |all, n| format!("{all} w{n}x"));
        assert_eq!(terms(&many).len(), MAX_TERMS);
    }

    #[test]
    fn what_is_meant_stands_for_what_is_said() {
        let (terms, stands_for) = weigh("auth middleware");
        assert_eq!(terms[0], ("auth".to_owned(), 1.0));
        let meant: Vec<&str> = terms
            .iter()
            .zip(&stands_for)
            .skip(2)
            .filter(|(_, of)| **of == 0)
            .map(|one| one.0.0.as_str())
            .collect();
        assert!(meant.contains(&"authent"), "{terms:?}");
        assert_eq!(stands_for.len(), terms.len());
    }

    #[test]
    fn adjacent_words_may_be_a_name() {
        let keys: Vec<String> = compounds("how does the rotating file handler rotate")
            .into_iter()
            .map(|one| one.key)
            .collect();
        assert!(keys.contains(&"rotatingfilehandler".to_owned()));
        assert!(keys.contains(&"filehandler".to_owned()));
        assert!(!keys.contains(&"thefile".to_owned()));
        let of = |query: &str, key: &str| {
            compounds(query)
                .into_iter()
                .find(|one| one.key == key)
                .map(|one| one.share)
        };
        assert_eq!(of("with suffix", "withsuffix"), Some(1.0));
        assert!(of("with suffix", "suffix") < Some(1.0));
        assert_eq!(of("for each", "foreach"), Some(1.0));
        let part = of("what does for each do on a list", "foreach");
        assert!(part > Some(0.3) && part < Some(0.6), "{part:?}");
        // Words that are apart are no name.
        assert_eq!(of("the error of the handler", "errorhandler"), None);
        assert!(compounds(&"a b c d ".repeat(500)).len() <= MAX_COMPOUNDS);
    }
}
