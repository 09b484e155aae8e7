//! Texts that must not reach a grammar, because the process would not survive
//! it or never come back.
//!
//! A scanner saves its state in 1024 bytes, and tree-sitter fails an assertion
//! in C when there is more; tree-sitter counts the cost of errors in 32 bits, and
//! fails another when they overflow; some scanners loop where a text ends. No
//! unwind, no error, no time limit reaches those. Each rule errs on the safe
//! side: it counts what the scanner may hold, whatever stands in comments or
//! strings, and what it refuses is far from honest code. The bounds were found
//! by reading the scanners and by texts that killed the process.

use std::collections::HashSet;

use wherein_core::Language;

use crate::lines::Lines;

/// tree-sitter adds 500 + bytes + 30 for each line of an error to the cost of
/// every error around it. The most seen in 14,000 honest files is a twentieth.
const MAX_ERROR_COST: u64 = 1 << 30;
const MAX_ERROR_EXTENT: u64 = 8 << 20;

/// tree-sitter-python saves 2 bytes a level beside up to 255 open strings, and
/// its levels strictly rise: as many as there are widths of indentation.
const MAX_PYTHON_WIDTHS: usize = 300;

/// tree-sitter-yaml saves 4 bytes for each open mapping or sequence; there are
/// at most two for each column that one begins in.
const MAX_YAML_COLUMNS: usize = 120;

/// Haskell and Scala lose their state above about 120 and 500 levels.
const MAX_LAYOUT_LEVELS: usize = 100;

/// tree-sitter-ruby saves the words of all open heredocs, each with 4 bytes
/// beside it, and the length of a word in one byte. After an error, or within
/// another, a heredoc does not end where its word stands: none is taken for
/// ended here.
const MAX_HEREDOC_BYTES: usize = 900;
const MAX_HEREDOC_WORD: usize = 120;

/// Perl's scanner loses count of quotes 44 deep.
const MAX_PERL_SUBSCRIPTS: usize = 20;

/// Longest name between the dollars of a quote in SQL: `PostgreSQL`'s own bound.
/// A longer one is leaked.
const MAX_DOLLAR_TAG: usize = 63;

/// Why `text` is not parsed, if it must not be.
pub(crate) fn refusal(language: Language, lines: &Lines<'_>) -> Option<&'static str> {
    let text = lines.text();
    let ends = text.ends_with('\n');
    let reason = match language {
        _ if is_too_costly(text) => "nested too deep over too many lines",
        Language::Python | Language::Bazel if widths(text) > MAX_PYTHON_WIDTHS => {
            "indented deeper than its parser can bear"
        }
        Language::Yaml if yaml_columns(text) > MAX_YAML_COLUMNS => {
            "indented deeper than its parser can bear"
        }
        Language::Haskell | Language::Scala if levels(lines) > MAX_LAYOUT_LEVELS => {
            "indented deeper than its parser can bear"
        }
        Language::Ruby if has_unbearable_heredocs(text) => "heredocs its parser cannot bear",
        // These two do not see the end of the text.
        Language::Kotlin if last_line(text).contains('@') => {
            "its last line has an annotation and no line break"
        }
        Language::Perl if text.contains("<<") && !ends => {
            "it has a heredoc and no line break at its end"
        }
        Language::Perl if text.contains("<<") && perl_subscripts(text) > MAX_PERL_SUBSCRIPTS => {
            "quotes its parser cannot bear"
        }
        Language::Sql if has_long_dollar_tag(text) => "a quote its parser cannot bear",
        _ => return None,
    };
    Some(reason)
}

/// Whether the cost of nested errors may overflow.
fn is_too_costly(text: &str) -> bool {
    let (mut depth, mut most) = (0_u64, 0_u64);
    let mut breaks = 0_u64;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                most = most.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => breaks += 1,
            _ => {}
        }
    }
    let extent = text.len() as u64 + 30 * (breaks + 1);
    extent > MAX_ERROR_EXTENT || most.saturating_mul(extent) >= MAX_ERROR_COST
}

/// The distinct widths of indentation, as Python's scanner counts them.
fn widths(text: &str) -> usize {
    let mut seen: HashSet<u32> = HashSet::new();
    let mut bytes = text.bytes().peekable();
    let mut width = Some(0_u32);
    while let Some(byte) = bytes.next() {
        let Some(so_far) = width else {
            if byte == b'\n' {
                width = Some(0);
            }
            continue;
        };
        width = match byte {
            b' ' => Some(so_far.saturating_add(1)),
            b'\t' => Some(so_far.saturating_add(8)),
            b'\n' | b'\r' | 0x0c => Some(0),
            // A line that goes on below goes on adding up.
            b'\\' if matches!(bytes.peek(), Some(b'\n' | b'\r')) => {
                bytes.next();
                Some(so_far)
            }
            _ => {
                seen.insert(so_far);
                None
            }
        };
    }
    seen.len()
}

/// The distinct columns that something begins in, markers of sequences and
/// mappings included; a lone carriage return ends a line too.
fn yaml_columns(text: &str) -> usize {
    let mut seen: HashSet<usize> = HashSet::new();
    for line in text.split(['\n', '\r']) {
        let mut rest = line;
        loop {
            let visible = rest.trim_start_matches([' ', '\t']);
            if visible.is_empty() {
                break;
            }
            seen.insert(line.len() - visible.len());
            let marker = ["---", "...", "-", "?", ":"]
                .into_iter()
                .find_map(|marker| visible.strip_prefix(marker));
            match marker {
                Some(after) if after.is_empty() || after.starts_with([' ', '\t']) => rest = after,
                _ => break,
            }
        }
    }
    seen.len()
}

