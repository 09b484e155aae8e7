//! Git's own wildcard matching, decision for decision: a port of `wildmatch.c`
//! with `WM_PATHNAME` set or not, bounded in the steps that it takes.
//!
//! The glob crates differ from git in braces, `**` beside other characters,
//! POSIX classes and unclosed brackets, and an ignore rule that means something
//! else than git says is a wrong index.

/// Steps before a pattern is given up as not matching. Real patterns take fewer
/// than a hundred; crafted ones (`**/a/**/a/**/a`) would take hours.
const MAX_STEPS: u32 = 1 << 17;

/// Wildcards within one another before a pattern is given up, so that a crafted
/// one cannot exhaust the stack.
const MAX_DEPTH: u32 = 256;

/// How a pattern is matched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Matching {
    /// `*`, `?` and `[]` do not match `/`.
    pub(crate) whole_path: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    NoMatch,
    AbortAll,
    AbortToStarStar,
}

/// Whether `text` as a whole matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8], matching: Matching) -> bool {
    let mut matcher = Matcher {
        pattern,
        text,
        matching,
        steps_left: MAX_STEPS,
        depth: 0,
    };
    matcher.run(0, 0) == Outcome::Match
}

/// Whether a byte of a pattern is more than itself.
pub(crate) fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

struct Matcher<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
    matching: Matching,
    steps_left: u32,
    depth: u32,
}

