//! What a file calls, by its syntax tree: which names, and where.
//!
//! Grammars name the same things alike, so that one table serves all languages: what
//! kind of node is a call, and in which of its fields the called stands. The name is the
//! last part of what is called (`close` of `self.pool.close()`).

use tree_sitter::Node;
use wherein_core::{ByteRange, Language, caught, limits};

use crate::lines::Lines;
use crate::parse::{Deadline, parse};
use crate::{guard, languages};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// What is called, without what it belongs to.
    pub name: &'a str,
    /// Where the name stands.
    pub bytes: ByteRange,
    /// Line of the name, 1-based.
    pub line: u32,
}

/// Node kinds that call, and the fields that may hold what is called; of a node that has
/// none of them it is the first child.
const CALLS: &[(&str, &[&str])] = &[
    ("ambiguous_function_call_expression", &["function"]),
    ("application_expression", &["function"]),
    ("apply", &["function"]),
    ("apply_expression", &["function"]),
    ("broadcast_call_expression", &[]),
    ("call", &["method", "function", "target", "expr"]),
    ("call_expression", &["function"]),
    ("cascade_call_expression", &["property", "function"]),
    ("command", &["name"]),
    ("constructor_invocation", &["constructor", "type"]),
    ("decorator", &[]),
    ("func0op_call_expression", &["function"]),
    ("func1op_call_expression", &["function"]),
    ("function_call", &["name", "function"]),
    ("function_call_expression", &["function"]),
    ("invocation", &[]),
    ("invocation_expression", &["function"]),
    ("jsx_opening_element", &["name"]),
    ("jsx_self_closing_element", &["name"]),
    ("macro_invocation", &["macro"]),
    ("macrocall_expression", &[]),
    ("member_call_expression", &["name"]),
    ("message_expression", &["method"]),
    ("method_call_expression", &["method"]),
    ("method_invocation", &["name", "method"]),
    ("modifier_invocation", &[]),
    ("new_expression", &["constructor", "type", "name"]),
    ("normal_command", &[]),
    ("nullsafe_member_call_expression", &["name"]),
    ("object_creation_expression", &["type"]),
    ("scoped_call_expression", &["name"]),
    ("type_conversion_expression", &["type"]),
];

/// Fields that lead from an expression to the name at its end.
const LAST_PART: &[&str] = &[
    "field",
    "property",
    "attribute",
    "method",
    "member",
    "suffix",
    "name",
    "function",
    "fun",
    "right",
    "operand",
];

/// Levels of an expression that are looked into for its name.
const MAX_LEVELS: usize = 16;

/// A name without what stands around its letters: `valid?`, `save!` and `x'` go by those.
pub fn bare_name(name: &str) -> &str {
    name.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// What `text` calls, in order of the text; `None` where that cannot be told: it does not
/// parse, or holds code of another language.
///
/// The same stack is needed as for [`chunk`](crate::chunk()).
pub fn calls(text: &str, language: Language) -> Option<Vec<Call<'_>>> {
    let grammar = languages::grammar(language)?;
    if text.len() > limits::MAX_PARSE_BYTES || !grammar.spec.hosts.is_empty() {
        return None;
    }
    let lines = Lines::new(text);
    if guard::refusal(language, &lines).is_some() {
        return None;
    }
    let tree = parse(grammar, text, None, Deadline::start()).ok()?;
    let mut found = caught(|| {
        let mut found = Vec::new();
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            if let Some(name) = called(node) {
                found.extend(call(text, name));
            }
            if node.kind() == "token_tree" {
                of_tokens(text, node, &mut found);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return found;
                }
            }
        }
    })
    .ok()?;
    found.sort_by_key(|one| one.bytes.start);
    // `f x y` applies `f x`.
    found.dedup_by_key(|one| one.bytes.start);
    Some(found)
}

/// The arguments of a Rust macro are no syntax yet: a name before a parenthesis calls.
fn of_tokens<'a>(text: &'a str, tokens: Node<'_>, found: &mut Vec<Call<'a>>) {
    let mut cursor = tokens.walk();
    let mut before: Option<Node<'_>> = None;
    for token in tokens.children(&mut cursor) {
        let opens = text.as_bytes().get(token.start_byte()) == Some(&b'(');
        if token.kind() == "token_tree" && opens {
            let named = before.filter(|one| one.kind() == "identifier");
            found.extend(named.and_then(|one| name(text, one)));
        }
        before = Some(token);
    }
}

