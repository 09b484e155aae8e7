//! The routes, each with its description; `openapi.rs` makes the document.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};

pub(crate) mod asked;
pub(crate) mod context;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod related;
pub(crate) mod repos;
pub(crate) mod search;

/// The schema of a list that may be left out or null.
fn nullable_list(items: ObjectBuilder, most: usize) -> Schema {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(items)
        .max_items(Some(most))
        .into()
}
