//! Tables of Python, Ruby, PHP, Perl and Lua.

use tree_sitter::Node;
use wherein_core::ChunkKind::{
    Class, Constant, Enum, Field, Function, Interface, Method, Module, Test, Trait, Type, Variable,
};

use crate::spec::{Found, Site, Spec, by, by_child, by_field, child_of, named};

pub(super) static PYTHON: Spec = Spec {
    rules: &[
        named("function_definition", Function),
        named("class_definition", Class),
        by("assignment", Constant, python_constant).leaf(),
        by_field("type_alias_statement", Type, "left").leaf(),
    ],
    attributes: &["decorator"],
    wrappers: &["decorated_definition", "expression_statement"],
    inner_doc: Some(docstring),
    is_test: |head| head.name.starts_with("test_") || head.name == "test",
    ..Spec::EMPTY
};

/// `UPPER = ...` of a module or class.
fn python_constant(site: &Site<'_>) -> Option<Found> {
    let target = site.field("left")?;
    let name = site.text_of(target);
    let upper = name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase);
    let annotated = site.field("type").is_some() && site.enclosing != Some(Class);
    if target.kind() != "identifier" || !(upper || annotated) {
        return None;
    }
    Found::with_kind(name, if upper { Constant } else { Variable })
}

fn docstring(definition: Node<'_>) -> Option<Node<'_>> {
    let body = definition.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let first = body
        .named_children(&mut cursor)
        .find(|child| child.kind() != "comment")?;
    first
        .named_child(0)
        .filter(|child| child.kind() == "string")
}

pub(super) static RUBY: Spec = Spec {
    rules: &[
        named("class", Class),
        named("module", Module),
        by("method", Function, ruby_method),
        named("singleton_method", Method),
        by("assignment", Constant, ruby_constant).leaf(),
        by("call", Test, ruby_call),
    ],
    bodies: &["do_block", "block"],
    is_test: |head| head.name.starts_with("test_"),
    ..Spec::EMPTY
};

fn ruby_method(site: &Site<'_>) -> Option<Found> {
    let kind = match site.enclosing {
        Some(Module | Class) => Method,
        _ => Function,
    };
    Found::with_kind(site.field_text("name")?, kind)
}

fn ruby_constant(site: &Site<'_>) -> Option<Found> {
    let target = site.field("left")?;
    (target.kind() == "constant")
        .then(|| Found::name(site.text_of(target)))
        .flatten()
}

/// Blocks with a name: tests of `RSpec` and rails, tasks of rake.
fn ruby_call(site: &Site<'_>) -> Option<Found> {
    let method = site.field_text("method")?;
    site.field("block")?;
    let kind = match method {
        "describe" | "context" | "it" | "specify" | "test" | "feature" | "scenario" => Test,
        "task" | "namespace" => wherein_core::ChunkKind::Rule,
        _ => return None,
    };
    let named = site.field("arguments")?.named_child(0)?;
    let name = site.text_of(named);
    let name = name
        .split("=>")
        .next()?
        .trim()
        .trim_matches(['"', '\'', ':']);
    Found::with_kind(name, kind)
}

pub(super) static PHP: Spec = Spec {
    rules: &[
        named("function_definition", Function),
        named("class_declaration", Class),
        named("interface_declaration", Interface),
        named("trait_declaration", Trait),
        named("enum_declaration", Enum),
        named("method_declaration", Method),
        by_child("const_element", Constant, &["name"]).leaf(),
        by("namespace_definition", Module, |site| {
            Some(Found::path(site.field_text("name")?, "\\"))
        }),
        by("property_element", Field, |site| {
            let name = site.field_text("name").or_else(|| {
                child_of(site.node, &["variable_name"]).map(|node| site.text_of(node))
            })?;
            Found::name(name.trim_start_matches('$'))
        })
        .leaf(),
    ],
    attributes: &["attribute_list"],
    wrappers: &["const_declaration", "property_declaration"],
    open_ended: &["namespace_definition"],
    is_test: |head| {
        head.in_tests && head.name.starts_with("test") || head.attributes.contains("#[Test]")
    },
    ..Spec::EMPTY
};

pub(super) static PERL: Spec = Spec {
    rules: &[
        named("subroutine_declaration_statement", Function),
        named("method_declaration_statement", Method),
        named("class_statement", Class),
        named("role_statement", Trait),
        named("package_statement", Module),
        by("assignment_expression", Function, |site| {
            let value = site.field("right")?;
            let target = site.field_text("left")?;
            let name = target
                .trim_start_matches("my ")
                .trim_start_matches(['$', '*']);
            (value.kind() == "anonymous_subroutine_expression" && !site.in_function)
                .then(|| Found::name(name))
                .flatten()
        }),
    ],
    comments: &["comment", "pod"],
    bodies: &["block"],
    wrappers: &["expression_statement"],
    open_ended: &["package_statement"],
    ..Spec::EMPTY
};

pub(super) static LUA: Spec = Spec {
    rules: &[
        by("function_declaration", Function, |site| {
            Some(lua_path(site.field_text("name")?, Function))
        }),
        by("assignment_statement", Function, lua_assignment),
        by("field", Method, |site| {
            let value = site.field("value")?;
            let multi_line = value.start_position().row != value.end_position().row;
            (value.kind() == "function_definition" && multi_line)
                .then(|| site.field_text("name").and_then(Found::name))
                .flatten()
        }),
        by("function_call", Test, lua_test),
    ],
    wrappers: &["variable_declaration"],
    ..Spec::EMPTY
};

/// `a.b:c` is `c` of `a::b`.
fn lua_path(path: &str, kind: wherein_core::ChunkKind) -> Found {
    let (scope, name) = path.rsplit_once([':', '.']).unwrap_or(("", path));
    let kind = if path.contains(':') { Method } else { kind };
    Found {
        name: name.to_owned(),
        kind: Some(kind),
        scope: Some(scope.replace(['.', ':'], "::")).filter(|scope| !scope.is_empty()),
        inside: None,
    }
}

/// `local f = function() end`, and tables and values of a file.
fn lua_assignment(site: &Site<'_>) -> Option<Found> {
    let targets = site.child(&["variable_list"])?;
    let value = site.child(&["expression_list"])?.named_child(0)?;
    let target = targets.named_child(0)?;
    if targets.named_child(1).is_some() || target.kind() == "bracket_index_expression" {
        return None;
    }
    let multi_line = value.start_position().row != value.end_position().row;
    if value.kind() == "function_definition" {
        return (!site.in_function || multi_line).then(|| lua_path(site.text_of(target), Function));
    }
    let is_data = matches!(value.kind(), "table_constructor" | "string" | "number");
    (is_data && !site.in_function).then(|| lua_path(site.text_of(target), Variable))
}

/// busted's `describe("name", function() end)`.
fn lua_test(site: &Site<'_>) -> Option<Found> {
    if !matches!(site.field_text("name")?, "describe" | "it" | "context") {
        return None;
    }
    let arguments = site.field("arguments")?;
    let name = child_of(arguments, &["string"])?;
    child_of(arguments, &["function_definition"])?;
    Found::name(site.text_of(name).trim_matches(['"', '\'']))
}