/// The node of what is called, if the node is a call.
fn called(node: Node<'_>) -> Option<Node<'_>> {
    if !node.is_named() {
        return None;
    }
    let at = CALLS
        .binary_search_by_key(&node.kind(), |(kind, _)| kind)
        .ok()?;
    let fields = CALLS.get(at)?.1;
    let mut by_field = fields
        .iter()
        .filter_map(|field| node.child_by_field_name(field));
    by_field.next().or_else(|| node.named_child(0))
}

/// The name at the end of what is called.
fn call<'a>(text: &'a str, called: Node<'_>) -> Option<Call<'a>> {
    let mut node = called;
    for _ in 0..MAX_LEVELS {
        if node.named_child_count() == 0 {
            return name(text, node);
        }
        let mut by_field = LAST_PART
            .iter()
            .filter_map(|field| node.child_by_field_name(field));
        node = by_field.next().or_else(|| last_part(node))?;
    }
    None
}

/// The last child that is not an argument.
fn last_part(node: Node<'_>) -> Option<Node<'_>> {
    let is_argument = |child: &Node<'_>| {
        let kind = child.kind();
        kind.contains("argument") || kind.contains("parameter") || kind.contains("comment")
    };
    let mut cursor = node.walk();
    let children = node.named_children(&mut cursor);
    children.filter(|child| !is_argument(child)).last()
}

fn name<'a>(text: &'a str, node: Node<'_>) -> Option<Call<'a>> {
    let whole = text.get(node.byte_range())?;
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = bare_name(whole);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !name.chars().all(|c| is_of_name(c) || c == '-') {
        return None;
    }
    let start = node.start_byte() + whole.find(name)?;
    Some(Call {
        name,
        bytes: ByteRange {
            start: start as u32,
            end: (start + name.len()) as u32,
        },
        line: node.start_position().row as u32 + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(CALLS.is_sorted_by_key(|(kind, _)| *kind));
    }

    #[test]
    fn calls_of_many_languages() {
        let mut missing = Vec::new();
        for (language, text, expected) in [
            (
                "rust",
                "fn f() { self.pool.close(); a::open::<T>(b); vec![x()]; assert_eq!(\"{}\", a::y(z.w(1))); }",
                "close open vec x assert_eq y w",
            ),
            (
                "python",
                "@app.route('/')\ndef f():\n    a.b.close(open(x))\n    Cls()\n",
                "route close open Cls",
            ),
            (
                "javascript",
                "f(a.g(1)); new Foo(); x?.y(); z`t`",
                "f g Foo y z",
            ),
            (
                "typescript",
                "f<T>(a); this.save(); new M.Foo<T>()",
                "f save Foo",
            ),
            (
                "tsx",
                "const a = <Page x={f()}><Nav.Item/></Page>",
                "Page f Item",
            ),
            (
                "go",
                "package a\nfunc f() { s.mu.Lock(); fmt.Println(g()) ; h[int](1) }",
                "Lock Println g h",
            ),
            (
                "java",
                "class A { void f() { a.b.run(x()); new Foo<T>(1); super.f(); } }",
                "run x Foo f",
            ),
            (
                "c",
                "int f(void) { s->open(1); return g(h(2)); }",
                "open g h",
            ),
            (
                "cpp",
                "void f() { a::b::run<int>(1); x.go(); auto p = new Foo(1); std::move(y); }",
                "run go Foo move",
            ),
            (
                "csharp",
                "class A { void F() { this.Run<int>(G()); new Foo(); } }",
                "Run G Foo",
            ),
            (
                "ruby",
                "def f\n  a.save!(g(1))\n  puts x\nend\n",
                "save g puts",
            ),
            (
                "php",
                "<?php f(1); $a->run(); A::make(); new Foo(); $b?->go();",
                "f run make Foo go",
            ),
            ("kotlin", "fun f() { a.b.run(g(1)); Foo() }", "run g Foo"),
            ("swift", "func f() { a.b.run(g(1)); Foo() }", "run g Foo"),
            (
                "scala",
                "object A { def f() = { a.run(g(1)); new Foo(2) } }",
                "run g",
            ),
            ("lua", "a.b.run(g(1)); c:go()", "run g go"),
            (
                "bash",
                "f() { build_all \"$(get_name x)\"; }",
                "build_all get_name",
            ),
            (
                "elixir",
                "defmodule A do\n  def f(x), do: Foo.bar(g(x))\nend",
                "bar g",
            ),
            ("zig", "fn f() void { a.b.run(g(1)); }", "run g"),
            ("haskell", "f x = run (g x) 2\n", "run g"),
            ("ocaml", "let f x = Foo.run (g x) 2", "run g"),
            ("erlang", "f(X) -> foo:run(g(X)).", "run g"),
            ("julia", "f(x) = run(A.g(x))\n", "run g"),
            ("r", "f <- function(x) run(a$g(x))", "run g"),
            ("dart", "void f() { a.b.run(g(1)); }", "run g"),
            ("perl", "sub f { run(g(1)); $a->go(2); }", "run g go"),
        ] {
            let parsed: Language = language.parse().expect("a language");
            let found = calls(text, parsed).expect("parses");
            for call in &found {
                assert_eq!(call.bytes.of(text), call.name, "{language}");
            }
            let names: Vec<&str> = found.iter().map(|call| call.name).collect();
            for name in expected.split(' ') {
                if !names.contains(&name) {
                    missing.push(format!("{language}: {name} is not in {names:?}"));
                }
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn lines_and_places_are_those_of_the_name() {
        let text = "fn f() {\n    self\n        .close();\n}\n";
        let found = calls(text, "rust".parse().expect("a language")).expect("parses");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name, found[0].line), ("close", 3));
    }

    #[test]
    fn what_cannot_be_parsed_is_told() {
        let of = |text: &str, language: &str| {
            let calls = calls(text, language.parse().expect("a language"));
            calls.map(|calls| calls.len())
        };
        assert_eq!(of("(((((", "rust"), Some(0));
        assert_eq!(of("f(x)", "text"), None);
        assert_eq!(of("<script>f(x)</script>", "vue"), None);
        assert_eq!(of(&" ".repeat(limits::MAX_PARSE_BYTES + 1), "rust"), None);
        assert_eq!(bare_name("valid?"), "valid");
    }
}
