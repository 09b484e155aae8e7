//! Names of definitions and the breadcrumbs made of them.

use wherein_core::{ChunkKind, limits};

use crate::spec::{Found, Name, Rule, Site};

/// The name of the definition at `site`, cleaned; `None` when it is none.
pub(crate) fn find(rule: &Rule, site: &Site<'_>) -> Option<Found> {
    let mut found = match rule.name {
        Name::Field(field) => Found::name(site.field_text(field)?),
        Name::Child(kinds) => Found::name(site.text_of(site.child(kinds)?)),
        Name::By(find) => find(site),
    }?;
    found.name = clean(&found.name);
    (!found.name.is_empty()).then_some(found)
}

/// One line, single spaces, at most [`limits::MAX_SYMBOL_BYTES`].
fn clean(name: &str) -> String {
    let mut cleaned = String::with_capacity(name.len().min(limits::MAX_SYMBOL_BYTES));
    for word in name.trim_matches('`').split_whitespace() {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(word);
        if cleaned.len() > limits::MAX_SYMBOL_BYTES {
            break;
        }
    }
    cut(&mut cleaned, limits::MAX_SYMBOL_BYTES);
    cleaned
}

/// `enclosing` and `own` joined by `::`, at most [`limits::MAX_BREADCRUMB_BYTES`].
pub(crate) fn breadcrumb<'a>(enclosing: &str, own: impl Iterator<Item = &'a str>) -> String {
    let mut joined = enclosing.to_owned();
    for name in own {
        if !joined.is_empty() {
            joined.push_str("::");
        }
        joined.push_str(name);
    }
    cut(&mut joined, limits::MAX_BREADCRUMB_BYTES);
    joined
}

fn cut(text: &mut String, most: usize) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Whether functions inside a definition of this name are tests or their helpers.
pub(crate) fn is_for_tests(name: &str, kind: ChunkKind) -> bool {
    match kind {
        ChunkKind::Test => true,
        ChunkKind::Module => matches!(name, "tests" | "test"),
        ChunkKind::Class => {
            name.starts_with("Test") || name.ends_with("Test") || name.ends_with("Tests")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_and_bounded() {
        assert_eq!(clean(" Map<\n    K, V>\t"), "Map< K, V>");
        let long = clean(&"ä".repeat(limits::MAX_SYMBOL_BYTES));
        assert_eq!(long.len(), limits::MAX_SYMBOL_BYTES);
        let odd = clean(&format!("x{}", "ä".repeat(limits::MAX_SYMBOL_BYTES)));
        assert_eq!(odd.len(), limits::MAX_SYMBOL_BYTES - 1);
    }

    #[test]
    fn breadcrumbs_are_joined_and_bounded() {
        assert_eq!(breadcrumb("", ["a"].into_iter()), "a");
        assert_eq!(breadcrumb("a::b", ["C", "d"].into_iter()), "a::b::C::d");
        let long = "x".repeat(limits::MAX_BREADCRUMB_BYTES);
        assert_eq!(breadcrumb(&long, ["y"].into_iter()), long);
    }
}
