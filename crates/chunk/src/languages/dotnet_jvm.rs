//! Tables of Java, C# and Scala.

use wherein_core::ChunkKind::{
    Class, Constant, Enum, Field, Function, Impl, Interface, Method, Module, Struct, Trait, Type,
    Variable,
};

use crate::spec::{Found, Head, Site, Spec, by, by_child, child_of, named};

pub(super) static JAVA: Spec = Spec {
    rules: &[
        named("class_declaration", Class),
        named("interface_declaration", Interface),
        named("enum_declaration", Enum),
        named("record_declaration", Struct),
        named("annotation_type_declaration", Interface),
        named("method_declaration", Method),
        named("constructor_declaration", Method),
        named("compact_constructor_declaration", Method),
        by("field_declaration", Field, java_constant).leaf(),
        by("constant_declaration", Constant, java_constant).leaf(),
    ],
    comments: &["line_comment", "block_comment"],
    attributes: &["annotation", "marker_annotation"],
    modifiers: &["modifiers"],
    is_test: annotated_test,
    ..Spec::EMPTY
};

/// `static final` fields; the others are found by their class.
fn java_constant(site: &Site<'_>) -> Option<Found> {
    let declarator = site.field("declarator")?;
    let name = site.text_of(declarator.child_by_field_name("name")?);
    let modifiers = site
        .child(&["modifiers"])
        .map_or("", |node| site.text_of(node));
    let is_constant = site.node.kind() == "constant_declaration"
        || (modifiers.contains("static") && modifiers.contains("final"));
    is_constant
        .then(|| Found::with_kind(name, Constant))
        .flatten()
}

fn annotated_test(head: &Head<'_>) -> bool {
    [
        "@Test",
        "@ParameterizedTest",
        "[Test]",
        "[Fact]",
        "[Theory]",
        "[TestMethod]",
        "[TestCase",
    ]
    .iter()
    .any(|mark| head.attributes.contains(mark))
}

pub(super) static C_SHARP: Spec = Spec {
    rules: &[
        named("class_declaration", Class),
        named("struct_declaration", Struct),
        named("record_declaration", Struct),
        named("interface_declaration", Interface),
        named("enum_declaration", Enum).leaf(),
        named("delegate_declaration", Type).leaf(),
        by("namespace_declaration", Module, c_sharp_namespace),
        by(
            "file_scoped_namespace_declaration",
            Module,
            c_sharp_namespace,
        ),
        named("method_declaration", Method),
        named("constructor_declaration", Method),
        named("destructor_declaration", Method),
        named("local_function_statement", Function),
        by("operator_declaration", Method, |site| {
            Found::name(format!("operator {}", site.field_text("operator")?))
        }),
        by("indexer_declaration", Method, |_| Found::name("this[]")),
        named("property_declaration", Field).leaf(),
        named("event_declaration", Field).leaf(),
        by("field_declaration", Field, c_sharp_constant).leaf(),
    ],
    attributes: &["attribute_list"],
    bodies: &["enum_member_declaration_list"],
    open_ended: &["file_scoped_namespace_declaration"],
    is_test: annotated_test,
    ..Spec::EMPTY
};

fn c_sharp_namespace(site: &Site<'_>) -> Option<Found> {
    Some(Found::path(site.field_text("name")?, "."))
}

/// `const` and `static readonly` fields.
fn c_sharp_constant(site: &Site<'_>) -> Option<Found> {
    let text = site.text_of(site.node);
    let head = text.split('=').next()?;
    let is_constant = head.split_whitespace().any(|word| word == "const")
        || (head.contains("static") && head.contains("readonly"));
    let declaration = site.child(&["variable_declaration"])?;
    let declarator = child_of(declaration, &["variable_declarator"])?;
    let name = child_of(declarator, &["identifier"])?;
    is_constant
        .then(|| Found::with_kind(site.text_of(name), Constant))
        .flatten()
}

pub(super) static SCALA: Spec = Spec {
    rules: &[
        named("class_definition", Class),
        named("object_definition", Class),
        named("trait_definition", Trait),
        named("enum_definition", Enum),
        named("function_definition", Function),
        named("function_declaration", Function),
        named("type_definition", Type).leaf(),
        named("package_object", Module),
        by("given_definition", Variable, |site| {
            site.field_text("name").and_then(Found::name)
        }),
        by("extension_definition", Impl, |site| {
            let parameters = site.field_text("parameters")?.trim_matches(['(', ')']);
            Found::name(parameters.split(':').nth(1)?.trim())
        }),
        by("val_definition", Constant, |site| {
            let pattern = site.field("pattern")?;
            (pattern.kind() == "identifier")
                .then(|| Found::name(site.text_of(pattern)))
                .flatten()
        })
        .leaf(),
        by_child("val_declaration", Field, &["identifier"]).leaf(),
    ],
    comments: &["comment", "block_comment"],
    attributes: &["annotation"],
    ..Spec::EMPTY
};
