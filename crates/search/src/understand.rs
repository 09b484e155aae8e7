//! What a query asks for: its words, the names in it, and hints such as
//! "test" that say which files are meant.

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
const COMPOUND_WEIGHT: f32 = 0.5;
/// Most words of a query that may make up one name (`event loop run`).
const COMPOUND_WORDS: usize = 4;
/// Most compounds that are looked up.
const MAX_COMPOUNDS: usize = 48;

/// A query, understood.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "hints are independent of each other"
)]
pub struct Understanding {
    /// Terms of the lexical index with their weights; each once.
    pub terms: Vec<(String, f32)>,
    /// For each of `terms` the one that it stands in for, by number: itself
    /// when the query says it.
    pub stands_for: Vec<usize>,
    /// Those of `terms` that are adjacent words taken as one identifier, as
    /// bits by their number.
    pub compound_terms: u64,
    /// Adjacent words of a question that may be one name.
    pub compounds: Vec<Compound>,
    /// Words that look like paths of files, in lower case.
    pub paths: Vec<String>,
    /// The words of a question, in lower case.
    pub words: Vec<String>,
    /// Names that may be those of definitions, as written: the whole query
    /// when it is one identifier, else identifiers that stand out of prose.
    pub names: Vec<Name>,
    /// Whether the query is nothing but one name.
    pub is_symbol: bool,
    /// Whether tests are asked for.
    pub wants_tests: bool,
    /// Whether configuration or data files are asked for.
    pub wants_data: bool,
    /// Whether documentation is asked for.
    pub wants_prose: bool,
    /// Whether examples are asked for.
    pub wants_examples: bool,
}

/// Words of a question, joined as a name would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Compound {
    /// [`words::identifier_key`] of the name.
    pub key: String,
    /// How many words were joined.
    pub words: usize,
    /// Share of the question's words that carry meaning.
    pub share: f32,
}

/// A possibly qualified name: `Session::login`, `session.login`, `login`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The last part.
    pub last: String,
    /// The parts before it, outermost first.
    pub qualifiers: Vec<String>,
}

impl Name {
    /// A name that is written with separators within (`aws_instance.web`), as
    /// one: that is how configuration and markup name what they define.
    fn whole(text: &str) -> Option<Self> {
        let trimmed = text.trim().trim_matches('`');
        trimmed.contains(['.', '/', '#']).then(|| Self {
            last: trimmed.to_owned(),
            qualifiers: Vec::new(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
        let parts: Vec<&str> = trimmed
            .split(['.', ':', '#', '/', '\\', '>', '-'])
            .filter(|part| !part.is_empty())
            .collect();
        let plain = |part: &&str| part.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !parts.iter().all(plain) {
            return None;
        }
        let (last, qualifiers) = parts.split_last()?;
        Some(Self {
            last: (*last).to_owned(),
            qualifiers: qualifiers.iter().map(|part| (*part).to_owned()).collect(),
        })
    }
}

/// Whether a word of a sentence looks like a name from code rather than prose.
fn stands_out(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
    let inner_capital =
        bare.chars().skip(1).any(char::is_uppercase) && bare.chars().any(char::is_lowercase);
    let joined = bare.contains('_') || bare.contains("::") || bare.contains("->");
    let dotted = bare
        .split_once('.')
        .is_some_and(|(a, b)| !a.is_empty() && b.starts_with(char::is_alphabetic));
    inner_capital
        || joined
        || dotted
        || word.contains("()")
        || (word.starts_with('`') && word.len() > 2)
}

impl Understanding {
    /// Reads a query.
    pub fn of(query: &str) -> Self {
        let tokens: Vec<&str> = query.split_whitespace().collect();
        let single = match tokens.as_slice() {
            [one] => Name::parse(one),
            _ => None,
        };
        let names: Vec<Name> = match &single {
            Some(name) => std::iter::once(name.clone())
                .chain(Name::whole(query))
                .collect(),
            None => tokens
                .iter()
                .filter(|token| stands_out(token))
                .filter_map(|token| Name::parse(token))
                .collect(),
        };
        let (terms, stands_for) = weigh(query);
        let mut understanding = Self {
            terms,
            stands_for,
            is_symbol: single.is_some(),
            names,
            paths: tokens
                .iter()
                .filter_map(|token| path_named(token))
                .collect(),
            words: words::words(query)
                .map(|(_, word)| word.to_lowercase())
                .collect(),
            ..Self::default()
        };
        if !understanding.is_symbol {
            understanding.read_hints(query);
            understanding.compounds = compounds(query);
            understanding.add_compound_terms();
        }
        understanding
    }

    /// Adjacent words are also looked for as one identifier (`event loop` in
    /// `event_loop`).
    fn add_compound_terms(&mut self) {
        for compound in self.compounds.iter().filter(|one| one.words > 1) {
            let known = self.terms.iter().any(|one| one.0 == compound.key);
            if !known && self.terms.len() < MAX_TERMS {
                self.compound_terms |= 1 << self.terms.len();
                self.stands_for.push(self.terms.len());
                self.terms.push((compound.key.clone(), COMPOUND_WEIGHT));
            }
        }
    }

    fn read_hints(&mut self, query: &str) {
        for (_, word) in words::words(query) {
            match word.to_lowercase().as_str() {
                "test" | "tests" | "tested" | "testing" | "spec" | "specs" | "fixture"
                | "fixtures" | "mock" | "mocks" => self.wants_tests = true,
                "config" | "configuration" | "configured" | "settings" | "setting" | "manifest"
                | "dependencies" | "pipeline" | "workflow" | "yaml" | "toml" | "json" => {
                    self.wants_data = true;
                }
                "docs" | "documentation" | "documented" | "readme" | "changelog" | "guide"
                | "tutorial" => self.wants_prose = true,
                "example" | "examples" | "demo" | "sample" | "benchmark" | "benchmarks" => {
                    self.wants_examples = true;
                }
                _ => {}
            }
        }
    }
}

/// A word that names a file: with a folder or an extension of letters.
fn path_named(word: &str) -> Option<String> {
    let bare = word.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/')));
    let bare = bare.trim_matches('.').trim_matches('/');
    let (_, name) = bare.rsplit_once('/').unwrap_or(("", bare));
    let has_extension = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        let known = wherein_core::Language::from_file_name(name).is_some();
        !stem.is_empty() && known && extension.chars().all(char::is_alphanumeric)
    });
    (has_extension || bare.matches('/').count() >= 2 && !bare.contains(':'))
        .then(|| bare.to_lowercase())
}

/// The words of a query that carry meaning, or all when none does.
fn content_words(query: &str) -> Vec<&str> {
    let all: Vec<&str> = words::words(query).map(|(_, word)| word).collect();
    let content: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| !words::is_stop_word(&word.to_lowercase()))
        .collect();
    if content.is_empty() { all } else { content }
}

