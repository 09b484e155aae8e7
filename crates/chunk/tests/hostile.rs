//! Texts made to hurt a parser: each returns, whole, within its limits.

use std::fmt::Write as _;

use wherein_chunk::{Chunked, Options, chunk};
use wherein_core::{ChunkKind, Language, SkipReason, limits};

use crate::invariants::check;
use crate::support::{FIXTURES, language, on_parse_stack};

/// Chunks on the stack that the caller has promised.
fn chunked(text: &str, language: Language) -> Chunked {
    on_parse_stack(|| chunk(text, language, &Options::default()))
}

/// All lines are there, whether the parse came to its end or was ended.
fn survives(text: &str, language: Language) {
    let Chunked { chunks, skip } = chunked(text, language);
    assert!(skip.is_none_or(|(reason, _)| reason.is_partial()));
    let last = chunks.last().map_or(0, |chunk| chunk.span.end_line);
    assert_eq!(last as usize, text.trim_end().lines().count(), "{language}");
}

#[test]
fn deep_nesting_ends() {
    let parens = "(".repeat(limits::MAX_PARSE_BYTES);
    for language in [
        Language::Rust,
        Language::JavaScript,
        Language::C,
        Language::OCaml,
    ] {
        survives(&parens, language);
    }
    let brackets = "[".repeat(100_000);
    let braces = "{\n".repeat(100_000);
    for (name, _) in FIXTURES {
        for text in [&parens[..100_000], &brackets, &braces] {
            survives(text, language(name));
        }
    }
}

#[test]
fn deeply_nested_definitions_end() {
    let functions = "function f() {\n".repeat(40_000);
    survives(&functions, Language::JavaScript);
    survives(&"def f():\n".repeat(40_000), Language::Python);
    survives(&"mod m {\n".repeat(100_000), Language::Rust);
    survives(&"<div id=a>\n".repeat(50_000), Language::Html);
    let deep: String = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    survives(&deep[..60_000], Language::Yaml);
    survives(&"> ".repeat(50_000), Language::Markdown);
}

#[test]
fn comment_bombs_end() {
    let bomb = "(*".repeat(400_000);
    survives(&bomb, Language::OCaml);
    survives(&bomb, Language::OCamlInterface);
    survives(&"/*".repeat(400_000), Language::Swift);
    survives(&"{-".repeat(400_000), Language::Haskell);
    survives(&"\"${".repeat(200_000), Language::Nix);
}

/// Languages whose scanner saves a stack of what is open.
const KEEPS_STATE: &[&str] = &[
    "bash",
    "cpp",
    "csharp",
    "dockerfile",
    "haskell",
    "hcl",
    "html",
    "lua",
    "markdown",
    "ocaml",
    "perl",
    "php",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "sql",
    "yaml",
];

/// Scanners save their state in 1024 bytes; some abort the process when the
/// text makes it larger. If one of these is not refused, this test run dies.
#[test]
fn scanners_are_not_made_to_abort_the_process() {
    let deeper = |line: &str| -> String {
        (0..900)
            .map(|depth| format!("{}{line}\n", " ".repeat(depth)))
            .collect()
    };
    for name in KEEPS_STATE {
        for line in [
            "a:",
            "- - - - a:",
            "if a: 'b'",
            "f'{a'",
            "do",
            "{",
            "def f = {",
            "where a",
        ] {
            survives(&deeper(line), language(name));
        }
    }
    survives(&"- ".repeat(3000), Language::Yaml);
    survives(&"? ".repeat(3000), Language::Yaml);
    let words: Vec<String> = (0..300).map(|word| format!("WORD{word}")).collect();
    let long = "W".repeat(2000);
    for name in KEEPS_STATE {
        for start in ["<<", "<<~", "<<'", "R\"", "$", "<", "qq<"] {
            let mut many = String::from("cat f ");
            for word in &words {
                write!(many, "{start}{word} ").unwrap();
            }
            survives(&many, language(name));
            survives(
                &format!("{many}\nbody\n{}\n", words.join("\n")),
                language(name),
            );
            survives(
                &format!("x = f {start}{long}\nbody\n{long}\n"),
                language(name),
            );
            let nested: String = words
                .iter()
                .map(|word| format!("a {start}{word}\n#{{"))
                .collect();
            survives(&nested, language(name));
        }
    }
}

