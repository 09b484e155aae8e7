//! Tables of Kotlin, Swift and Dart.

use tree_sitter::Node;
use wherein_core::ChunkKind::{
    self, Class, Constant, Enum, Field, Function, Impl, Interface, Method, Struct, Trait, Type,
    Variable,
};

use crate::spec::{Found, Site, Spec, by, by_child, by_field, child_of, named};

pub(super) static KOTLIN: Spec = Spec {
    rules: &[
        by("class_declaration", Class, kotlin_class),
        named("object_declaration", Class),
        by("companion_object", Class, |site| {
            Found::name(site.field_text("name").unwrap_or("Companion"))
        }),
        named("function_declaration", Function),
        by("secondary_constructor", Method, |_| {
            Found::name("constructor")
        }),
        by("property_declaration", Field, kotlin_property).leaf(),
        by_field("type_alias", Type, "type").leaf(),
    ],
    comments: &["line_comment", "block_comment"],
    attributes: &["annotation", "file_annotation"],
    modifiers: &["modifiers"],
    bodies: &["function_body", "class_body", "enum_class_body", "block"],
    is_test: |head| head.attributes.contains("@Test"),
    ..Spec::EMPTY
};

fn kotlin_class(site: &Site<'_>) -> Option<Found> {
    let name = site.field_text("name")?;
    let kind = if child_of(site.node, &["interface"]).is_some() {
        Interface
    } else if child_of(site.node, &["enum_class_body"]).is_some() {
        Enum
    } else {
        Class
    };
    Found::with_kind(name, kind)
}

fn kotlin_property(site: &Site<'_>) -> Option<Found> {
    let declared = site.child(&["variable_declaration"])?;
    let name = site.text_of(child_of(declared, &["identifier"])?);
    Found::with_kind(name, property_kind(site, name))
}

/// A property of a type is a field; of a file a constant or variable.
fn property_kind(site: &Site<'_>, name: &str) -> ChunkKind {
    let upper = !name.contains(char::is_lowercase);
    match site.enclosing {
        _ if upper => Constant,
        Some(Class | Struct | Enum | Interface | Impl | Trait) => Field,
        _ => Variable,
    }
}

pub(super) static SWIFT: Spec = Spec {
    rules: &[
        by("class_declaration", Class, swift_type),
        named("protocol_declaration", Interface),
        named("function_declaration", Function),
        named("protocol_function_declaration", Method),
        by("init_declaration", Method, |_| Found::name("init")),
        by("deinit_declaration", Method, |_| Found::name("deinit")),
        by("subscript_declaration", Method, |_| {
            Found::name("subscript")
        }),
        by("property_declaration", Field, |site| {
            let name = site.field_text("name")?;
            Found::with_kind(name, property_kind(site, name))
        })
        .leaf(),
        named("typealias_declaration", Type).leaf(),
    ],
    comments: &["comment", "multiline_comment"],
    attributes: &["attribute"],
    modifiers: &["modifiers"],
    bodies: &["computed_property"],
    is_test: |head| head.name.starts_with("test") && head.in_tests,
    ..Spec::EMPTY
};

fn swift_type(site: &Site<'_>) -> Option<Found> {
    let kind = match site.field_text("declaration_kind")? {
        "struct" => Struct,
        "enum" => Enum,
        "extension" => Impl,
        _ => Class,
    };
    Found::with_kind(site.field_text("name")?, kind)
}

pub(super) static DART: Spec = Spec {
    rules: &[
        named("class_declaration", Class),
        named("mixin_declaration", Trait),
        named("enum_declaration", Enum),
        by("extension_declaration", Impl, |site| {
            let name = site
                .field_text("name")
                .or_else(|| site.field_text("class"))?;
            Found::name(name)
        }),
        named("extension_type_declaration", Struct),
        by_child("type_alias", Type, &["type_identifier"]).leaf(),
        by("function_declaration", Function, dart_name),
        by("getter_declaration", Function, dart_name),
        by("setter_declaration", Function, dart_name),
        by("method_declaration", Method, dart_name),
        by("declaration", Method, dart_name).leaf(),
    ],
    comments: &["comment", "documentation_comment"],
    attributes: &["annotation"],
    wrappers: &["member_declaration"],
    bodies: &["function_body"],
    ..Spec::EMPTY
};

/// The name inside nested signatures.
fn dart_name(site: &Site<'_>) -> Option<Found> {
    const SIGNATURES: &[&str] = &[
        "method_signature",
        "function_signature",
        "getter_signature",
        "setter_signature",
        "constructor_signature",
        "constant_constructor_signature",
        "factory_constructor_signature",
        "operator_signature",
    ];
    let mut node: Node<'_> = site.field("signature").or_else(|| site.child(SIGNATURES))?;
    if let Some(inner) = child_of(node, SIGNATURES) {
        node = inner;
    }
    if let Some(operator) = node.child_by_field_name("operator") {
        return Found::name(format!("operator {}", site.text_of(operator)));
    }
    // `Session.guest` has a name of three nodes.
    let mut cursor = node.walk();
    let name: String = node
        .children_by_field_name("name", &mut cursor)
        .map(|part| site.text_of(part))
        .collect();
    Found::name(name)
}
