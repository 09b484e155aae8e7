//! One ignore file: its lines as git parses them, and which of them decides for
//! a path.

use std::path::Path;

use crate::open::{read_small, read_small_here};
use crate::wildcard::{self, Matching};

/// Largest ignore or attribute file that is obeyed, in bytes. A larger one is
/// no file that a person wrote.
const MAX_RULE_FILE_BYTES: u64 = 4 << 20;

/// Most lines of one file that are obeyed: each is tried on each path.
const MAX_RULES: usize = 20_000;

/// What to match, and where.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Vec<u8>,
    /// Bytes of `text` before its first special character.
    literal: usize,
    /// `*` and then nothing special: the name ends with the rest.
    is_suffix: bool,
    /// Matches the last component alone: the pattern has no `/` but a final one.
    is_name: bool,
    /// Matches folders alone: the pattern ends in `/`.
    is_folder: bool,
}

/// One line of an ignore file.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pattern: Pattern,
    /// Began with `!`: takes the path in again.
    pub(crate) includes: bool,
    line: u32,
    text: String,
}

/// The rules of one file.
#[derive(Clone, Debug)]
pub(crate) struct RuleFile {
    /// How the file is called in a skip's detail.
    name: String,
    /// Bytes of a path up to the folder that the rules stand in.
    base: usize,
    rules: Vec<Rule>,
}

impl RuleFile {
    /// The rules of `path`, a file of the repository; `None` when it has none.
    /// A symbolic link is not followed, as git does not.
    pub(crate) fn in_tree(path: &Path, name: String, base: usize) -> Option<Self> {
        let bytes = read_small_here(path, MAX_RULE_FILE_BYTES).ok()?;
        Self::parse(&bytes, name, base)
    }

    /// The rules of `path`, a file of the user's own, for the whole checkout.
    pub(crate) fn of_user(path: &Path) -> Option<Self> {
        let bytes = read_small(path, MAX_RULE_FILE_BYTES).ok()?;
        Self::parse(&bytes, path.display().to_string(), 0)
    }

    /// The rules of a file's bytes; `None` when there are none.
    pub(crate) fn parse(bytes: &[u8], name: String, base: usize) -> Option<Self> {
        let rules: Vec<Rule> = lines(bytes)
            .filter_map(|(number, line)| Rule::parse(number, line))
            .take(MAX_RULES)
            .collect();
        (!rules.is_empty()).then_some(Self { name, base, rules })
    }

    /// The last rule that matches `path`, relative to the top of the checkout.
    pub(crate) fn deciding(&self, path: &[u8], is_folder: bool) -> Option<&Rule> {
        let path = path.get(self.base..)?;
        let name = name_of(path);
        self.rules
            .iter()
            .rev()
            .find(|rule| rule.pattern.matches(path, name, is_folder))
    }

    /// Names a rule of this file, for people: `src/.gitignore:3: *.log`.
    pub(crate) fn describe(&self, rule: &Rule) -> String {
        format!("{}:{}: {}", self.name, rule.line, rule.text)
    }
}

/// The numbered lines of a rule file, from 1, without byte order mark and line
/// ends. (A carriage return counts as part of the line end, as for git.)
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .zip(1..)
        .map(|(line, number)| (number, line))
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

impl Rule {
    fn parse(number: u32, line: &[u8]) -> Option<Self> {
        if line.first() == Some(&b'#') {
            return None;
        }
        let line = without_trailing_spaces(line);
        let (includes, pattern) = match line.split_first() {
            Some((b'!', rest)) => (true, rest),
            _ => (false, line),
        };
        Some(Self {
            pattern: Pattern::parse(pattern)?,
            includes,
            line: number,
            text: String::from_utf8_lossy(line).into_owned(),
        })
    }
}

