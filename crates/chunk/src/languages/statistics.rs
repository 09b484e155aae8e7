//! Tables of R and Julia.

use wherein_core::ChunkKind::{
    Class, Constant, Function, Macro, Method, Module, Struct, Test, Type, Variable,
};

use crate::spec::{Found, Site, Spec, by, child_of, named};

pub(super) static R: Spec = Spec {
    rules: &[
        by("binary_operator", Function, r_assignment),
        by("argument", Method, |site| {
            let value = site.field("value")?;
            let multi_line = value.start_position().row != value.end_position().row;
            (value.kind() == "function_definition" && multi_line && !site.in_function)
                .then(|| site.field_text("name").and_then(Found::name))
                .flatten()
        }),
        by("call", Test, r_call),
    ],
    is_test: |_| false,
    ..Spec::EMPTY
};

/// `name <- function(x)`; at the outermost level any value.
fn r_assignment(site: &Site<'_>) -> Option<Found> {
    let operator = site.field_text("operator")?;
    if !matches!(operator, "<-" | "=" | "<<-") {
        return None;
    }
    let target = site.field("lhs")?;
    if !matches!(target.kind(), "identifier" | "string") {
        return None;
    }
    let name = site.text_of(target).trim_matches(['"', '\'', '`']);
    let value = site.field("rhs")?;
    let multi_line = value.start_position().row != value.end_position().row;
    match value.kind() {
        "function_definition" if !site.in_function || multi_line => Found::name(name),
        "call" if !site.in_function => {
            let function = site.text_of(value.child_by_field_name("function")?);
            let is_class = function.ends_with("R6Class") || function == "setRefClass";
            Found::with_kind(name, if is_class { Class } else { Variable })
        }
        _ if site.in_function || site.enclosing.is_some() => None,
        _ => Found::with_kind(name, Variable),
    }
}

/// testthat's `test_that("name", { })` and the S4 definitions.
fn r_call(site: &Site<'_>) -> Option<Found> {
    let kind = match site.field_text("function")? {
        "test_that" | "describe" | "it" => Test,
        "setClass" | "setRefClass" => Class,
        "setGeneric" | "setMethod" => Function,
        _ => return None,
    };
    let first = child_of(site.field("arguments")?, &["argument"])?;
    let name = site.text_of(first);
    name.starts_with(['"', '\''])
        .then(|| Found::with_kind(name.trim_matches(['"', '\'']), kind))
        .flatten()
}

pub(super) static JULIA: Spec = Spec {
    rules: &[
        named("module_definition", Module),
        by("function_definition", Function, |site| {
            julia_name(site.text_of(site.child(&["signature"])?))
        }),
        by("macro_definition", Macro, |site| {
            julia_name(site.text_of(site.child(&["signature"])?))
        }),
        by("struct_definition", Struct, julia_type).leaf(),
        by("abstract_definition", Type, julia_type).leaf(),
        by("primitive_definition", Type, julia_type).leaf(),
        by("assignment", Function, julia_assignment).leaf(),
        by("macrocall_expression", Test, julia_testset),
    ],
    comments: &["line_comment", "block_comment"],
    wrappers: &["const_statement"],
    heads: &["signature", "type_head"],
    notes: &["string_literal"],
    // A string that stands alone documents what follows.
    is_note: |site| site.depth == 1 || (site.enclosing == Some(Module) && site.depth <= 3),
    ..Spec::EMPTY
};

/// `Base.show(io::IO, x)` is `show`, `f(x::T) where T` is `f`.
fn julia_name(signature: &str) -> Option<Found> {
    let path = signature.split(['(', '{']).next()?.trim();
    let (scope, name) = path.rsplit_once('.').unwrap_or(("", path));
    Found::scoped(name, scope.replace('.', "::"))
}

fn julia_type(site: &Site<'_>) -> Option<Found> {
    let head = site.text_of(site.child(&["type_head"])?);
    Found::name(head.split(['{', '<']).next()?.trim())
}

/// `f(x) = x + 1`, `const LIMIT = 3`.
fn julia_assignment(site: &Site<'_>) -> Option<Found> {
    let target = site.node.named_child(0)?;
    match target.kind() {
        "call_expression" | "where_expression" => julia_name(site.text_of(target)),
        "identifier" if !site.in_function && site.depth <= 4 => {
            let name = site.text_of(target);
            let upper = !name.contains(char::is_lowercase);
            Found::with_kind(name, if upper { Constant } else { Variable })
        }
        _ => None,
    }
}

/// `@testset "name" begin ... end`.
fn julia_testset(site: &Site<'_>) -> Option<Found> {
    let text = site.text_of(site.node);
    let rest = text.strip_prefix("@testset")?;
    Found::name(rest.split('"').nth(1)?)
}