/// The most levels open at once, by indentation.
fn levels(lines: &Lines<'_>) -> usize {
    let mut open: Vec<u32> = Vec::new();
    let mut most = 0;
    for line in 0..lines.count() {
        let Some(visible) = lines.visible(line) else {
            continue;
        };
        let indent = visible - lines.start(line);
        while open.pop_if(|above| *above >= indent).is_some() {}
        open.push(indent);
        most = most.max(open.len());
    }
    most
}

/// The text after the last line feed.
fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or(text)
}

/// Whether more heredocs may be open at once than the scanner can save. A shift
/// by a name (`a <<B`) counts as one.
fn has_unbearable_heredocs(text: &str) -> bool {
    let mut total = 0;
    let bytes = text.as_bytes();
    for at in 0..bytes.len().saturating_sub(1) {
        // Overlapping ones too: `<<<A`.
        if &bytes[at..at + 2] != b"<<" {
            continue;
        }
        let word = heredoc_word(&text[at + 2..]);
        if word.len() > MAX_HEREDOC_WORD {
            return true;
        }
        if !word.is_empty() {
            total += 4 + word.len();
        }
    }
    total > MAX_HEREDOC_BYTES
}

/// The word after `<<`; a quoted one may run over line ends.
fn heredoc_word(after: &str) -> &str {
    let after = after.trim_start_matches(['-', '~']);
    for quote in ['"', '\'', '`'] {
        if let Some(quoted) = after.strip_prefix(quote) {
            return quoted.split(quote).next().unwrap_or("");
        }
    }
    let end = after
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(after.len());
    &after[..end]
}

/// How deep subscripts and dereferences (`@{`, `$x[`, `$x->{`) stand in one
/// another.
fn perl_subscripts(text: &str) -> usize {
    let mut open: Vec<bool> = Vec::new();
    let (mut depth, mut most) = (0, 0);
    // Whether what stands before is a sigil with a name, arrow or nothing.
    let mut after_sigil = false;
    for byte in text.bytes() {
        match byte {
            b'$' | b'@' => after_sigil = true,
            b'{' | b'[' => {
                open.push(after_sigil);
                depth += usize::from(after_sigil);
                most = most.max(depth);
                after_sigil = false;
            }
            b'}' | b']' => {
                depth -= usize::from(open.pop().unwrap_or(false));
                after_sigil = false;
            }
            b'-' | b'>' | b':' | b'_' => {}
            byte if byte.is_ascii_alphanumeric() => {}
            _ => after_sigil = false,
        }
    }
    most
}

fn has_long_dollar_tag(text: &str) -> bool {
    text.split('$').skip(1).any(|after| {
        let tag = after
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        tag.take(MAX_DOLLAR_TAG + 1).count() > MAX_DOLLAR_TAG
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(language: Language, text: &str) -> bool {
        refusal(language, &Lines::new(text)).is_some()
    }

    #[test]
    fn widths_and_columns_are_counted_once() {
        assert_eq!(widths("a:\n  b\n  c\n    d\n\te\n"), 4);
        assert_eq!(widths("#\n if x:\n#\n  if x:\n"), 3);
        assert_eq!(yaml_columns("a:\n  b:\n    - - c: 1\n  d:\ne:\n"), 5);
        assert_eq!(yaml_columns("a:\r b:\r  c:\n"), 3);
        assert_eq!(yaml_columns("... - - x\n"), 4);
    }

    #[test]
    fn honest_code_is_let_through() {
        for (language, text) in [
            (Language::Ruby, "a = <<~SQL\n  select 1\nSQL\n".repeat(100)),
            (
                Language::Ruby,
                "class << self\n  a << 'b'\nend\n".to_owned(),
            ),
            (Language::Kotlin, "@Test\nfun a() {}\n".to_owned()),
            (Language::Kotlin, "@Test\nfun a() {}".to_owned()),
            (Language::Perl, "print <<A;\nx\nA\n".to_owned()),
            (Language::Perl, "my $x = $y->{a}[0]{b};".to_owned()),
            (Language::Sql, "do $body$ select 1 $body$;".to_owned()),
            (Language::Rust, "fn a() { b(c[d(1)]); }\n".repeat(20_000)),
            (
                Language::Json,
                format!("{}1{}", "[".repeat(500), "]".repeat(500)),
            ),
        ] {
            assert!(!refused(language, &text), "{language} {text:.40}");
        }
    }

    #[test]
    fn what_kills_a_parser_is_refused() {
        for (language, text) in [
            (Language::Ruby, "f(<<A1234567)\n".repeat(100)),
            (Language::Ruby, format!("a = <<{}\n", "W".repeat(300))),
            (Language::Ruby, format!("<<\"\n{}\"\n", "W".repeat(255))),
            (Language::Kotlin, "class A\n@b".to_owned()),
            (Language::Kotlin, "val x = 1\r@foo(\r".to_owned()),
            (Language::Perl, "print <<A;\n$x foo".to_owned()),
            (Language::Sql, format!("DO ${}$\n", "a".repeat(1000))),
        ] {
            assert!(refused(language, &text), "{language} {text:.40}");
        }
    }
}