impl Pattern {
    /// Reads a pattern as git's `parse_path_pattern` does, `!` taken off.
    pub(crate) fn parse(mut text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.contains(&0) {
            return None;
        }
        let is_folder = text.len() > 1 && text.last() == Some(&b'/');
        if is_folder {
            text = &text[..text.len() - 1];
        }
        let is_name = !text.contains(&b'/');
        let is_special = |byte: &u8| wildcard::is_special(*byte);
        if !is_name && let Some(rest) = text.strip_prefix(b"/") {
            text = rest;
        }
        Some(Self {
            literal: text.iter().position(is_special).unwrap_or(text.len()),
            is_suffix: text.first() == Some(&b'*') && !text[1..].iter().any(is_special),
            is_name,
            is_folder,
            text: text.to_vec(),
        })
    }

    /// Whether the pattern matches `path`, relative to its own folder, whose last
    /// component is `name`.
    pub(crate) fn matches(&self, path: &[u8], name: &[u8], is_folder: bool) -> bool {
        if self.is_folder && !is_folder {
            return false;
        }
        if self.is_name {
            return if self.literal == self.text.len() {
                self.text == name
            } else if self.is_suffix {
                name.ends_with(&self.text[1..])
            } else {
                name.starts_with(&self.text[..self.literal])
                    && wildcard::matches(&self.text, name, Matching { whole_path: false })
            };
        }
        // Git matches the part before the first wildcard as it stands and only
        // the rest as a pattern, so `a**/b` means `a` and then `**/b`.
        let (literal, pattern) = self.text.split_at(self.literal);
        match path.strip_prefix(literal) {
            Some(rest) if pattern.is_empty() => rest.is_empty(),
            Some(rest) => wildcard::matches(pattern, rest, Matching { whole_path: true }),
            None => false,
        }
    }
}

/// The line without the spaces at its end, but for those after a backslash.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let mut end = None;
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' => end = end.or(Some(at)),
            b'\\' => {
                at += 1;
                if at == line.len() {
                    return line;
                }
                end = None;
            }
            _ => end = None,
        }
        at += 1;
    }
    &line[..end.unwrap_or(line.len())]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn decides(rules: &str, path: &str, is_folder: bool) -> Option<bool> {
        let file = RuleFile::parse(rules.as_bytes(), ".gitignore".to_owned(), 0)?;
        file.deciding(path.as_bytes(), is_folder)
            .map(|rule| rule.includes)
    }

    #[test]
    fn lines_are_read_as_git_reads_them() {
        for (rules, path, is_folder, expected) in [
            ("*.log", "a/b.log", false, Some(false)),
            ("*.log\n!keep.log", "a/keep.log", false, Some(true)),
            ("# a\n\n", "# a", false, None),
            ("\\#a", "#a", false, Some(false)),
            ("\\!a", "!a", false, Some(false)),
            ("a ", "a", false, Some(false)),
            ("a\\ ", "a ", false, Some(false)),
            ("a\t", "a", false, None),
            ("a\r\nb", "a", false, Some(false)),
            ("\u{feff}a", "a", false, Some(false)),
            ("a/", "a", false, None),
            ("a/", "a", true, Some(false)),
            ("a/", "x/a", true, Some(false)),
            ("/a", "x/a", true, None),
            ("x/a", "y/x/a", true, None),
            ("**/x/a", "y/x/a", true, Some(false)),
            ("x/**", "x", true, None),
            ("x/**", "x/y/z", false, Some(false)),
            ("{a,b}", "a", false, None),
            ("{a,b}", "{a,b}", false, Some(false)),
            ("a**/b", "ax/y/b", false, Some(false)),
            ("[[:digit:]].c", "1.c", false, Some(false)),
            ("a\\", "a", false, None),
        ] {
            assert_eq!(
                decides(rules, path, is_folder),
                expected,
                "{rules:?} {path:?}"
            );
        }
    }

    #[test]
    fn a_rule_is_named_by_file_and_line() {
        let file = RuleFile::parse(b"\n*.log  \n", "src/.gitignore".to_owned(), 4).unwrap();
        let rule = file.deciding(b"src/x.log", false).unwrap();
        assert_eq!(file.describe(rule), "src/.gitignore:2: *.log");
    }
}
