//! Paths that a query names: a file, a folder, a place in a file as compilers,
//! stack traces and editors write it.

use wherein_core::Language;

/// A path of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPath {
    /// In lower case, with `/`, without the root.
    pub path: String,
    /// The line after it, 1-based.
    pub line: Option<u32>,
    /// Whether it starts at the root of a file system: then only its end can be
    /// a path of a repository.
    pub is_absolute: bool,
}

/// Takes `:12`, `:12:3`, `#L12` or `(12,3)` from the end of a word.
fn without_line(word: &str) -> (&str, Option<u32>) {
    let (mut rest, mut line) = (word, None);
    for _ in 0..2 {
        let Some((before, number)) = rest.rsplit_once([':', '(', ',']) else {
            break;
        };
        let Ok(number) = number.trim_end_matches(')').parse() else {
            break;
        };
        (rest, line) = (before, Some(number));
    }
    if let (None, Some((before, number))) = (line, word.split_once("#L")) {
        let digits = number.split('-').next().unwrap_or(number);
        return (before, digits.parse().ok());
    }
    (rest, line)
}

impl AskedPath {
    /// A word that names a file or folder: it has an extension of a known
    /// language, or two folders.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let unquoted = word.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | '<' | '[' | ']'));
        let unquoted =
            unquoted.trim_end_matches([',', ';', ':', '.', '?', '!', '>', '"', '\'', '`']);
        let (place, line) = without_line(unquoted);
        let place = place.replace('\\', "/");
        let drive = place.as_bytes().get(1) == Some(&b':');
        let is_absolute = drive || place.starts_with(['/', '~']);
        let place = if drive { &place[2..] } else { &place[..] };
        let bare =
            place.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/')));
        let bare = bare.trim_end_matches('.').trim_matches('/');
        let bare = bare.trim_start_matches("./").trim_start_matches("../");
        let name = bare.rsplit_once('/').map_or(bare, |one| one.1);
        let has_extension = name.rsplit_once('.').is_some_and(|(stem, extension)| {
            let known = Language::from_file_name(name).is_some();
            !stem.is_empty() && known && extension.chars().all(char::is_alphanumeric)
        });
        (has_extension || bare.matches('/').count() >= 2 && !bare.contains(':')).then(|| Self {
            path: bare.to_lowercase(),
            line,
            is_absolute,
        })
    }

    /// All paths of a query; `line 12` after one is a place in it.
    pub(crate) fn all(tokens: &[&str]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let Some(mut asked) = Self::of(token) else {
                continue;
            };
            if let (None, [word, number, ..]) = (asked.line, &tokens[at + 1..])
                && word.eq_ignore_ascii_case("line")
            {
                let digits = number.trim_matches(|c: char| !c.is_ascii_digit());
                asked.line = digits.parse().ok();
            }
            if all.len() < MAX_PATHS && !all.contains(&asked) {
                all.push(asked);
            }
        }
        all
    }

    /// Whether a path of the repository, in lower case, is meant: it ends with
    /// what was asked, lies in a folder that was asked, or, for an absolute
    /// path, is the end of it.
    pub(crate) fn means(&self, path: &str) -> bool {
        let asked = &self.path;
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        if ends(path, asked) || ends(asked, path) && path.contains('/') {
            return true;
        }
        if self.is_absolute {
            let common = path
                .rsplit('/')
                .zip(asked.rsplit('/'))
                .take_while(|(a, b)| a == b)
                .count();
            // The name alone is enough when there are no folders to agree.
            return common >= 2 || common == 1 && !path.contains('/');
        }
        path.match_indices(asked.as_str()).any(|(at, _)| {
            let starts = at == 0 || path.as_bytes()[at - 1] == b'/';
            starts && path[at + asked.len()..].starts_with('/')
        })
    }
}

/// Most paths of one query: a stack trace has many.
const MAX_PATHS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str) -> (String, Option<u32>, bool) {
        let asked = AskedPath::of(word).expect("a path");
        (asked.path, asked.line, asked.is_absolute)
    }

    #[test]
    fn files_are_recognised_by_folder_or_extension() {
        let plain = |path: &str| (path.to_owned(), None, false);
        assert_eq!(of("src/auth/login.rs"), plain("src/auth/login.rs"));
        assert_eq!(of("client.py?"), plain("client.py"));
        assert_eq!(of("`./Src/A.py`,"), plain("src/a.py"));
        assert_eq!(of("src\\net\\a.c"), plain("src/net/a.c"));
        assert_eq!(of("a/b/c"), plain("a/b/c"));
        for word in [
            "read/write",
            "http://x.y",
            "e.g.",
            "session.login",
            "a:1",
            ":",
            "",
            "12:30",
        ] {
            assert_eq!(AskedPath::of(word), None, "{word}");
        }
    }

    #[test]
    fn places_in_files_are_as_tools_write_them() {
        let at = |path: &str, line, absolute| (path.to_owned(), Some(line), absolute);
        assert_eq!(of("src/a.rs:12"), at("src/a.rs", 12, false));
        assert_eq!(of("src/a.rs:12:5:"), at("src/a.rs", 12, false));
        assert_eq!(of("(src/a.ts:12:5)"), at("src/a.ts", 12, false));
        assert_eq!(of("a.cs(12,5):"), at("a.cs", 12, false));
        assert_eq!(of("src/a.go#L12-L20"), at("src/a.go", 12, false));
        assert_eq!(of("/home/me/a.py:7"), at("home/me/a.py", 7, true));
        assert_eq!(of("C:\\x\\a.py:7"), at("x/a.py", 7, true));
        let trace: Vec<&str> = "File \"/usr/lib/http/client.py\", line 1042, in send"
            .split_whitespace()
            .collect();
        let all = AskedPath::all(&trace);
        assert_eq!((all.len(), all[0].line), (1, Some(1042)));
    }

    #[test]
    fn paths_are_meant_by_their_end_or_their_folder() {
        let means = |asked: &str, path: &str| AskedPath::of(asked).expect("a path").means(path);
        assert!(means("auth/login.rs", "src/auth/login.rs"));
        assert!(means("login.rs", "src/auth/login.rs"));
        assert!(means("a/src/auth", "a/src/auth/login.rs"));
        assert!(means("src/auth/login", "x/src/auth/login/a.rs"));
        assert!(!means("login.rs", "src/auth/nologin.rs"));
        assert!(!means("a/src/auth", "a/src/author/x.rs"));
        // A checkout elsewhere.
        assert!(means("/home/me/proj/http/client.py", "http/client.py"));
        assert!(means(
            "/usr/lib/python3/http/client.py",
            "Lib/http/client.py"
        ));
        assert!(means("proj/http/client.py", "http/client.py"));
        assert!(!means("/home/me/http/client.py", "other/client.py"));
        assert!(means("/home/me/main.py", "main.py"));
    }
}