#[test]
fn one_endless_line_is_one_chunk() {
    let mut line = "function f(){return[1,2,{a:b}]};".repeat(limits::MAX_PARSE_BYTES / 32);
    line.truncate(limits::MAX_PARSE_BYTES);
    let Chunked { chunks, .. } = chunked(&line, Language::JavaScript);
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].span.bytes.end as usize, line.len());
}

#[test]
fn what_is_too_large_to_parse_is_cut_by_lines_and_says_so() {
    let text = "fn f() {\n    call();\n}\n\n".repeat((3 << 20) / 24);
    let Chunked { chunks, skip } = chunked(&text, Language::Rust);
    let (reason, detail) = skip.unwrap();
    assert_eq!(reason, SkipReason::TooLargeToParse);
    assert!(detail.contains("bytes"), "{detail}");
    assert!(chunks.len() > 1000);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.kind == ChunkKind::Code && chunk.symbols.is_empty())
    );
    check(&text, Language::Rust, &Options::default());
}

#[test]
fn large_data_is_cut_by_lines_and_says_so() {
    let text = format!("[\n{}]\n", "{\"a\": 1},\n".repeat(8000));
    let Chunked { chunks, skip } = chunked(&text, Language::Json);
    let (reason, detail) = skip.unwrap();
    assert_eq!(reason, SkipReason::TooLargeToParse);
    assert!(detail.contains("65536"), "{detail}");
    assert!(chunks.iter().all(|chunk| chunk.kind == ChunkKind::Text));
    check(&text, Language::Json, &Options::default());
}

#[test]
fn texts_without_text_have_no_chunks() {
    for language in Language::all() {
        for text in [
            "",
            "\n",
            "\n\n \t\n\u{c}\n",
            "\r",
            "\r\r\r\r",
            "\r\n\r\n",
            "\u{2028}\u{a0}",
        ] {
            assert_eq!(
                chunked(text, language),
                Chunked::default(),
                "{language} {text:?}"
            );
        }
    }
}

#[test]
fn control_characters_are_text() {
    let options = Options::default();
    for (name, text) in FIXTURES {
        let language = language(name);
        check(&text.replace(' ', "\0"), language, &options);
        check(&text.replace('\n', "\r"), language, &options);
        check(&"\0\n".repeat(1000), language, &options);
    }
}

#[test]
fn more_chunks_than_a_file_may_have_become_one_long_last() {
    let text = "a\n".repeat(limits::MAX_CHUNKS_PER_FILE + 5);
    let options = Options {
        max_chunk_bytes: 1,
        merge_below_bytes: 0,
    };
    let Chunked { chunks, .. } = chunk(&text, Language::Text, &options);
    assert_eq!(chunks.len(), limits::MAX_CHUNKS_PER_FILE);
    assert_eq!(
        chunks.last().unwrap().span.end_line as usize,
        text.lines().count()
    );
}

#[test]
fn a_parser_that_was_stopped_serves_the_next_file() {
    on_parse_stack(|| {
        let bomb = "[".repeat(limits::MAX_PARSE_BYTES);
        for (name, text) in &FIXTURES[..8] {
            let before = chunk(text, language(name), &Options::default());
            chunk(&bomb, language(name), &Options::default());
            assert_eq!(
                chunk(text, language(name), &Options::default()),
                before,
                "{name}"
            );
        }
    });
}

