//! What the tests share: the fixtures and a printable form of chunks.

use std::fmt::Write as _;

use wherein_chunk::{Chunked, Options, chunk};
use wherein_core::{Language, Symbol, limits};

macro_rules! fixtures {
    ($($name:literal $file:literal,)*) => {
        &[$(($name, include_str!(concat!("fixtures/", $file))),)*]
    };
}

/// Name of the language and a text that uses its definition forms.
pub(crate) const FIXTURES: &[(&str, &str)] = fixtures! {
    "bash" "bash.sh",
    "c" "c.c",
    "cmake" "cmake.cmake",
    "cpp" "cpp.cpp",
    "csharp" "csharp.cs",
    "css" "css.css",
    "dart" "dart.dart",
    "dockerfile" "dockerfile.dockerfile",
    "elixir" "elixir.ex",
    "erlang" "erlang.erl",
    "go" "go.go",
    "graphql" "graphql.graphql",
    "haskell" "haskell.hs",
    "hcl" "hcl.tf",
    "html" "html.html",
    "java" "java.java",
    "javascript" "javascript.js",
    "json" "json.json",
    "julia" "julia.jl",
    "kotlin" "kotlin.kt",
    "lua" "lua.lua",
    "make" "make.mk",
    "markdown" "markdown.md",
    "nix" "nix.nix",
    "ocaml" "ocaml.ml",
    "ocaml-interface" "ocaml-interface.mli",
    "perl" "perl.pl",
    "php" "php.php",
    "protobuf" "protobuf.proto",
    "python" "python.py",
    "r" "r.r",
    "ruby" "ruby.rb",
    "rust" "rust.rs",
    "scala" "scala.scala",
    "solidity" "solidity.sol",
    "sql" "sql.sql",
    "svelte" "svelte.svelte",
    "swift" "swift.swift",
    "toml" "toml.toml",
    "tsx" "tsx.tsx",
    "typescript" "typescript.ts",
    "vue" "vue.vue",
    "yaml" "yaml.yaml",
    "zig" "zig.zig",
};

/// Small enough that a fixture of fifty lines shows how chunks are cut and merged.
pub(crate) const SMALL: Options = Options {
    max_chunk_bytes: 400,
    merge_below_bytes: 100,
};

pub(crate) fn language(name: &str) -> Language {
    name.parse().unwrap()
}

/// Calls [`chunk`] with the stack that the grammars' scanners may need.
pub(crate) fn on_parse_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(limits::PARSE_STACK_BYTES)
            .spawn_scoped(scope, work)
            .unwrap()
            .join()
            .unwrap()
    })
}

/// One line for each chunk, one below it for each symbol:
/// `kind symbol breadcrumb Lstart-Lend`.
pub(crate) fn outline(text: &str, language: Language, options: &Options) -> String {
    let Chunked { chunks, skip } = chunk(text, language, options);
    let mut printed = String::new();
    if let Some((reason, detail)) = skip {
        writeln!(printed, "skip {reason}: {detail}").unwrap();
    }
    for chunk in &chunks {
        let symbol = chunk.symbol.as_deref().unwrap_or("-");
        let breadcrumb = if chunk.breadcrumb.is_empty() {
            "-"
        } else {
            &chunk.breadcrumb
        };
        write!(
            printed,
            "{} {symbol} {breadcrumb} L{}-{}",
            chunk.kind, chunk.span.start_line, chunk.span.end_line
        )
        .unwrap();
        if chunk.language != language {
            write!(printed, " [{}]", chunk.language).unwrap();
        }
        printed.push('\n');
        for symbol in &chunk.symbols {
            writeln!(printed, "    {}", symbol_line(symbol, text)).unwrap();
        }
    }
    printed
}

fn symbol_line(symbol: &Symbol, text: &str) -> String {
    let signature = symbol.signature.of(text);
    let mut lines = signature.lines();
    let first = lines.next().unwrap_or("");
    let more = if lines.next().is_some() { " ..." } else { "" };
    let doc = if symbol.doc.of(text).is_empty() {
        ""
    } else {
        " +doc"
    };
    format!(
        "{} {} L{}-{}{doc} | {first}{more}",
        symbol.kind, symbol.breadcrumb, symbol.span.start_line, symbol.span.end_line
    )
}
