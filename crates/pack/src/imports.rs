//! The statements that bring names into a file, where they say something of the
//! lines that are shown.

use std::collections::HashSet;

use wherein_core::words;

use crate::lines::{LineSet, Lines};

/// Imports stand at the top of a file; these many lines are looked at.
const TOP_LINES: u32 = 150;
/// Most lines of one statement.
const STATEMENT_LINES: u32 = 40;
/// Of a longer statement only the lines that name something are shown.
const SHOWN_WHOLE: u32 = 6;

const STARTS: &[&str] = &[
    "import ",
    "import(",
    "from ",
    "use ",
    "pub use ",
    "using ",
    "#include",
    "require ",
    "require(",
    "require_relative ",
    "require_once ",
    "include ",
    "open ",
    "@import",
    "local ",
    "const ",
    "var ",
    "let ",
];

/// Words that say how a name is brought in, not which.
const HOW: &[&str] = &[
    "import",
    "from",
    "use",
    "pub",
    "using",
    "include",
    "require",
    "as",
    "static",
    "type",
    "typeof",
    "const",
    "let",
    "var",
    "local",
    "open",
    "qualified",
    "hiding",
    "self",
    "super",
    "crate",
    "default",
    "h",
    "hpp",
];

fn is_import(line: &str) -> bool {
    let trimmed = line.trim_start();
    let indented = trimmed.len() != line.len();
    let Some(start) = STARTS.iter().find(|start| trimmed.starts_with(**start)) else {
        return false;
    };
    match *start {
        // Bindings of a module's exports, not of anything else.
        "const " | "var " | "let " | "local " => {
            trimmed.contains("require(")
                || trimmed.contains("require \"")
                || trimmed.contains("@import(")
        }
        _ => !indented,
    }
}

/// The last line of the statement that starts at a line: where its brackets are
/// closed.
fn end_of_statement(lines: &Lines<'_>, first: u32) -> u32 {
    let mut open = 0_i32;
    for number in first..first + STATEMENT_LINES {
        for byte in lines.line(number).bytes() {
            match byte {
                b'(' | b'{' | b'[' => open += 1,
                b')' | b'}' | b']' => open -= 1,
                _ => {}
            }
        }
        if open <= 0 {
            return number.min(lines.count());
        }
    }
    first
}

/// The part of an import's text that names what it brings in.
fn brought<'a>(statement: &'a str, language: &str) -> &'a str {
    let trimmed = statement.trim();
    if let Some(rest) = trimmed.strip_prefix("from ") {
        return rest.split_once(" import").map_or(rest, |(_, names)| names);
    }
    if ["const ", "var ", "let ", "local "]
        .iter()
        .any(|start| trimmed.starts_with(start))
    {
        return trimmed.split_once('=').map_or(trimmed, |(names, _)| names);
    }
    if let Some(names) = trimmed.strip_prefix("import ") {
        if let Some((names, _)) = names.rsplit_once(" from ") {
            return names;
        }
        if let Some((_, alias)) = names.rsplit_once(" as ") {
            return alias;
        }
        if language == "python" {
            return names.split('.').next().unwrap_or(names);
        }
    }
    last_of_path(trimmed)
}

/// What a path ends in, with all that is in braces.
fn last_of_path(text: &str) -> &str {
    let text = text.trim_end_matches([';', '"', '\'', '>', ',', ')', ' ']);
    let end = text.find(['{', '(']).unwrap_or(text.len());
    let at = text[..end]
        .trim_end_matches([':', '.', '/', '\\', ' '])
        .rfind(['.', '/', ':', '\\', '<', '"', '\'', ' '])
        .map_or(0, |at| at + 1);
    if end < text.len() {
        &text[end..]
    } else {
        &text[at..]
    }
}

fn names_one_of(text: &str, used: &HashSet<&str>) -> bool {
    words::words(text)
        .any(|(_, word)| word.len() > 1 && !HOW.contains(&word) && used.contains(word))
}

/// The words of code: without comments that fill their line, and without what
/// stands in quotes.
fn words_of_code(text: &str) -> HashSet<&str> {
    let mut all = HashSet::new();
    for line in text.lines() {
        let start = line.trim_start();
        let is_comment = ["//", "*", "/*", "--", ";;"]
            .iter()
            .any(|mark| start.starts_with(mark))
            || start.starts_with('#') && !start.starts_with("#[") && !start.starts_with("#i");
        if is_comment {
            continue;
        }
        // Every second piece between quotes is a text.
        for piece in line.split('"').step_by(2) {
            all.extend(words::words(piece).map(|(_, word)| word));
        }
    }
    all
}