impl Matcher<'_> {
    /// The byte of the pattern, 0 past its end (as in C, where this comes from;
    /// patterns and paths hold no NUL).
    fn p(&self, at: usize) -> u8 {
        self.pattern.get(at).copied().unwrap_or(0)
    }

    fn t(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn slash_from(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        Some(at + rest.iter().position(|&byte| byte == b'/')?)
    }

    /// Matches the rest of the pattern against the rest of the text.
    fn run(&mut self, p: usize, t: usize) -> Outcome {
        if self.depth == MAX_DEPTH {
            return Outcome::AbortAll;
        }
        self.depth += 1;
        let outcome = self.step_through(p, t);
        self.depth -= 1;
        outcome
    }

    fn step_through(&mut self, start: usize, mut t: usize) -> Outcome {
        let mut p = start;
        while p < self.pattern.len() {
            let Some(left) = self.steps_left.checked_sub(1) else {
                return Outcome::AbortAll;
            };
            self.steps_left = left;
            let character = self.t(t);
            let mut wanted = self.p(p);
            if character == 0 && wanted != b'*' {
                return Outcome::AbortAll;
            }
            match wanted {
                b'?' => {
                    if self.matching.whole_path && character == b'/' {
                        return Outcome::NoMatch;
                    }
                }
                b'*' => match self.star(start, p, t) {
                    Star::Done(outcome) => return outcome,
                    Star::Continue(after_pattern, after_text) => {
                        (p, t) = (after_pattern, after_text);
                    }
                },
                b'[' => match self.class(p, character) {
                    Some((end, true)) => p = end,
                    Some((_, false)) => return Outcome::NoMatch,
                    None => return Outcome::AbortAll,
                },
                _ => {
                    if wanted == b'\\' {
                        p += 1;
                        wanted = self.p(p);
                    }
                    if character != wanted {
                        return Outcome::NoMatch;
                    }
                }
            }
            p += 1;
            t += 1;
        }
        if t < self.text.len() {
            Outcome::NoMatch
        } else {
            Outcome::Match
        }
    }

    /// `p` is at a `*`, `start` at the beginning of this (partial) pattern.
    fn star(&mut self, start: usize, mut p: usize, mut t: usize) -> Star {
        let first = p;
        p += 1;
        let mut crosses_slash = !self.matching.whole_path;
        if self.p(p) == b'*' {
            while self.p(p) == b'*' {
                p += 1;
            }
            if self.matching.whole_path {
                let opens = first == start || self.p(first - 1) == b'/';
                let closes = match self.p(p) {
                    0 | b'/' => true,
                    b'\\' => self.p(p + 1) == b'/',
                    _ => false,
                };
                crosses_slash = opens && closes;
                // `**/` may also stand for nothing at all.
                if crosses_slash && self.p(p) == b'/' && self.run(p + 1, t) == Outcome::Match {
                    return Star::Done(Outcome::Match);
                }
            }
        }
        if p >= self.pattern.len() {
            return Star::Done(if !crosses_slash && self.slash_from(t).is_some() {
                Outcome::AbortToStarStar
            } else {
                Outcome::Match
            });
        }
        if !crosses_slash && self.p(p) == b'/' {
            // `*/`: the rest of this component, and its slash.
            return match self.slash_from(t) {
                Some(slash) => Star::Continue(p, slash),
                None => Star::Done(Outcome::AbortAll),
            };
        }
        while t < self.text.len() {
            if !is_special(self.p(p)) {
                let wanted = self.p(p);
                while t < self.text.len() && (crosses_slash || self.t(t) != b'/') {
                    if self.t(t) == wanted {
                        break;
                    }
                    t += 1;
                }
                if self.t(t) != wanted {
                    return Star::Done(if crosses_slash {
                        Outcome::AbortAll
                    } else {
                        Outcome::AbortToStarStar
                    });
                }
            }
            match self.run(p, t) {
                Outcome::NoMatch => {
                    if !crosses_slash && self.t(t) == b'/' {
                        return Star::Done(Outcome::AbortToStarStar);
                    }
                }
                Outcome::AbortToStarStar if crosses_slash => {}
                other => return Star::Done(other),
            }
            t += 1;
        }
        Star::Done(Outcome::AbortAll)
    }

    /// `p` is at a `[`. The position of its `]` and whether `character` matches;
    /// `None` when the class never ends or is malformed.
    fn class(&self, mut p: usize, character: u8) -> Option<(usize, bool)> {
        let in_pattern = |byte: u8| (byte != 0).then_some(byte);
        p += 1;
        let negated = matches!(self.p(p), b'!' | b'^');
        if negated {
            p += 1;
        }
        let mut wanted = self.p(p);
        let mut previous = 0;
        let mut matched = false;
        loop {
            match in_pattern(wanted)? {
                b'\\' => {
                    p += 1;
                    wanted = in_pattern(self.p(p))?;
                    matched |= character == wanted;
                }
                b'-' if previous != 0 && !matches!(self.p(p + 1), 0 | b']') => {
                    p += 1;
                    wanted = self.p(p);
                    if wanted == b'\\' {
                        p += 1;
                        wanted = in_pattern(self.p(p))?;
                    }
                    matched |= (previous..=wanted).contains(&character);
                    wanted = 0;
                }
                b'[' if self.p(p + 1) == b':' => {
                    let name_start = p + 2;
                    let rest = self.pattern.get(name_start..).unwrap_or_default();
                    let end = name_start + rest.iter().position(|&byte| byte == b']')?;
                    if end > name_start && self.p(end - 1) == b':' {
                        let name = self.pattern.get(name_start..end - 1).unwrap_or_default();
                        matched |= Self::is_in_named_class(name, character)?;
                        p = end;
                        wanted = 0;
                    } else {
                        // No `:]`, so an ordinary `[`.
                        matched |= character == b'[';
                    }
                }
                _ => matched |= character == wanted,
            }
            previous = wanted;
            p += 1;
            wanted = self.p(p);
            if wanted == b']' {
                break;
            }
        }
        let is_barred = self.matching.whole_path && character == b'/';
        Some((p, matched != negated && !is_barred))
    }

    fn is_in_named_class(name: &[u8], character: u8) -> Option<bool> {
        Some(match name {
            b"alnum" => character.is_ascii_alphanumeric(),
            b"alpha" => character.is_ascii_alphabetic(),
            b"blank" => matches!(character, b' ' | b'\t'),
            b"cntrl" => character.is_ascii_control(),
            b"digit" => character.is_ascii_digit(),
            b"graph" => character.is_ascii_graphic(),
            b"lower" => character.is_ascii_lowercase(),
            b"print" => character.is_ascii_graphic() || character == b' ',
            b"punct" => character.is_ascii_punctuation(),
            b"space" => character.is_ascii_whitespace() || character == 0x0b,
            b"upper" => character.is_ascii_uppercase(),
            b"xdigit" => character.is_ascii_hexdigit(),
            _ => return None,
        })
    }
}

