//! Tables of JavaScript, TypeScript and TSX.

use tree_sitter::Node;
use wherein_core::ChunkKind::{
    Class, Constant, Enum, Function, Interface, Method, Module, Test, Type, Variable,
};

use crate::spec::{Found, Rule, Site, Spec, by, named};

const FUNCTION: Rule = named("function_declaration", Function);
const GENERATOR: Rule = named("generator_function_declaration", Function);
const CLASS: Rule = named("class_declaration", Class);
const METHOD: Rule = by("method_definition", Method, member_name);
const VARIABLE: Rule = by("variable_declarator", Variable, variable);
const ASSIGNMENT: Rule = by("assignment_expression", Function, assignment);
const PAIR: Rule = by("pair", Method, pair);
const CALL: Rule = by("call_expression", Test, test_call);
const DEFAULT: Rule = by("export_statement", Function, default_export);

const WRAPPERS: &[&str] = &[
    "export_statement",
    "lexical_declaration",
    "variable_declaration",
    "expression_statement",
];

pub(super) static JAVASCRIPT: Spec = Spec {
    rules: &[
        FUNCTION,
        GENERATOR,
        CLASS,
        METHOD,
        by("field_definition", Method, field),
        VARIABLE,
        ASSIGNMENT,
        PAIR,
        CALL,
        DEFAULT,
    ],
    comments: &["comment", "html_comment"],
    attributes: &["decorator"],
    wrappers: WRAPPERS,
    inward: FUNCTIONS,
    ..Spec::EMPTY
};

pub(super) static TYPESCRIPT: Spec = Spec {
    rules: &[
        FUNCTION,
        GENERATOR,
        CLASS,
        METHOD,
        by("public_field_definition", Method, field),
        VARIABLE,
        ASSIGNMENT,
        PAIR,
        CALL,
        DEFAULT,
        named("function_signature", Function),
        named("abstract_class_declaration", Class),
        by("abstract_method_signature", Method, member_name),
        named("interface_declaration", Interface).leaf(),
        named("type_alias_declaration", Type).leaf(),
        named("enum_declaration", Enum).leaf(),
        by("internal_module", Module, member_name),
        by("module", Module, member_name),
    ],
    comments: &["comment", "html_comment"],
    attributes: &["decorator"],
    wrappers: &[
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
        "expression_statement",
        "ambient_declaration",
    ],
    inward: FUNCTIONS,
    ..Spec::EMPTY
};

const FUNCTIONS: &[&str] = &[
    "arrow_function",
    "function_expression",
    "generator_function",
];

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '`'])
}

fn member_name(site: &Site<'_>) -> Option<Found> {
    Found::name(unquoted(site.field_text("name")?))
}

/// A function behind calls that only wrap it (`memo(() => ...)`, `async(...)`).
fn is_function(value: Node<'_>) -> bool {
    let mut value = value;
    for _ in 0..3 {
        if FUNCTIONS.contains(&value.kind()) {
            return true;
        }
        let inner = match value.kind() {
            "call_expression" => value
                .child_by_field_name("arguments")
                .and_then(|arguments| arguments.named_child(0)),
            "parenthesized_expression" | "as_expression" | "satisfies_expression" => {
                value.named_child(0)
            }
            _ => None,
        };
        match inner {
            Some(inner) => value = inner,
            None => return false,
        }
    }
    false
}

fn variable(site: &Site<'_>) -> Option<Found> {
    let name = site.field("name")?;
    // Destructuring takes apart what is defined elsewhere.
    if name.kind() != "identifier" {
        return None;
    }
    let name = site.text_of(name);
    let value = site.field("value")?;
    if is_function(value) {
        // One-line callbacks inside a function are noise.
        let small = value.start_position().row == value.end_position().row;
        return (!(site.in_function && small))
            .then(|| Found::with_kind(name, Function))
            .flatten();
    }
    if value.kind() == "class" {
        return Found::with_kind(name, Class);
    }
    let is_require = value.kind() == "call_expression"
        && value
            .child_by_field_name("function")
            .is_some_and(|function| matches!(site.text_of(function), "require" | "import"));
    if site.in_function || is_require || site.enclosing == Some(Test) {
        return None;
    }
    let is_constant = name
        .chars()
        .all(|c| c.is_uppercase() || c.is_numeric() || c == '_');
    Found::with_kind(name, if is_constant { Constant } else { Variable })
}

/// `exports.login = function () {}`, `Session.prototype.login = () => {}`.
fn assignment(site: &Site<'_>) -> Option<Found> {
    let target = site.field("left")?;
    let value = site.field("right")?;
    let is_class = value.kind() == "class";
    let path = site.text_of(target);
    if path.len() > 128 || target.kind() == "subscript_expression" {
        return None;
    }
    let is_export = path.starts_with("exports.") || path.starts_with("module.exports.");
    if !is_class && !is_function(value) {
        let plain_export = is_export && !site.in_function && value.kind() != "identifier";
        return plain_export
            .then(|| Found::with_kind(path.rsplit('.').next()?, Variable))
            .flatten();
    }
    if site.in_function && value.start_position().row == value.end_position().row {
        return None;
    }
    let kind = if is_class { Class } else { Function };
    if path == "module.exports" {
        let name = value.child_by_field_name("name")?;
        return Found::with_kind(site.text_of(name), kind);
    }
    let (scope, name) = path.rsplit_once('.').unwrap_or(("", path));
    let scope = scope
        .trim_start_matches("module.exports")
        .trim_start_matches("exports")
        .trim_start_matches("this")
        .trim_end_matches(".prototype")
        .trim_matches('.');
    let is_method = path.contains(".prototype.");
    Some(Found {
        name: name.to_owned(),
        kind: Some(if is_method { Method } else { kind }),
        scope: Some(scope.replace('.', "::")).filter(|scope| !scope.is_empty()),
        inside: None,
    })
}

/// `{ login: () => {} }`; nested literals of data are not followed by name.
fn pair(site: &Site<'_>) -> Option<Found> {
    let value = site.field("value")?;
    let multi_line = value.start_position().row != value.end_position().row;
    if !multi_line || !FUNCTIONS.contains(&value.kind()) {
        return None;
    }
    Found::name(unquoted(site.field_text("key")?))
}

/// A class field that holds a function is a method.
fn field(site: &Site<'_>) -> Option<Found> {
    let name = site
        .field_text("name")
        .or_else(|| site.field_text("property"))?;
    is_function(site.field("value")?)
        .then(|| Found::name(unquoted(name)))
        .flatten()
}

/// `describe("name", () => {})` and its relatives.
fn test_call(site: &Site<'_>) -> Option<Found> {
    let function = site.field_text("function")?;
    let word = function.split(['.', '(']).next()?;
    if !matches!(
        word,
        "describe" | "it" | "test" | "suite" | "context" | "specify" | "bench"
    ) {
        return None;
    }
    let arguments = site.field("arguments")?;
    let mut cursor = arguments.walk();
    let mut given = arguments.named_children(&mut cursor);
    let name = given.next()?;
    let named = matches!(name.kind(), "string" | "template_string");
    let runs = given.any(|argument| FUNCTIONS.contains(&argument.kind()));
    (named && runs)
        .then(|| Found::name(unquoted(site.text_of(name))))
        .flatten()
}

/// `export default () => {}` has no other name than `default`.
fn default_export(site: &Site<'_>) -> Option<Found> {
    let value = site.field("value")?;
    let kind = match value.kind() {
        "class" => Class,
        "object" | "call_expression" if !site.in_function => Variable,
        _ if is_function(value) => Function,
        _ => return None,
    };
    Found::with_kind("default", kind)
}
