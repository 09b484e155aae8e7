//! Blocks as text: markdown, XML or JSON.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wherein_core::PackBlock;

/// How a pack is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A heading and a fenced block of code for each span.
    #[default]
    Markdown,
    /// A `span` element for each span.
    Xml,
    /// A list of objects.
    Json,
}

impl Format {
    /// All formats.
    pub const ALL: &'static [Self] = &[Self::Markdown, Self::Xml, Self::Json];

    /// The name in arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
            .ok_or(())
    }
}

/// All blocks as one text.
pub(crate) fn render(format: Format, blocks: &[PackBlock]) -> String {
    match format {
        Format::Markdown => markdown(blocks),
        Format::Xml => xml(blocks),
        Format::Json => serde_json::to_string(blocks).unwrap_or_default(),
    }
}

fn markdown(blocks: &[PackBlock]) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        let fence = "`".repeat(longest_run(&block.text, '`').max(2) + 1);
        let (start, end) = (block.start_line, block.end_line);
        text.push_str("## ");
        if let Some(repo) = &block.repo {
            let _ = write!(text, "{}: ", one_line(repo));
        }
        let _ = write!(text, "{}:{start}-{end}", one_line(&block.path));
        if !block.breadcrumb.is_empty() {
            let _ = write!(text, " {}", one_line(&block.breadcrumb));
        }
        let _ = writeln!(text, "\n{fence}{}\n{}{fence}", block.language, block.text);
    }
    text
}

fn xml(blocks: &[PackBlock]) -> String {
    let mut text = String::new();
    for block in blocks {
        text.push_str("<span");
        if let Some(repo) = &block.repo {
            let _ = write!(text, " repo=\"{}\"", attribute(repo));
        }
        let _ = write!(
            text,
            " path=\"{}\" lines=\"{}-{}\"",
            attribute(&block.path),
            block.start_line,
            block.end_line
        );
        if !block.breadcrumb.is_empty() {
            let _ = write!(text, " symbol=\"{}\"", attribute(&block.breadcrumb));
        }
        // Code as it is, which a model reads better than one with entities.
        let code = visible(&block.text).replace("]]>", "]]]]><![CDATA[>");
        let _ = writeln!(text, "><![CDATA[\n{code}]]></span>");
    }
    text
}

/// Names of files may hold anything; a heading is one line.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// What XML has no place for, as a picture of it.
fn visible(text: &str) -> String {
    let picture = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(picture).collect()
}

fn attribute(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn longest_run(text: &str, of: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use wherein_core::ChunkKind;

    use super::*;

    fn block(path: &str, text: &str) -> PackBlock {
        PackBlock {
            id: format!("{path}:3-4@00000000"),
            repo: None,
            path: path.to_owned(),
            start_line: 3,
            end_line: 4,
            language: "rust".to_owned(),
            kind: ChunkKind::Function,
            symbol: Some("f".to_owned()),
            breadcrumb: "m::f".to_owned(),
            score: 1.0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_code() {
        let text = markdown(&[block("a.rs", "fn f() {}\n"), block("b.rs", "// ````\n")]);
        assert_eq!(
            text,
            "## a.rs:3-4 m::f\n```rust\nfn f() {}\n```\n\n## b.rs:3-4 m::f\n`````rust\n// ````\n`````\n"
        );
    }

    #[test]
    fn of_several_repositories_each_span_says_which() {
        let block = PackBlock {
            repo: Some("shop".to_owned()),
            ..block("a.rs", "f\n")
        };
        let text = markdown(std::slice::from_ref(&block));
        assert!(text.starts_with("## shop: a.rs:3-4 m::f\n"), "{text}");
        let text = xml(&[block]);
        assert!(
            text.starts_with("<span repo=\"shop\" path=\"a.rs\""),
            "{text}"
        );
    }

    #[test]
    fn code_cannot_leave_its_element() {
        let text = xml(&[block("a\"<b>\n.rs", "x = \"]]></span>\"\n")]);
        assert!(text.starts_with(
            "<span path=\"a&quot;&lt;b&gt; .rs\" lines=\"3-4\" symbol=\"m::f\"><![CDATA[\n"
        ));
        assert!(text.contains("]]]]><![CDATA[></span>\""));
        assert_eq!(text.matches("]]></span>\n").count(), 1);
    }

    #[test]
    fn xml_holds_no_character_that_xml_refuses() {
        let text = xml(&[block("a\u{1b}.rs", "x\u{c}y\t\u{1b}[1m\u{ffff}\n")]);
        assert!(text.contains("path=\"a .rs\""), "{text}");
        assert!(text.contains("x\u{240c}y\t\u{241b}[1m\u{fffd}\n"), "{text}");
    }

    #[test]
    fn json_reads_back() {
        let blocks = [block("a.rs", "fn f() {}\n")];
        let read: Vec<PackBlock> =
            serde_json::from_str(&render(Format::Json, &blocks)).expect("json");
        assert_eq!(read, blocks);
    }
}