/// Lines of imports before line `shown` whose names occur in `text`.
pub(crate) fn used(lines: &Lines<'_>, language: &str, shown: u32, text: &str) -> LineSet {
    let used = words_of_code(text);
    let mut found = LineSet::default();
    let last = lines.count().min(TOP_LINES).min(shown.saturating_sub(1));
    let mut number = 1;
    while number <= last {
        let first = number;
        number += 1;
        if !is_import(lines.line(first)) {
            continue;
        }
        let end = end_of_statement(lines, first).min(last);
        number = end + 1;
        let statement = lines.text(first..=end);
        let is_list = end > first;
        if !is_list {
            if names_one_of(brought(&statement, language), &used) {
                found.insert(&(first..=first));
            }
            continue;
        }
        // A list that is several imports, or the names of one.
        let separate = language == "go";
        let named: Vec<u32> = (first..=end)
            .filter(|line| {
                let text = lines.line(*line);
                let part = if separate {
                    last_of_path(text.trim())
                } else {
                    text
                };
                let part = if *line == first {
                    part.split_once(['{', '(']).map_or("", |(_, rest)| rest)
                } else {
                    part
                };
                let part = part.split(" from ").next().unwrap_or(part);
                names_one_of(part, &used)
            })
            .collect();
        if named.is_empty() {
            continue;
        }
        if !separate && end - first < SHOWN_WHOLE {
            found.insert(&(first..=end));
        } else {
            if !separate {
                found.insert(&(first..=first));
                found.insert(&(end..=end));
            }
            for line in named {
                found.insert(&(line..=line));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, language: &str, body: &str) -> Vec<u32> {
        let lines = Lines::new(text);
        used(&lines, language, lines.count(), body)
            .ranges()
            .flatten()
            .collect()
    }

    #[test]
    fn imports_of_names_that_occur() {
        let text = "\
import os
import secrets
from .desk import Desk, Drawer
const fs = require(\"fs\");
const three = 3;
#include <stdio.h>
use std::io::Read;
    import nothing

body
";
        let used = |body: &str| shown(text, "python", body);
        assert_eq!(used("os.urandom(Desk)"), [1, 3]);
        assert_eq!(used("fs.read(three)"), [4]);
        assert_eq!(used("fn f(r: Read)"), [7]);
        assert!(used("nothing of import from use").is_empty());
    }

    #[test]
    fn what_is_only_spoken_of_is_not_used() {
        let text = "import os\nfrom .globals import session\n#include <string>\n\nbody\n";
        let body = "// the string of os\n# os\nname = \"session of os\"\n";
        assert!(shown(text, "python", body).is_empty());
        assert_eq!(shown(text, "python", "session(\"os\")"), [2]);
    }

    #[test]
    fn names_are_those_that_are_bound() {
        let python = "import werkzeug.test\nimport numpy as np\nfrom a.b import cc\nbody\n";
        assert!(shown(python, "python", "test(numpy, b)").is_empty());
        assert_eq!(shown(python, "python", "werkzeug(np, cc)"), [1, 2, 3]);
        let java = "import java.util.Map;\nimport static a.B.of;\nbody\n";
        assert_eq!(shown(java, "java", "Map<String> java"), [1]);
        assert_eq!(shown(java, "java", "of(util)"), [2]);
        let typescript = "import { aa, bb } from \"./c\";\nimport Dd from \"./e\";\nbody\n";
        assert_eq!(shown(typescript, "typescript", "bb(c, e)"), [1]);
        assert_eq!(shown(typescript, "typescript", "new Dd()"), [2]);
        let rust = "use crate::io::Read;\nuse a::{bb, cc as dd};\nbody\n";
        assert_eq!(shown(rust, "rust", "io(Read)"), [1]);
        assert_eq!(shown(rust, "rust", "a(dd)"), [2]);
        assert!(shown(rust, "rust", "a(io)").is_empty());
    }

    #[test]
    fn statements_of_several_lines_are_whole() {
        let python = "from os.path import (\n    curdir,\n    pardir,\n)\nbody\n";
        assert_eq!(shown(python, "python", "pardir + x"), [1, 2, 3, 4]);
        assert!(shown(python, "python", "path").is_empty());
        let typescript = "import {\n  one,\n  two,\n} from \"./three\";\nbody\n";
        assert_eq!(shown(typescript, "typescript", "two()"), [1, 2, 3, 4]);
        assert!(shown(typescript, "typescript", "three()").is_empty());
        let rust = "use x::{\n    Ab,\n    Cd,\n};\nbody\n";
        assert_eq!(shown(rust, "rust", "Ab::new"), [1, 2, 3, 4]);
    }

    #[test]
    fn of_a_list_of_imports_those_that_are_used() {
        let go = "package a\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\tx \"b/c\"\n)\n\nbody\n";
        assert_eq!(shown(go, "go", "http.Get(net)"), [5]);
        let names: Vec<String> = (0..20).map(|n| format!("    name{n:02},\n")).collect();
        let many = names.concat();
        let python = format!("from a import (\n{many})\nbody\n");
        assert_eq!(shown(&python, "python", "name07()"), [1, 9, 22]);
    }

    #[test]
    fn brackets_that_never_close_end_a_statement() {
        let text = format!("import (\n{}body\n", "x\n".repeat(300));
        assert!(shown(&text, "go", "y").is_empty());
    }
}