enum Star {
    Done(Outcome),
    /// Go on after the `/` at these positions.
    Continue(usize, usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(pattern: &str, text: &str) -> bool {
        let matching = Matching { whole_path: true };
        matches(pattern.as_bytes(), text.as_bytes(), matching)
    }

    #[test]
    fn patterns_match_as_in_git() {
        // In the manner of git's t/t3070-wildmatch.sh: whether, text, pattern.
        for (expected, text, pattern) in [
            (true, "foo", "foo"),
            (false, "foo", "bar"),
            (true, "", ""),
            (true, "foo", "???"),
            (false, "foo", "??"),
            (true, "foo", "*"),
            (true, "foo", "f*"),
            (false, "foo", "*f"),
            (true, "foo", "*foo*"),
            (true, "foobar", "*ob*a*r*"),
            (true, "aaaaaaabababab", "*ab"),
            (true, "foo*", r"foo\*"),
            (false, "foobar", r"foo\*bar"),
            (true, r"f\oo", r"f\\oo"),
            (true, "ball", "*[al]?"),
            (false, "ten", "[ten]"),
            (true, "ten", "**[!te]"),
            (false, "ten", "**[!ten]"),
            (true, "ten", "t[a-g]n"),
            (false, "ten", "t[!a-g]n"),
            (true, "ton", "t[!a-g]n"),
            (true, "ton", "t[^a-g]n"),
            (true, "a]b", "a[]]b"),
            (true, "a-b", "a[]-]b"),
            (true, "a]b", "a[]-]b"),
            (false, "aab", "a[]-]b"),
            (true, "aab", "a[]a-]b"),
            (true, "]", "]"),
            (false, "foo/baz/bar", "foo*bar"),
            (false, "foo/baz/bar", "foo**bar"),
            (true, "foobazbar", "foo**bar"),
            (true, "foo/baz/bar", "foo/**/bar"),
            (true, "foo/baz/bar", "foo/**/**/bar"),
            (true, "foo/b/a/z/bar", "foo/**/bar"),
            (true, "foo/bar", "foo/**/bar"),
            (false, "foo/bar", "foo?bar"),
            (false, "foo/bar", "foo[/]bar"),
            (false, "foo/bar", "foo[^a-z]bar"),
            (false, "foo/bar", "f[^eiu][^eiu][^eiu][^eiu][^eiu]r"),
            (true, "foo-bar", "f[^eiu][^eiu][^eiu][^eiu][^eiu]r"),
            (true, "foo", "**/foo"),
            (true, "XXX/foo", "**/foo"),
            (true, "bar/baz/foo", "**/foo"),
            (false, "bar/baz/foo", "*/foo"),
            (false, "foo/bar/baz", "**/bar*"),
            (true, "deep/foo/bar/baz", "**/bar/*"),
            (false, "deep/foo/bar/baz/", "**/bar/*"),
            (true, "deep/foo/bar/baz/", "**/bar/**"),
            (false, "deep/foo/bar", "**/bar/*"),
            (true, "deep/foo/bar/", "**/bar/**"),
            (false, "foo/bar/baz", "**/bar**"),
            (true, "foo/bar/baz/x", "*/bar/**"),
            (false, "deep/foo/bar/baz/x", "*/bar/**"),
            (true, "deep/foo/bar/baz/x", "**/bar/*/*"),
            (false, "acrt", "a[c-c]st"),
            (true, "acrt", "a[c-c]rt"),
            (false, "]", "[!]-]"),
            (true, "a", "[!]-]"),
            (false, "", r"\"),
            (false, r"XXX/\", r"*/\"),
            (true, r"XXX/\", r"*/\\"),
            (true, "@foo", "@foo"),
            (false, "foo", "@foo"),
            (true, "[ab]", r"\[ab]"),
            (true, "[ab]", "[[]ab]"),
            (true, "[ab]", "[[:]ab]"),
            (false, "[ab]", "[[::]ab]"),
            (true, "[ab]", "[[:digit]ab]"),
            (true, "[ab]", r"[\[:]ab]"),
            (true, "?a?b", r"\??\?b"),
            (true, "abc", r"\a\b\c"),
            (true, "a1B", "[[:alpha:]][[:digit:]][[:upper:]]"),
            (false, "a", "[[:digit:][:upper:][:space:]]"),
            (true, "A", "[[:digit:][:upper:][:space:]]"),
            (false, "1", "[[:digit:][:upper:][:spaci:]]"),
            (true, " ", "[[:digit:][:upper:][:space:]]"),
            (true, "5", "[[:xdigit:]]"),
            (
                true,
                "_",
                "[[:alnum:][:alpha:][:blank:][:cntrl:][:digit:][:graph:][:lower:][:print:][:punct:][:space:][:upper:][:xdigit:]]",
            ),
            (true, "5", "[a-c[:digit:]x-z]"),
            (false, "q", "[a-c[:digit:]x-z]"),
            (true, "]", r"[\\-^]"),
            (false, "[", r"[\\-^]"),
            (true, "-", r"[\-_]"),
            (true, "]", r"[\]]"),
            (false, r"\]", r"[\]]"),
            (false, "a[]b", "a[]b"),
            (false, "ab[", "ab["),
            (false, "ab", "[!"),
            (false, "ab", "[-"),
            (true, "-", "[-]"),
            (false, "-", "[a-"),
            (true, "-", "[--A]"),
            (true, " ", "[ --]"),
            (false, "5", "[,-.]"),
            (true, "-", "[,-.]"),
            (true, "^", "[a^bc]"),
            (false, r"\", r"[\]"),
            (true, r"\", r"[\\]"),
            (
                true,
                "-adobe-courier-bold-o-normal--12-120-75-75-m-70-iso8859-1",
                "-*-*-*-*-*-*-12-*-*-*-m-*-*-*",
            ),
            (
                false,
                "-adobe-courier-bold-o-normal--12-120-75-75-X-70-iso8859-1",
                "-*-*-*-*-*-*-12-*-*-*-m-*-*-*",
            ),
            (
                true,
                "abcd/abcdefg/abcdefghijk/abcdefghijklmnop.txt",
                "**/*a*b*g*n*t",
            ),
            (
                false,
                "abcd/abcdefg/abcdefghijk/abcdefghijklmnop.txtz",
                "**/*a*b*g*n*t",
            ),
            (false, "foo/bba/arr", "foo/*"),
            (true, "foo/bba/arr", "foo/**"),
            (false, "foo/bba/arr", "foo*"),
            (false, "foo/bba/arr", "foo/*arr"),
            (false, "foo/bba/arr", "foo/**arr"),
            (true, "ab/cXd/efXg/hi", "**/*X*/**/*i"),
            (false, "ab/cXd/efXg/hi", "*X*i"),
            (true, "ab/cXd/efXg/hi", "*/*X*/*/*i"),
        ] {
            assert_eq!(
                path(pattern, text),
                expected,
                "{text:?} against {pattern:?}"
            );
        }
    }

    #[test]
    fn crafted_patterns_end_soon() {
        let text = "a/".repeat(60);
        assert!(!path(&format!("{}b", "**/a/".repeat(30)), &text));
        assert!(!path(&"*a".repeat(2000), &"a".repeat(1000)));
    }
}
