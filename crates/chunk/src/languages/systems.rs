//! Tables of Rust, C, C++, Go and Zig.

use tree_sitter::Node;
use wherein_core::ChunkKind::{
    Constant, Enum, Function, Impl, Interface, Macro, Method, Module, Struct, Test, Trait, Type,
    Variable,
};

use crate::spec::{Found, Head, Rule, Site, Spec, by, child_of, named};

pub(super) static RUST: Spec = Spec {
    rules: &[
        named("function_item", Function),
        named("function_signature_item", Function),
        named("struct_item", Struct).leaf(),
        named("enum_item", Enum).leaf(),
        named("union_item", Struct).leaf(),
        named("trait_item", Trait),
        by("impl_item", Impl, rust_impl),
        by("mod_item", Module, rust_module),
        named("const_item", Constant).leaf(),
        named("static_item", Constant).leaf(),
        named("type_item", Type).leaf(),
        named("macro_definition", Macro).leaf(),
    ],
    comments: &["line_comment", "block_comment"],
    attributes: &["attribute_item", "inner_attribute_item"],
    bodies: &["macro_rule"],
    is_test: rust_test,
    ..Spec::EMPTY
};

fn rust_impl(site: &Site<'_>) -> Option<Found> {
    let written = site.field_text("type")?;
    // Members are told by the bare type: `Session::login`, not `Session<T>::login`.
    let bare = written.split('<').next().unwrap_or(written).trim();
    let name = match site.field_text("trait") {
        Some(implemented) => format!("{implemented} for {written}"),
        None => written.to_owned(),
    };
    Some(Found {
        name,
        inside: Some(bare.to_owned()).filter(|bare| !bare.is_empty()),
        ..Found::default()
    })
}

/// `mod x;` defines nothing here.
fn rust_module(site: &Site<'_>) -> Option<Found> {
    site.field("body")?;
    Found::name(site.field_text("name")?)
}

fn rust_test(head: &Head<'_>) -> bool {
    head.in_tests
        || head.attributes.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("#[") && (line.contains("test]") || line.contains("test("))
        })
}

pub(super) static GO: Spec = Spec {
    rules: &[
        named("function_declaration", Function),
        by("method_declaration", Method, go_method),
        by("type_spec", Type, go_type).leaf(),
        named("type_alias", Type).leaf(),
        by("const_spec", Constant, first_identifier).leaf(),
        by("var_spec", Variable, first_identifier).leaf(),
    ],
    groups: &[
        "const_declaration",
        "var_declaration",
        "type_declaration",
        "var_spec_list",
    ],
    bodies: &["field_declaration_list", "method_elem"],
    is_test: |head| {
        ["Test", "Benchmark", "Fuzz", "Example"]
            .iter()
            .any(|start| {
                head.name
                    .strip_prefix(start)
                    .is_some_and(|rest| !rest.starts_with(char::is_lowercase))
            })
    },
    ..Spec::EMPTY
};

fn go_method(site: &Site<'_>) -> Option<Found> {
    let receiver = site.field_text("receiver")?;
    // `(s *Server[T])` is `Server`.
    let written = receiver
        .trim_matches(['(', ')'])
        .rsplit([' ', '*'])
        .next()?;
    let bare = written.split('[').next()?.trim();
    Found::scoped(site.field_text("name")?, bare)
}

fn go_type(site: &Site<'_>) -> Option<Found> {
    let kind = match site.field("type")?.kind() {
        "struct_type" => Struct,
        "interface_type" => Interface,
        _ => Type,
    };
    Found::with_kind(site.field_text("name")?, kind)
}

fn first_identifier(site: &Site<'_>) -> Option<Found> {
    Found::name(site.text_of(site.child(&["identifier"])?))
}

const C_RULES: &[Rule] = &[
    by("function_definition", Function, c_declared),
    by("declaration", Function, c_declaration),
    by("struct_specifier", Struct, with_body).leaf(),
    by("union_specifier", Struct, with_body).leaf(),
    by("enum_specifier", Enum, with_body).leaf(),
    by("type_definition", Type, c_typedef).leaf(),
    named("preproc_function_def", Macro).leaf(),
    by("preproc_def", Constant, c_define).leaf(),
];

pub(super) static C: Spec = Spec {
    rules: C_RULES,
    bodies: &["field_declaration_list", "enumerator_list"],
    attributes: &["attribute_declaration"],
    ..Spec::EMPTY
};