/// Texts that killed the process or kept a parser for ever, each in its way.
#[test]
fn texts_that_killed_a_parser_no_longer_do() {
    // Errors within errors, over so many lines that their cost overflows.
    let nested = |open: &str, close: &str, times: usize| {
        let lines = 1_040_000 / times - open.len() - close.len();
        let (before, after) = (lines / 10, lines - lines / 10);
        format!(
            "{}x{}",
            format!("{}{open}", "\n".repeat(before)).repeat(times),
            format!("{}{close}", "\n".repeat(after)).repeat(times)
        )
    };
    for name in [
        "rust",
        "typescript",
        "tsx",
        "javascript",
        "csharp",
        "cpp",
        "zig",
        "php",
        "kotlin",
    ] {
        survives(&nested("@a(", "@x)", 1000), language(name));
    }
    survives(&nested("a(", "@x)", 1000), Language::Ruby);
    survives(&nested("a(", "}[:>", 1400), Language::C);
    survives(&nested("for(", ")=", 900), Language::Java);

    let rising =
        |line: &dyn Fn(usize) -> String, count: usize| -> String { (0..count).map(line).collect() };
    let spaces = |count: usize| " ".repeat(count);
    let python = [
        rising(&|i| format!("#\n{}if x:\n", spaces(i)), 511) + &spaces(511) + "\"a\"\n",
        rising(
            &|i| format!("{}{}if x:\n", "\t".repeat(i + 1), spaces(599 - i)),
            599,
        ) + &"\t".repeat(600)
            + "a = \"x\"\n",
        format!(
            "x = f\"{{ ) \n{}",
            rising(&|i| format!("{}) x $\n}}\n", spaces(i + 1)), 539)
        ),
    ];
    for text in &python {
        survives(text, Language::Python);
    }
    for text in [
        format!("... {}x\n", "- ".repeat(254)),
        rising(&|i| format!("#\n{}a:\n", spaces(i)), 254),
        rising(&|i| format!("{}a:\r", spaces(i)), 300),
    ] {
        survives(&text, Language::Yaml);
    }
    let long = "B".repeat(100);
    let short = "B".repeat(78);
    let inside = format!("f(<<{long})\n{long}\n").repeat(9);
    for text in [
        format!("<<\"\n{}\"\n", "W".repeat(255)),
        format!("x = <<A\n#{{\n{inside}f(<<{short})\n{short}\n}}\nA\n"),
    ] {
        survives(&text, Language::Ruby);
    }
    for text in [
        "class A\n@b",
        "val x = 1\n@foo",
        "val x = 1\n@foo(",
        "val x = 1\r@foo(\r",
    ] {
        survives(text, Language::Kotlin);
    }
    for text in ["print <<A;\n$x foo", "print <<A;\n$x[0]", "print <<A;\n\\"] {
        survives(text, Language::Perl);
    }
    let mut quotes = "x".to_owned();
    for _ in 0..44 {
        quotes = format!("@{{[ qq{{{quotes}}} ]}}");
    }
    survives(
        &format!("print <<A, s{{x}}\n{quotes}\nA\n{{y}};\n"),
        Language::Perl,
    );
    survives(
        &format!("DO ${}$\n{}", "a".repeat(1000), "select 1;\n".repeat(6000)),
        Language::Sql,
    );
}

/// Repeats of every pair of words of a fixture, flat, by line and ever deeper.
/// Some scanners abort the whole process on such; run it for one language after
/// a grammar changes: `SOAK=ruby cargo test -p wherein-chunk soak -- --ignored`.
#[test]
#[ignore = "minutes long"]
fn soak() {
    let wanted = std::env::var("SOAK").unwrap_or_default();
    for (name, text) in FIXTURES.iter().filter(|(name, _)| *name == wanted) {
        let mut words: Vec<&str> = text
            .split_inclusive(|c: char| !c.is_alphanumeric())
            .flat_map(|word| {
                let at = word.len() - word.chars().next_back().map_or(0, char::len_utf8);
                [&word[..at], &word[at..]]
            })
            .chain([
                "\"", "'", "`", "<<", "<<~", "#{", "${", "${{", "$(", "{{", "f\"", "r#\"", "- ",
                "? ", "> ", "<a>", "<", "=", "%(", "|",
            ])
            .filter(|word| !word.trim().is_empty())
            .collect();
        words.sort_unstable();
        words.dedup();
        for first in &words {
            for second in &words {
                for separator in ["", " ", "\n"] {
                    let unit = format!("{first}{separator}{second}{separator}");
                    on_parse_stack(|| {
                        chunk(&unit.repeat(600), language(name), &Options::default())
                    });
                }
                let deeper: String = (0..600)
                    .map(|depth| format!("{}{first} {second}\n", " ".repeat(depth)))
                    .collect();
                on_parse_stack(|| chunk(&deeper, language(name), &Options::default()));
            }
        }
    }
}
