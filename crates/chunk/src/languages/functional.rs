//! Tables of Haskell, OCaml, Elixir, Erlang and Nix.

use wherein_core::ChunkKind::{
    Class, Constant, Function, Impl, Interface, Macro, Method, Module, Struct, Test, Trait, Type,
    Variable,
};

use crate::spec::{Found, Site, Spec, by, by_child, by_field, child_of, named};

pub(super) static HASKELL: Spec = Spec {
    rules: &[
        by("signature", Function, haskell_binding).leaf(),
        by("function", Function, haskell_binding).leaf(),
        by("bind", Function, haskell_binding).leaf(),
        named("data_type", Type).leaf(),
        named("newtype", Type).leaf(),
        named("type_synonym", Type).leaf(),
        named("type_family", Type).leaf(),
        named("class", Trait),
        by("instance", Impl, |site| {
            let patterns = site.field_text("patterns").unwrap_or("");
            Found::name(format!("{} {patterns}", site.field_text("name")?))
        }),
    ],
    comments: &["comment", "haddock"],
    attributes: &["pragma"],
    bodies: &["class_declarations", "instance_declarations", "match"],
    clauses: true,
    ..Spec::EMPTY
};

fn haskell_binding(site: &Site<'_>) -> Option<Found> {
    let name = site.field_text("name").or_else(|| {
        let names = site.field_text("names")?;
        names.split(',').next()
    });
    if let Some(name) = name {
        return Found::name(name.trim());
    }
    // `a <+> b = ...` defines `(<+>)`.
    let operator = site.child(&["infix"])?.child_by_field_name("operator")?;
    Found::name(format!("({})", site.text_of(operator)))
}

pub(super) static OCAML: Spec = Spec {
    rules: &[
        by("let_binding", Function, ocaml_binding),
        by_child("module_binding", Module, &["module_name"]),
        by_child("module_type_definition", Interface, &["module_type_name"]),
        named("type_binding", Type).leaf(),
        by("exception_definition", Type, |site| {
            let constructor = site.child(&["constructor_declaration"])?;
            let name = child_of(constructor, &["constructor_name"])?;
            Found::name(site.text_of(name))
        })
        .leaf(),
        by_child(
            "external",
            Function,
            &["value_name", "parenthesized_operator"],
        )
        .leaf(),
        by("value_specification", Function, |site| {
            let name = site.child(&["value_name", "parenthesized_operator"])?;
            let takes = site
                .field("type")
                .is_some_and(|of| of.kind() == "function_type");
            Found::with_kind(site.text_of(name), if takes { Function } else { Constant })
        })
        .leaf(),
        by_child("class_binding", Class, &["class_name"]),
        by_child("class_type_binding", Interface, &["class_type_name"]),
        by_child("method_definition", Method, &["method_name"]).leaf(),
    ],
    attributes: &["floating_attribute"],
    wrappers: &[
        "module_definition",
        "class_definition",
        "class_type_definition",
    ],
    groups: &["value_definition", "type_definition"],
    ..Spec::EMPTY
};

/// Bindings of a module; those inside a function are steps of it.
fn ocaml_binding(site: &Site<'_>) -> Option<Found> {
    let pattern = site.field("pattern")?;
    let is_named = matches!(pattern.kind(), "value_name" | "parenthesized_operator");
    if site.in_function || !is_named {
        return None;
    }
    let takes = child_of(site.node, &["parameter"]).is_some()
        || site
            .field("body")
            .is_some_and(|body| matches!(body.kind(), "fun_expression" | "function_expression"));
    Found::with_kind(
        site.text_of(pattern),
        if takes { Function } else { Constant },
    )
}

pub(super) static ELIXIR: Spec = Spec {
    rules: &[by("call", Function, elixir_call)],
    notes: &["unary_operator"],
    is_note: |site| {
        let text = site.text_of(site.node);
        [
            "doc",
            "spec",
            "impl",
            "typedoc",
            "since",
            "deprecated",
            "tag",
            "dialyzer",
        ]
        .iter()
        .any(|name| {
            text.strip_prefix('@')
                .and_then(|text| text.strip_prefix(name))
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        })
    },
    bodies: &["do_block"],
    clauses: true,
    ..Spec::EMPTY
};

fn elixir_call(site: &Site<'_>) -> Option<Found> {
    let target = site.field("target")?;
    if target.kind() != "identifier" {
        return None;
    }
    let kind = match site.text_of(target) {
        "def" | "defp" | "defdelegate" => Function,
        "defmacro" | "defmacrop" | "defguard" | "defguardp" => Macro,
        "defmodule" => Module,
        "defprotocol" => Interface,
        "defimpl" => Impl,
        "test" | "describe" | "property" => Test,
        _ => return None,
    };
    let arguments = site.child(&["arguments"])?;
    let mut named = arguments.named_child(0)?;
    if kind == Test {
        child_of(site.node, &["do_block"])?;
        return Found::with_kind(site.text_of(named).trim_matches('"'), kind);
    }
    // `login(user) when is_map(user)` is `login`.
    for _ in 0..4 {
        let inner = match named.kind() {
            "binary_operator" => named.child_by_field_name("left"),
            "call" => named.child_by_field_name("target"),
            _ => None,
        };
        match inner {
            Some(inner) => named = inner,
            None => break,
        }
    }
    let mut name = site.text_of(named).to_owned();
    if kind == Impl
        && let Some(of) = site.text_of(arguments).split("for:").nth(1)
    {
        name = format!("{name} for {}", of.trim().trim_end_matches(')'));
    }
    // Functions of a module are functions, those of a protocol its methods.
    Found::with_kind(name, kind)
}

pub(super) static ERLANG: Spec = Spec {
    rules: &[
        by("fun_decl", Function, |site| {
            let clause = site.field("clause")?;
            Found::name(site.text_of(clause.child_by_field_name("name")?))
        })
        .leaf(),
        by_field("spec", Function, "fun").leaf(),
        by_field("callback", Function, "fun").leaf(),
        named("record_decl", Struct).leaf(),
        by("type_alias", Type, erlang_type).leaf(),
        by("opaque", Type, erlang_type).leaf(),
        by("pp_define", Macro, |site| {
            let left = site.field("lhs")?;
            Found::name(site.text_of(left.child_by_field_name("name")?))
        })
        .leaf(),
    ],
    bodies: &["clause_body"],
    clauses: true,
    is_test: |head| head.name.ends_with("_test") || head.name.ends_with("_test_"),
    ..Spec::EMPTY
};

fn erlang_type(site: &Site<'_>) -> Option<Found> {
    let name = site.field("name")?;
    Found::name(site.text_of(name.child_by_field_name("name").unwrap_or(name)))
}

pub(super) static NIX: Spec = Spec {
    rules: &[by("binding", Variable, |site| {
        let value = site.field("expression")?;
        let multi_line = value.start_position().row != value.end_position().row;
        if site.enclosing.is_some() && !multi_line {
            return None;
        }
        let kind = match value.kind() {
            "function_expression" => Function,
            "string_expression" | "integer_expression" => Constant,
            _ => Variable,
        };
        Found::with_kind(site.field_text("attrpath")?, kind)
    })],
    ..Spec::EMPTY
};