/// Runs of adjacent words, joined; single words too, since a question often
/// names a definition without any sign of it.
fn compounds(query: &str) -> Vec<Compound> {
    let content = content_words(query);
    let mut found: Vec<Compound> = Vec::new();
    for words in (1..=COMPOUND_WORDS.min(content.len())).rev() {
        for run in content.windows(words) {
            let key = words::identifier_key(&run.concat());
            let known = found.iter().any(|one| one.key == key);
            if key.len() > 2 && !known && found.len() < MAX_COMPOUNDS {
                found.push(Compound {
                    key,
                    words,
                    share: words as f32 / content.len() as f32,
                });
            }
        }
    }
    found
}

/// Terms with weights, and what each stands for: stop words go, unless nothing
/// else is left.
fn weigh(query: &str) -> (Vec<(String, f32)>, Vec<usize>) {
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

    fn names(query: &str) -> Vec<String> {
        let found = Understanding::of(query).names;
        found
            .into_iter()
            .map(|name| [name.qualifiers, vec![name.last]].concat().join("|"))
            .collect()
    }

    #[test]
    fn a_single_name_is_a_symbol_query() {
        for (query, expected) in [
            ("login", "login"),
            ("Session::login", "Session|login"),
            ("session.log_in()", "session|log_in"),
            ("`HTTPServer`", "HTTPServer"),
            ("std::io::Read", "std|io|Read"),
            ("Foo#bar", "Foo|bar"),
        ] {
            assert!(Understanding::of(query).is_symbol, "{query}");
            assert_eq!(names(query)[0], expected, "{query}");
        }
    }

    #[test]
    fn a_name_with_separators_is_looked_for_as_a_whole_too() {
        assert_eq!(
            names("aws_instance.web"),
            ["aws_instance|web", "aws_instance.web"]
        );
        assert_eq!(names("Service/web")[1], "Service/web");
        assert_eq!(names("login"), ["login"]);
    }

    #[test]
    fn names_stand_out_of_prose() {
        assert_eq!(
            names("where does parse_url call HttpClient.send and then return?"),
            ["parse_url", "HttpClient|send"]
        );
        assert!(names("where is auth handled").is_empty());
        assert!(names("Where is HTTP handled. Why?").is_empty());
        assert!(!Understanding::of("where is auth handled").is_symbol);
    }

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
        assert!(compounds(&"a b c d ".repeat(500)).len() <= MAX_COMPOUNDS);
    }

    #[test]
    fn files_are_recognised_by_folder_or_extension() {
        let paths = |query: &str| Understanding::of(query).paths;
        assert_eq!(
            paths("what does src/auth/login.rs do?"),
            ["src/auth/login.rs"]
        );
        assert_eq!(paths("retry in client.py"), ["client.py"]);
        assert!(paths("read/write access, e.g. on http://x.y").is_empty());
        assert!(paths("where is session.login called").is_empty());
    }

    #[test]
    fn hints_are_read_from_questions_only() {
        assert!(Understanding::of("tests for the parser").wants_tests);
        assert!(!Understanding::of("test").wants_tests);
        assert!(Understanding::of("where is the port configured").wants_data);
    }
}
