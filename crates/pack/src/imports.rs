//! The lines that bring names into a file, where they say something of the
//! lines that are shown.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use wherein_core::words;

use crate::lines::Lines;

/// Imports stand at the top of a file; these many lines are looked at.
const TOP_LINES: u32 = 150;

const STARTS: &[&str] = &[
    "import ",
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
    "const",
    "let",
    "var",
    "local",
    "open",
    "qualified",
    "self",
    "super",
    "crate",
    "default",
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

/// Import lines among those before `shown` whose names occur in `text`.
pub(crate) fn used(lines: &Lines<'_>, shown: &RangeInclusive<u32>, text: &str) -> Vec<u32> {
    let used: HashSet<&str> = words::words(text).map(|(_, word)| word).collect();
    (1..=lines.count().min(TOP_LINES))
        .take_while(|number| number < shown.start())
        .filter(|number| {
            let line = lines.line(*number);
            is_import(line)
                && words::words(line)
                    .any(|(_, word)| !HOW.contains(&word) && word.len() > 1 && used.contains(word))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let lines = Lines::new(text);
        let used = |body: &str| used(&lines, &(10..=10), body);
        assert_eq!(used("os.urandom(Desk)"), [1, 3]);
        assert_eq!(used("fs.read(three)"), [4]);
        assert_eq!(used("fn f(r: Read)"), [7]);
        assert!(used("nothing of import from use").is_empty());
    }
}
