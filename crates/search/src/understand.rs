//! What a query asks for: its words, the names in it, and hints such as
//! "test" that say which files are meant.

use wherein_core::words;
use wherein_store::MAX_TERMS;

use crate::asked_path::AskedPath;
use crate::terms::{COMPOUND_WEIGHT, Compound, compounds, weigh};

/// Most names of one query: a pasted text has many.
const MAX_NAMES: usize = 16;

/// A query, understood.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "hints are independent of each other"
)]
pub struct Understanding {
    /// The query as it was given.
    pub text: String,
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
    /// Words that look like paths of files.
    pub paths: Vec<AskedPath>,
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
        let joined = text.replace("->", ".");
        let bare = without_arguments(&joined);
        let trimmed = bare.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
        let parts: Vec<&str> = trimmed
            .split(['.', ':', '#', '/', '\\'])
            .filter(|part| !part.is_empty())
            .collect();
        // Names of markup, Lisp and shells have hyphens, and in queries so may
        // those of any language.
        let plain = |part: &&str| {
            part.chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        };
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

/// A name without what stands in brackets after it: `Mutex<T>::lock(x)` is
/// `Mutex::lock`. As it is when they do not close.
fn without_arguments(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '<' | '(' | '[' if !bare.is_empty() => depth += 1,
            '>' | ')' | ']' if depth > 0 => depth -= 1,
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    if depth == 0 { bare } else { text.to_owned() }
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
        let paths = AskedPath::all(&tokens);
        let is_place = paths
            .iter()
            .any(|asked| asked.line.is_some() || asked.path.contains('/'));
        let bare = without_arguments(query.trim());
        let single = match bare.split_whitespace().collect::<Vec<_>>().as_slice() {
            [one] if !is_place => Name::parse(one),
            _ => None,
        };
        let mut names: Vec<Name> = Vec::new();
        let mut add = |name: Option<Name>| {
            if let Some(name) = name
                && names.len() < MAX_NAMES
                && !names.contains(&name)
            {
                names.push(name);
            }
        };
        if single.is_some() {
            add(single.clone());
            add(Name::whole(query));
        } else {
            for token in tokens.iter().filter(|token| stands_out(token)) {
                if AskedPath::of(token).is_none() {
                    add(Name::parse(token));
                }
            }
        }
        let (terms, stands_for) = weigh(query);
        let mut understanding = Self {
            text: query.to_owned(),
            terms,
            stands_for,
            is_symbol: single.is_some(),
            names,
            paths,
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
        let plain = |one: &&Compound| one.words > 1 && one.is_plain;
        for compound in self.compounds.iter().filter(plain) {
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
    fn names_come_in_any_case_style_and_with_arguments() {
        for (query, expected) in [
            ("get-event-loop", "get-event-loop"),
            ("GET_EVENT_LOOP", "GET_EVENT_LOOP"),
            ("Mutex<T>::lock", "Mutex|lock"),
            ("HashMap<String, Vec<u8>>::get", "HashMap|get"),
            ("ptr->field", "ptr|field"),
            ("session.open(path, mode)", "session|open"),
        ] {
            assert!(Understanding::of(query).is_symbol, "{query}");
            assert_eq!(names(query)[0], expected, "{query}");
        }
        assert_eq!(names("`new` ".repeat(3000).as_str()), ["new"]);
        let many: String = (0..3000).fold(String::new(), |all, n| format!("{all} a{n}.new"));
        assert_eq!(names(&many).len(), MAX_NAMES);
    }

    #[test]
    fn a_place_in_a_file_is_no_name() {
        for query in ["src/auth/login.rs:120", "client.py:3", "src/auth/login.rs"] {
            let understood = Understanding::of(query);
            assert!(
                !understood.is_symbol && understood.names.is_empty(),
                "{query}"
            );
            assert_eq!(understood.paths.len(), 1, "{query}");
        }
        let trace = Understanding::of("panicked at src/a.rs:3:5: FooBar is not set");
        assert_eq!(trace.paths[0].line, Some(3));
        assert_eq!(trace.names.len(), 1);
    }

    #[test]
    fn words_that_are_a_name_together_are_terms() {
        let understood = Understanding::of("with suffix");
        let at = understood
            .terms
            .iter()
            .position(|one| one.0 == "withsuffix");
        let at = at.expect("a term");
        assert_eq!(understood.compound_terms >> at & 1, 1);
    }

    #[test]
    fn hints_are_read_from_questions_only() {
        assert!(Understanding::of("tests for the parser").wants_tests);
        assert!(!Understanding::of("test").wants_tests);
        assert!(Understanding::of("where is the port configured").wants_data);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]

        #[test]
        fn no_query_is_too_strange(query in "([a-zA-Z0-9_é漢:./\\\\#<>()\\[\\]`'\"~, -]|\\PC){0,80}") {
            let understood = Understanding::of(&query);
            proptest::prop_assert!(understood.names.len() <= MAX_NAMES + 1);
            proptest::prop_assert!(understood.terms.len() <= MAX_TERMS);
            proptest::prop_assert_eq!(understood.terms.len(), understood.stands_for.len());
            for asked in &understood.paths {
                proptest::prop_assert!(!asked.path.is_empty());
                asked.means("src/a.rs");
            }
            if let Some(phrase) = crate::phrase::Phrase::of(&query) {
                proptest::prop_assert!((0.0..=2.0).contains(&phrase.share(&query)));
            }
        }
    }
}
