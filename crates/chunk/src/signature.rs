//! Where a definition's signature begins and ends.

use tree_sitter::Node;
use wherein_core::ByteRange;

use crate::grammar::{Entry, Grammar};

/// A definition without a body is its own signature up to this many bytes;
/// of a longer one (a table of constants) only the first line is.
const MAX_WITHOUT_BODY: usize = 400;

/// Longest signature, in bytes.
const MAX_SIGNATURE: usize = 2000;

/// Levels between a definition and its body (`const f = (x) => { ... }` has two).
const MAX_LEVELS_TO_BODY: usize = 4;

/// From the definition's own start, after doc and attributes, to before its body.
pub(crate) fn range(grammar: &Grammar, outer: Node<'_>, node: Node<'_>, text: &str) -> ByteRange {
    let start = own_start(grammar, outer, node);
    let whole = text.get(start..outer.end_byte()).unwrap_or("");
    let body = body_start(grammar, node)
        .filter(|body| *body > start)
        .and_then(|body| text.get(start..body));
    let signature = match body {
        Some(head) => head,
        None if whole.len() <= MAX_WITHOUT_BODY => whole,
        None => whole.lines().next().unwrap_or(""),
    };
    let mut length = signature.len().min(MAX_SIGNATURE);
    while !signature.is_char_boundary(length) {
        length -= 1;
    }
    ByteRange {
        start: start as u32,
        end: (start + trimmed(&signature[..length]).len()) as u32,
    }
}

/// Without the brace that opens a body.
fn trimmed(signature: &str) -> &str {
    let signature = signature.trim_end();
    signature.strip_suffix('{').unwrap_or(signature).trim_end()
}

/// The first byte that is neither a comment nor an attribute.
fn own_start(grammar: &Grammar, outer: Node<'_>, node: Node<'_>) -> usize {
    let mut cursor = outer.walk();
    if !cursor.goto_first_child() {
        return outer.start_byte();
    }
    loop {
        let child = cursor.node();
        let entry = grammar.entry(child.kind_id());
        let is_around = entry.has(Entry::MODIFIERS | Entry::WRAPPER) || child == node;
        if is_around && cursor.goto_first_child() {
            continue;
        }
        if !entry.has(Entry::COMMENT | Entry::ATTRIBUTE) {
            return child.start_byte();
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || cursor.node() == outer {
                return outer.start_byte();
            }
        }
    }
}

/// Where the body begins, if there is one.
pub(crate) fn body_start(grammar: &Grammar, node: Node<'_>) -> Option<usize> {
    let mut node = node;
    for _ in 0..=MAX_LEVELS_TO_BODY {
        let mut inward = None;
        let mut cursor = node.walk();
        if !cursor.goto_first_child() {
            return None;
        }
        loop {
            let child = cursor.node();
            let field = cursor.field_id().map_or(0, u16::from);
            let entry = grammar.entry(child.kind_id());
            if entry.has(Entry::HEAD) {
                return Some(child.end_byte());
            }
            if entry.has(Entry::BODY) || (field != 0 && field == grammar.body_field) {
                return Some(child.start_byte());
            }
            if entry.has(Entry::WRAPPER | Entry::INWARD)
                || (field != 0 && grammar.inward_fields.contains(&field))
            {
                inward = Some(child);
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        node = inward?;
    }
    None
}
