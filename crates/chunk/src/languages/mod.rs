//! Which grammar and which table a language has.
//!
//! A table is data: node kinds, what they define, where the name is. What does
//! not fit a table is a small function beside it.

mod config;
mod dotnet_jvm;
mod functional;
mod javascript;
mod markup;
mod mobile;
mod schema;
mod scripting;
mod shell;
mod statistics;
mod systems;

use std::sync::OnceLock;

use tree_sitter::Language as TreeSitterLanguage;
use wherein_core::Language;

use crate::grammar::Grammar;
use crate::spec::Spec;

/// The grammar of a language, made on first use; `None` for what is cut by lines.
pub(crate) fn grammar(language: Language) -> Option<&'static Grammar> {
    static GRAMMARS: [OnceLock<Grammar>; SLOTS] = [const { OnceLock::new() }; SLOTS];
    let (function, spec) = table(language)?;
    let slot = language as usize;
    let cell = GRAMMARS.get(slot)?;
    Some(cell.get_or_init(|| Grammar::new(slot, &function(), spec)))
}

/// More than there are languages.
const SLOTS: usize = 128;

type Function = fn() -> TreeSitterLanguage;

/// The grammar's function and the table.
pub(crate) fn table(language: Language) -> Option<(Function, &'static Spec)> {
    let entry: (Function, &'static Spec) = match language {
        Language::Rust => (|| tree_sitter_rust::LANGUAGE.into(), &systems::RUST),
        Language::C => (|| tree_sitter_c::LANGUAGE.into(), &systems::C),
        Language::Cpp => (|| tree_sitter_cpp::LANGUAGE.into(), &systems::CPP),
        Language::Go => (|| tree_sitter_go::LANGUAGE.into(), &systems::GO),
        Language::Zig => (|| tree_sitter_zig::LANGUAGE.into(), &systems::ZIG),
        Language::Java => (|| tree_sitter_java::LANGUAGE.into(), &dotnet_jvm::JAVA),
        Language::CSharp => (
            || tree_sitter_c_sharp::LANGUAGE.into(),
            &dotnet_jvm::C_SHARP,
        ),
        Language::Scala => (|| tree_sitter_scala::LANGUAGE.into(), &dotnet_jvm::SCALA),
        Language::Kotlin => (|| tree_sitter_kotlin_ng::LANGUAGE.into(), &mobile::KOTLIN),
        Language::Swift => (|| tree_sitter_swift::LANGUAGE.into(), &mobile::SWIFT),
        Language::Dart => (|| tree_sitter_dart::LANGUAGE.into(), &mobile::DART),
        Language::JavaScript => (
            || tree_sitter_javascript::LANGUAGE.into(),
            &javascript::JAVASCRIPT,
        ),
        Language::TypeScript => (
            || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            &javascript::TYPESCRIPT,
        ),
        Language::Tsx => (
            || tree_sitter_typescript::LANGUAGE_TSX.into(),
            &javascript::TYPESCRIPT,
        ),
        Language::Python | Language::Bazel => {
            (|| tree_sitter_python::LANGUAGE.into(), &scripting::PYTHON)
        }
        Language::Ruby => (|| tree_sitter_ruby::LANGUAGE.into(), &scripting::RUBY),
        Language::Php => (|| tree_sitter_php::LANGUAGE_PHP.into(), &scripting::PHP),
        Language::Perl => (|| ts_parser_perl::LANGUAGE.into(), &scripting::PERL),
        Language::Lua => (|| tree_sitter_lua::LANGUAGE.into(), &scripting::LUA),
        Language::Haskell => (
            || tree_sitter_haskell::LANGUAGE.into(),
            &functional::HASKELL,
        ),
        Language::OCaml => (
            || tree_sitter_ocaml::LANGUAGE_OCAML.into(),
            &functional::OCAML,
        ),
        Language::OCamlInterface => (
            || tree_sitter_ocaml::LANGUAGE_OCAML_INTERFACE.into(),
            &functional::OCAML,
        ),
        Language::Elixir => (|| tree_sitter_elixir::LANGUAGE.into(), &functional::ELIXIR),
        Language::Erlang => (|| tree_sitter_erlang::LANGUAGE.into(), &functional::ERLANG),
        Language::Nix => (|| tree_sitter_nix::LANGUAGE.into(), &functional::NIX),
        Language::R => (|| tree_sitter_r::LANGUAGE.into(), &statistics::R),
        Language::Julia => (|| tree_sitter_julia::LANGUAGE.into(), &statistics::JULIA),
        Language::Bash => (|| tree_sitter_bash::LANGUAGE.into(), &shell::BASH),
        Language::Dockerfile => (
            || tree_sitter_containerfile::LANGUAGE.into(),
            &shell::DOCKERFILE,
        ),
        Language::Make => (|| tree_sitter_make::LANGUAGE.into(), &shell::MAKE),
        Language::CMake => (|| tree_sitter_cmake::LANGUAGE.into(), &shell::CMAKE),
        Language::Sql => (|| tree_sitter_sequel::LANGUAGE.into(), &schema::SQL),
        Language::Protobuf => (|| tree_sitter_proto::LANGUAGE.into(), &schema::PROTOBUF),
        Language::GraphQl => (|| tree_sitter_graphql::LANGUAGE.into(), &schema::GRAPHQL),
        Language::Solidity => (|| tree_sitter_solidity::LANGUAGE.into(), &schema::SOLIDITY),
        Language::Html | Language::Vue => (|| tree_sitter_html::LANGUAGE.into(), &markup::HTML),
        Language::Svelte => (|| tree_sitter_svelte_ng::LANGUAGE.into(), &markup::SVELTE),
        Language::Css => (|| tree_sitter_css::LANGUAGE.into(), &markup::CSS),
        Language::Markdown => (|| tree_sitter_md::LANGUAGE.into(), &markup::MARKDOWN),
        Language::Json => (|| tree_sitter_json::LANGUAGE.into(), &config::JSON),
        Language::Yaml => (|| tree_sitter_yaml::LANGUAGE.into(), &config::YAML),
        Language::Toml => (|| tree_sitter_toml_ng::LANGUAGE.into(), &config::TOML),
        Language::Hcl => (|| tree_sitter_hcl::LANGUAGE.into(), &config::HCL),
        _ => return None,
    };
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_names_only_nodes_that_its_grammar_has() {
        assert!(Language::all().all(|language| (language as usize) < SLOTS));
        let mut unknown = Vec::new();
        for language in Language::all() {
            let Some((function, spec)) = table(language) else {
                continue;
            };
            // Two grammars share these tables; a kind must be in one of them.
            let others = match language {
                Language::OCaml => Some(Language::OCamlInterface),
                Language::OCamlInterface => Some(Language::OCaml),
                _ => None,
            };
            let mut grammars = vec![function()];
            grammars.extend(others.and_then(table).map(|(function, _)| function()));
            let lists = [
                spec.comments,
                spec.attributes,
                spec.modifiers,
                spec.wrappers,
                spec.groups,
                spec.open_ended,
                spec.heads,
                spec.inward,
                spec.bodies,
                spec.notes,
                spec.hosts,
            ];
            let listed = lists.into_iter().flatten().copied();
            for kind in listed.chain(spec.rules.iter().map(|rule| rule.node)) {
                if !grammars
                    .iter()
                    .any(|grammar| grammar.id_for_node_kind(kind, true) != 0)
                {
                    unknown.push(format!("{language}: {kind}"));
                }
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
    }

    /// Prints the tree of the file in `TREE` (language by its name): a help for
    /// writing tables. `TREE=a.rs cargo test -p wherein-chunk dump -- --ignored --nocapture`
    #[test]
    #[ignore = "a tool, not a test"]
    #[allow(clippy::print_stdout, clippy::unwrap_used, reason = "its purpose")]
    fn dump_tree() {
        let path = std::env::var("TREE").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = std::path::Path::new(&path).file_name().unwrap();
        let language = Language::detect(name.to_str().unwrap(), &text);
        let grammar = grammar(language).unwrap();
        let deadline = crate::parse::Deadline::start();
        let tree = crate::parse::parse(grammar, &text, None, deadline).unwrap();
        let mut cursor = tree.walk();
        let mut depth = 0;
        loop {
            let node = cursor.node();
            if node.is_named() {
                let field = cursor
                    .field_name()
                    .map_or(String::new(), |name| format!("{name}: "));
                let line = text[node.byte_range()].lines().next().unwrap_or("");
                let line: String = line.chars().take(50).collect();
                println!(
                    "{:3} {}{field}{} `{line}`",
                    node.start_position().row + 1,
                    "  ".repeat(depth),
                    node.kind(),
                );
            }
            if cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                depth -= 1;
            }
        }
    }
}
