//! What a query asks for: its words, the names in it, and hints such as
//! "test" that say which files are meant.

use wherein_core::words;
use wherein_store::MAX_TERMS;

use crate::terms::{COMPOUND_WEIGHT, Compound, compounds, path_named, weigh};

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
