//! Tables of JSON, YAML, TOML and HCL.

use wherein_core::ChunkKind::{Key, Resource, Variable};

use crate::spec::{Found, Site, Spec, by, child_of};

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

pub(super) static JSON: Spec = Spec {
    rules: &[by("pair", Key, |site| {
        // Document, object, pair: keys further in are told by their line.
        (site.depth <= 2)
            .then(|| Found::name(unquoted(site.field_text("key")?)))
            .flatten()
    })
    .leaf()],
    ..Spec::EMPTY
};

pub(super) static YAML: Spec = Spec {
    rules: &[
        by("document", Resource, manifest),
        by("block_mapping_pair", Key, yaml_key),
    ],
    ..Spec::EMPTY
};

/// Levels of a key at the outermost mapping, and of one in its value.
const YAML_TOP: u32 = 4;
const YAML_SECOND: u32 = 7;

fn yaml_key(site: &Site<'_>) -> Option<Found> {
    let node = site.node;
    let multi_line = node.start_position().row != node.end_position().row;
    let named = site.depth <= YAML_TOP || (site.depth <= YAML_SECOND && multi_line);
    named
        .then(|| Found::name(unquoted(site.field_text("key")?)))
        .flatten()
}

/// A Kubernetes manifest: `Deployment/web`.
fn manifest(site: &Site<'_>) -> Option<Found> {
    let text = site.text_of(site.node);
    let value = |line: &str, key: &str| {
        line.strip_prefix(key)
            .map(|rest| unquoted(rest.split(" #").next().unwrap_or(rest)).to_owned())
    };
    if !text.lines().any(|line| line.starts_with("apiVersion:")) {
        return None;
    }
    let kind = text.lines().find_map(|line| value(line, "kind:"))?;
    let name = text
        .lines()
        .skip_while(|line| !line.starts_with("metadata:"))
        .find_map(|line| value(line, "  name:"));
    Found::name(match name {
        Some(name) => format!("{kind}/{name}"),
        None => kind,
    })
}

pub(super) static TOML: Spec = Spec {
    rules: &[
        by("table", Key, toml_table).leaf(),
        by("table_array_element", Key, toml_table).leaf(),
        by("pair", Key, |site| {
            let key = site.child(&["bare_key", "dotted_key", "quoted_key"])?;
            (site.depth <= 1)
                .then(|| Found::name(unquoted(site.text_of(key))))
                .flatten()
        })
        .leaf(),
    ],
    ..Spec::EMPTY
};

fn toml_table(site: &Site<'_>) -> Option<Found> {
    let key = site.child(&["bare_key", "dotted_key", "quoted_key"])?;
    Found::name(unquoted(site.text_of(key)))
}

pub(super) static HCL: Spec = Spec {
    rules: &[
        by("block", Resource, hcl_block).leaf(),
        by("attribute", Key, |site| {
            let name = site.child(&["identifier"])?;
            (site.depth <= 2)
                .then(|| Found::name(site.text_of(name)))
                .flatten()
        })
        .leaf(),
    ],
    bodies: &["block_start"],
    ..Spec::EMPTY
};

/// `resource "aws_instance" "web"` is `aws_instance.web`, `locals` is itself.
fn hcl_block(site: &Site<'_>) -> Option<Found> {
    let word = site.text_of(child_of(site.node, &["identifier"])?);
    let mut cursor = site.node.walk();
    let labels: Vec<&str> = site
        .node
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "string_lit")
        .map(|label| unquoted(site.text_of(label)))
        .collect();
    let kind = match word {
        "variable" | "output" | "locals" => Variable,
        _ => Resource,
    };
    if labels.is_empty() {
        return Found::with_kind(word, kind);
    }
    Found::with_kind(labels.join("."), kind)
}
