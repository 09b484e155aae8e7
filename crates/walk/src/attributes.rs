//! The one attribute that matters here: `linguist-generated` of `.gitattributes`.

use std::path::Path;

use crate::open::read_small_here;
use crate::rules::{Pattern, lines};

/// Largest `.gitattributes` that is obeyed, in bytes.
const MAX_ATTRIBUTE_BYTES: u64 = 1 << 20;

/// The lines of one `.gitattributes` that say something of `linguist-generated`.
#[derive(Clone, Debug)]
pub(crate) struct AttributeFile {
    name: String,
    base: usize,
    rules: Vec<AttributeRule>,
}

#[derive(Clone, Debug)]
struct AttributeRule {
    pattern: Pattern,
    is_generated: bool,
    line: u32,
}

impl AttributeFile {
    /// The rules of `path`; `None` when it has none of interest.
    pub(crate) fn in_tree(path: &Path, name: String, base: usize) -> Option<Self> {
        let bytes = read_small_here(path, MAX_ATTRIBUTE_BYTES).ok()?;
        Self::parse(&bytes, name, base)
    }

    fn parse(bytes: &[u8], name: String, base: usize) -> Option<Self> {
        let rules: Vec<_> = lines(bytes)
            .filter_map(|(number, line)| AttributeRule::parse(number, line))
            .collect();
        (!rules.is_empty()).then_some(Self { name, base, rules })
    }

    /// What the last matching line says of a file, and which line that is.
    pub(crate) fn deciding(&self, path: &[u8]) -> Option<(bool, String)> {
        let path = path.get(self.base..)?;
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let rule = self
            .rules
            .iter()
            .rev()
            .find(|rule| rule.pattern.matches(path, name, false))?;
        let detail = format!("{}:{}: linguist-generated", self.name, rule.line);
        Some((rule.is_generated, detail))
    }
}

impl AttributeRule {
    /// A line `PATTERN ATTRIBUTE...`. Patterns in quotes and macros are passed over.
    fn parse(number: u32, line: &[u8]) -> Option<Self> {
        let mut words = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        let pattern = words.next()?;
        if matches!(pattern.first(), Some(b'#' | b'"' | b'!')) || pattern.starts_with(b"[attr]") {
            return None;
        }
        let is_generated = words
            .filter_map(|word| match word {
                b"linguist-generated" | b"linguist-generated=true" => Some(true),
                b"-linguist-generated" | b"!linguist-generated" | b"linguist-generated=false" => {
                    Some(false)
                }
                _ => None,
            })
            .next_back()?;
        Some(Self {
            pattern: Pattern::parse(pattern)?,
            is_generated,
            line: number,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_about_generation_decides() {
        let text = b"* text=auto\n*.gen.ts linguist-generated\napi/** linguist-generated=true\n\
            api/hand.ts -linguist-generated\n# api/x linguist-generated\n";
        let file = AttributeFile::parse(text, ".gitattributes".to_owned(), 0);
        let says = |path: &str| {
            file.as_ref()
                .and_then(|file| file.deciding(path.as_bytes()))
                .map(|(is_generated, _)| is_generated)
        };
        assert_eq!(says("src/a.gen.ts"), Some(true));
        assert_eq!(says("api/v1/x.ts"), Some(true));
        assert_eq!(says("api/hand.ts"), Some(false));
        assert_eq!(says("src/a.ts"), None);
    }
}
