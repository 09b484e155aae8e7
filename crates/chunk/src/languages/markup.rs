//! Tables of Markdown, HTML, Svelte and CSS, and the code embedded in pages.

use wherein_core::ChunkKind::{self, Resource, Rule, Section};
use wherein_core::Language;

use crate::spec::{Embedded, Found, Site, Spec, by, child_of};

pub(super) static MARKDOWN: Spec = Spec {
    rules: &[
        by("section", Section, |site| {
            heading(site, site.child(&["atx_heading"])?)
        }),
        // Underlined headings have no section of their own in the tree.
        by("setext_heading", Section, |site| heading(site, site.node)),
    ],
    comments: &[],
    open_ended: &["setext_heading"],
    heads: &["atx_heading"],
    outside: ChunkKind::Text,
    ..Spec::EMPTY
};

fn heading(site: &Site<'_>, heading: tree_sitter::Node<'_>) -> Option<Found> {
    let text = site.text_of(heading.child_by_field_name("heading_content")?);
    Found::name(text.trim().trim_end_matches('#').trim_end())
}

pub(super) static HTML: Spec = Spec {
    rules: &[by("element", Section, element)],
    hosts: &["script_element", "style_element"],
    embedded,
    ..Spec::EMPTY
};

pub(super) static SVELTE: Spec = Spec {
    rules: &[
        by("element", Section, element),
        by("snippet_statement", ChunkKind::Function, |site| {
            let start = site.child(&["snippet_start"])?;
            let name = child_of(start, &["snippet_name"])?;
            Found::name(site.text_of(name))
        }),
    ],
    hosts: &["script_element", "style_element"],
    embedded,
    ..Spec::EMPTY
};

/// Elements with an `id`, and the landmarks of a page.
fn element(site: &Site<'_>) -> Option<Found> {
    let node = site.node;
    if node.start_position().row == node.end_position().row {
        return None;
    }
    let start = site.child(&["start_tag"])?;
    let tag = site.text_of(child_of(start, &["tag_name"])?);
    if let Some(id) = attribute(site, start, "id") {
        return Found::name(format!("{tag}#{id}"));
    }
    let landmark = matches!(
        tag,
        "head"
            | "body"
            | "header"
            | "main"
            | "footer"
            | "nav"
            | "section"
            | "article"
            | "form"
            | "aside"
            | "template"
            | "table"
            | "dialog"
    );
    landmark.then(|| Found::name(tag)).flatten()
}

fn attribute<'a>(site: &Site<'a>, tag: tree_sitter::Node<'_>, wanted: &str) -> Option<&'a str> {
    let mut cursor = tag.walk();
    let found = tag.named_children(&mut cursor).find(|child| {
        child.kind() == "attribute"
            && child_of(*child, &["attribute_name"])
                .is_some_and(|name| site.text_of(name) == wanted)
    })?;
    let (_, value) = site.text_of(found).split_once('=')?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

/// The code between the tags of a script or style element.
fn embedded(site: &Site<'_>) -> Option<Embedded> {
    let range = site.child(&["raw_text"])?.range();
    let start = site.child(&["start_tag"])?;
    let said = attribute(site, start, "lang").or_else(|| attribute(site, start, "type"));
    let language = if site.node.kind() == "style_element" {
        match said {
            None | Some("css" | "text/css" | "postcss") => Language::Css,
            Some(_) => return None,
        }
    } else {
        match said {
            Some("ts" | "typescript" | "text/typescript") => Language::TypeScript,
            Some("tsx") => Language::Tsx,
            Some(kind) if kind.contains("javascript") || kind == "js" || kind == "jsx" => {
                Language::JavaScript
            }
            None | Some("module" | "text/babel") => Language::JavaScript,
            Some(kind) if kind.contains("json") => Language::Json,
            Some(_) => return None,
        }
    };
    Some(Embedded { language, range })
}

pub(super) static CSS: Spec = Spec {
    rules: &[
        by("rule_set", Rule, |site| {
            Found::name(site.text_of(site.child(&["selectors"])?))
        })
        .leaf(),
        by("keyframes_statement", Rule, |site| {
            let name = site.child(&["keyframes_name"])?;
            Found::name(format!("@keyframes {}", site.text_of(name)))
        })
        .leaf(),
        by("media_statement", Resource, condition),
        by("supports_statement", Resource, condition),
        by("at_rule", Resource, condition),
    ],
    comments: &["comment", "js_comment"],
    bodies: &["block", "keyframe_block_list"],
    ..Spec::EMPTY
};

/// `@media (max-width: 600px)`: all before the block.
fn condition(site: &Site<'_>) -> Option<Found> {
    let block = site.child(&["block"])?;
    let head = site.text.get(site.node.start_byte()..block.start_byte())?;
    Found::with_kind(head.trim(), Rule)
}