pub(super) static CPP: Spec = Spec {
    rules: &[
        C_RULES[0],
        by("declaration", Function, c_declaration),
        by("field_declaration", Function, c_declaration),
        by("class_specifier", wherein_core::ChunkKind::Class, with_body),
        by("struct_specifier", Struct, with_body),
        by("union_specifier", Struct, with_body),
        by("enum_specifier", Enum, with_body).leaf(),
        by("type_definition", Type, c_typedef).leaf(),
        named("alias_declaration", Type).leaf(),
        named("concept_definition", Trait).leaf(),
        named("namespace_definition", Module),
        named("preproc_function_def", Macro).leaf(),
        by("preproc_def", Constant, c_define).leaf(),
    ],
    wrappers: &["template_declaration"],
    attributes: &["attribute_declaration"],
    bodies: &[
        "field_declaration_list",
        "enumerator_list",
        "field_initializer_list",
    ],
    is_test: |head| matches!(head.name, "TEST" | "TEST_F" | "TEST_P" | "TEST_CASE"),
    ..Spec::EMPTY
};

/// A type that is only mentioned (`struct a *b`) is no definition.
fn with_body(site: &Site<'_>) -> Option<Found> {
    site.field("body")?;
    Found::name(site.field_text("name")?)
}

/// Header guards and flags say nothing; a value makes a constant.
fn c_define(site: &Site<'_>) -> Option<Found> {
    site.field("value")?;
    Found::name(site.field_text("name")?)
}

fn c_typedef(site: &Site<'_>) -> Option<Found> {
    let declarator = innermost(site.field("declarator")?);
    let of = site.field("type")?;
    let kind = match (of.kind(), of.child_by_field_name("body")) {
        ("struct_specifier" | "union_specifier", Some(_)) => Struct,
        ("enum_specifier", Some(_)) => Enum,
        _ => Type,
    };
    Found::with_kind(site.text_of(declarator), kind)
}

/// The declared name at the end of nested declarators (`*(*f)(int)`).
fn innermost(declarator: Node<'_>) -> Node<'_> {
    let mut node = declarator;
    for _ in 0..16 {
        let inner = node.child_by_field_name("declarator").or_else(|| {
            matches!(
                node.kind(),
                "parenthesized_declarator" | "reference_declarator" | "attributed_declarator"
            )
            .then(|| node.named_child(0))
            .flatten()
        });
        match inner {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

fn c_declared(site: &Site<'_>) -> Option<Found> {
    let declarator = site.field("declarator")?;
    let name = site.text_of(innermost(declarator));
    // A macro that looks like a function (`TEST(Suite, Name) {`) has no type.
    if site.field("type").is_none()
        && let Some(parameters) = declarator.child_by_field_name("parameters")
        && name.starts_with("TEST")
    {
        let named = site.text_of(parameters).trim_matches(['(', ')']);
        let name = named
            .split(',')
            .map(|part| part.trim().trim_matches('"'))
            .collect::<Vec<_>>();
        return Found::with_kind(name.join("."), Test);
    }
    // Out of line: `Session::login` is `login` of `Session`.
    match name.rsplit_once("::") {
        Some((scope, name)) => Some(Found {
            name: name.to_owned(),
            kind: Some(Method),
            scope: Some(scope.split('<').next().unwrap_or(scope).to_owned())
                .filter(|scope| !scope.is_empty()),
            inside: None,
        }),
        None => Found::name(name),
    }
}

/// Prototypes, and variables at the outermost level.
fn c_declaration(site: &Site<'_>) -> Option<Found> {
    if site.in_function {
        return None;
    }
    let declarator = site.field("declarator")?;
    let mut node = declarator;
    for _ in 0..16 {
        if node.kind() == "function_declarator" {
            return Found::name(site.text_of(innermost(node)));
        }
        match node.child_by_field_name("declarator") {
            Some(inner) => node = inner,
            None => break,
        }
    }
    let is_field = site.node.kind() == "field_declaration";
    let has_value = declarator.kind() == "init_declarator";
    (has_value && !is_field)
        .then(|| Found::with_kind(site.text_of(innermost(declarator)), Variable))
        .flatten()
}

pub(super) static ZIG: Spec = Spec {
    rules: &[
        named("function_declaration", Function),
        by("variable_declaration", Constant, zig_variable),
        by("test_declaration", Test, zig_test).leaf(),
    ],
    ..Spec::EMPTY
};

fn zig_variable(site: &Site<'_>) -> Option<Found> {
    let name = site.text_of(site.child(&["identifier"])?);
    let container = child_of(
        site.node,
        &[
            "struct_declaration",
            "enum_declaration",
            "union_declaration",
            "opaque_declaration",
        ],
    );
    let kind = match container.map(|node| node.kind()) {
        Some("enum_declaration") => Enum,
        Some(_) => Struct,
        None if site.text_of(site.node).contains("@import(") => return None,
        None => Constant,
    };
    if site.in_function && kind == Constant {
        return None;
    }
    Found::with_kind(name, kind)
}

fn zig_test(site: &Site<'_>) -> Option<Found> {
    let name = site.child(&["string", "identifier"])?;
    Found::name(site.text_of(name).trim_matches('"'))
}
