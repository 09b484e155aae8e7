//! Tables of what describes data and interfaces: SQL, Protobuf, GraphQL, Solidity.

use tree_sitter::Node;
use wherein_core::ChunkKind::{
    Class, Constant, Enum, Field, Function, Interface, Macro, Method, Module, Resource, Rule,
    Struct, Table, Type,
};

use crate::spec::{Found, Site, Spec, by, by_child, child_of, named};

pub(super) static SQL: Spec = Spec {
    rules: &[
        by("create_table", Table, sql_name).leaf(),
        by("create_view", Table, sql_name).leaf(),
        by("create_materialized_view", Table, sql_name).leaf(),
        by("create_index", Table, sql_name).leaf(),
        by("create_function", Function, sql_name).leaf(),
        by("create_trigger", Rule, sql_name).leaf(),
        by("create_type", Type, sql_name).leaf(),
        by("create_schema", Module, sql_name).leaf(),
        by("create_sequence", Table, sql_name).leaf(),
    ],
    comments: &["comment", "marginalia"],
    wrappers: &["statement"],
    bodies: &["function_body", "column_definitions", "create_query"],
    ..Spec::EMPTY
};

/// The first name after `CREATE`, without its schema.
fn sql_name(site: &Site<'_>) -> Option<Found> {
    let written = site.child(&["object_reference", "identifier"])?;
    let own = written.child_by_field_name("name").unwrap_or(written);
    let scope = written
        .child_by_field_name("schema")
        .map_or("", |node| site.text_of(node));
    let quotes: &[char] = &['"', '`', '[', ']'];
    Found::scoped(
        site.text_of(own).trim_matches(quotes),
        scope.trim_matches(quotes),
    )
}

pub(super) static PROTOBUF: Spec = Spec {
    rules: &[
        by_child("message", Struct, &["message_name"]),
        by_child("enum", Enum, &["enum_name"]).leaf(),
        by_child("service", Resource, &["service_name"]),
        by_child("rpc", Method, &["rpc_name"]).leaf(),
        by_child("extend", Struct, &["full_ident"]).leaf(),
    ],
    bodies: &["message_body", "enum_body", "rpc"],
    ..Spec::EMPTY
};

pub(super) static GRAPHQL: Spec = Spec {
    rules: &[
        by_child("object_type_definition", Type, &["name"]).leaf(),
        by_child("object_type_extension", Type, &["name"]).leaf(),
        by_child("interface_type_definition", Interface, &["name"]).leaf(),
        by_child("interface_type_extension", Interface, &["name"]).leaf(),
        by_child("input_object_type_definition", Struct, &["name"]).leaf(),
        by_child("input_object_type_extension", Struct, &["name"]).leaf(),
        by_child("enum_type_definition", Enum, &["name"]).leaf(),
        by_child("enum_type_extension", Enum, &["name"]).leaf(),
        by_child("union_type_definition", Type, &["name"]).leaf(),
        by_child("scalar_type_definition", Type, &["name"]).leaf(),
        by_child("directive_definition", Macro, &["name"]).leaf(),
        by("schema_definition", Module, |_| Found::name("schema")).leaf(),
        by_child("operation_definition", Function, &["name"]).leaf(),
        by_child("fragment_definition", Function, &["fragment_name"]).leaf(),
    ],
    comments: &["comment", "description"],
    wrappers: &[
        "definition",
        "executable_definition",
        "type_system_definition",
        "type_system_extension",
        "type_definition",
        "type_extension",
    ],
    bodies: &[
        "fields_definition",
        "input_fields_definition",
        "enum_values_definition",
        "selection_set",
    ],
    inner_doc: Some(|node: Node<'_>| child_of(node, &["description"])),
    ..Spec::EMPTY
};

pub(super) static SOLIDITY: Spec = Spec {
    rules: &[
        named("contract_declaration", Class),
        named("interface_declaration", Interface),
        named("library_declaration", Module),
        named("function_definition", Function),
        by("constructor_definition", Method, |_| {
            Found::name("constructor")
        }),
        by("fallback_receive_definition", Method, |site| {
            let text = site.text_of(site.node);
            Found::name(text.split('(').next()?.trim())
        }),
        named("modifier_definition", Macro),
        named("event_definition", Type).leaf(),
        named("error_declaration", Type).leaf(),
        named("struct_declaration", Struct).leaf(),
        named("enum_declaration", Enum).leaf(),
        named("state_variable_declaration", Field).leaf(),
        named("constant_variable_declaration", Constant).leaf(),
        named("user_defined_type_definition", Type).leaf(),
    ],
    ..Spec::EMPTY
};
