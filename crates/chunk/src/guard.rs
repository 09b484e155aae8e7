//! Texts that must not reach a grammar, because its scanner would abort the process.
//!
//! A scanner saves its state in 1024 bytes. Some write past that when the text
//! nests deep enough, and tree-sitter then fails an assertion in C: no unwind,
//! no error, the process is gone. What is refused here is far from honest code.

use wherein_core::Language;

use crate::lines::Lines;

/// tree-sitter-python saves 2 bytes a level beside up to 255 open strings.
const MAX_PYTHON_LEVELS: usize = 300;

/// tree-sitter-yaml saves 4 bytes for each open mapping or sequence.
const MAX_YAML_LEVELS: usize = 240;

/// Haskell and Scala lose their state above about 120 and 500 levels.
const MAX_LAYOUT_LEVELS: usize = 100;

/// tree-sitter-ruby saves the words of all open heredocs, each with 4 bytes
/// beside it, and the length of a word in one byte.
const MAX_HEREDOC_BYTES: usize = 900;
const MAX_HEREDOC_WORD: usize = 120;

/// Why `text` is not parsed, if it must not be.
pub(crate) fn refusal(language: Language, lines: &Lines<'_>) -> Option<&'static str> {
    let too_deep = "indented deeper than its parser can bear";
    match language {
        Language::Python | Language::Bazel => {
            (levels(lines, |_| 1) > MAX_PYTHON_LEVELS).then_some(too_deep)
        }
        Language::Yaml => (levels(lines, yaml_opened) > MAX_YAML_LEVELS).then_some(too_deep),
        Language::Haskell | Language::Scala => {
            (levels(lines, |_| 1) > MAX_LAYOUT_LEVELS).then_some(too_deep)
        }
        Language::Ruby => open_heredocs(lines.text()).then_some("heredocs its parser cannot bear"),
        _ => None,
    }
}

/// The most levels open at once, by indentation; a line opens `opened` of them.
fn levels(lines: &Lines<'_>, opened: impl Fn(&str) -> usize) -> usize {
    let mut open: Vec<(u32, usize)> = Vec::new();
    let mut total = 0;
    let mut most = 0;
    for line in 0..lines.count() {
        let Some(visible) = lines.visible(line) else {
            continue;
        };
        let indent = visible - lines.start(line);
        while let Some((_, count)) = open.pop_if(|(above, _)| *above >= indent) {
            total -= count;
        }
        let text = &lines.text()[visible as usize..lines.end(line) as usize];
        let count = opened(text);
        open.push((indent, count));
        total += count;
        most = most.max(total);
    }
    most
}

/// `- - key: value` opens a sequence for each dash, and a mapping.
fn yaml_opened(line: &str) -> usize {
    let mut markers = 0;
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        match trimmed.strip_prefix(['-', '?', ':']) {
            Some(after) if after.is_empty() || after.starts_with([' ', '\t']) => {
                markers += 1;
                rest = after;
            }
            _ => return markers + 1,
        }
    }
}

/// Whether more heredocs are open at once than the scanner can save. A shift
/// by a name (`a <<B`) counts as one that never ends, which errs on the safe side.
fn open_heredocs(text: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut total = 0;
    for line in text.lines() {
        let end = line.trim();
        if let Some(at) = open.iter().position(|word| *word == end) {
            total -= 4 + open.remove(at).len();
        }
        for (at, _) in line.match_indices("<<") {
            let word = heredoc_word(&line[at + 2..]);
            if word.len() > MAX_HEREDOC_WORD {
                return true;
            }
            if !word.is_empty() {
                open.push(word);
                total += 4 + word.len();
            }
        }
        if total > MAX_HEREDOC_BYTES {
            return true;
        }
    }
    false
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_count_what_is_open_at_once() {
        let text = "a:\n  b:\n    - - c: 1\n  d:\ne:\n";
        assert_eq!(levels(&Lines::new(text), |_| 1), 3);
        assert_eq!(levels(&Lines::new(text), yaml_opened), 5);
    }

    #[test]
    fn heredocs_that_end_do_not_add_up() {
        let honest = "a = <<~SQL\n  select 1\nSQL\n".repeat(500);
        assert!(!open_heredocs(&honest));
        assert!(open_heredocs(&"f(<<A1234567)\n".repeat(100)));
        assert!(open_heredocs(&format!("a = <<{}\n", "W".repeat(300))));
        assert!(!open_heredocs("class << self\n  a << 'b'\nend\n"));
    }
}
