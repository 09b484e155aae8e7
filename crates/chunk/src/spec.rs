//! What a language's table says: the vocabulary of `languages`.

use tree_sitter::Node;
use wherein_core::{ChunkKind, Language};

/// The table of one language. Node kinds that the grammar lacks fail a test.
pub(crate) struct Spec {
    /// Which nodes are definitions.
    pub(crate) rules: &'static [Rule],
    /// Comments; those directly above a definition are its doc.
    pub(crate) comments: &'static [&'static str],
    /// Attributes, decorators, annotations: part of the definition, not of its signature.
    pub(crate) attributes: &'static [&'static str],
    /// Nodes that hold annotations beside words of the signature (`modifiers`).
    pub(crate) modifiers: &'static [&'static str],
    /// Nodes that belong to the one definition they hold (`export_statement`).
    pub(crate) wrappers: &'static [&'static str],
    /// Like wrappers, but with several definitions a nameless container (Go's `const (...)`).
    pub(crate) groups: &'static [&'static str],
    /// Definitions that reach to the next of their sort, or to the end of what
    /// encloses them (`package X;`, a Dockerfile's `FROM`).
    pub(crate) open_ended: &'static [&'static str],
    /// Bodies, where the grammar has no field `body`: the signature ends before them.
    pub(crate) bodies: &'static [&'static str],
    /// Nodes that are the whole signature, where the body has no node of its own.
    pub(crate) heads: &'static [&'static str],
    /// Nodes that may lead to the body, besides the fields that do.
    pub(crate) inward: &'static [&'static str],
    /// Nodes that count as doc or attribute of what follows when the function says so.
    pub(crate) notes: &'static [&'static str],
    /// Decides on `notes`.
    pub(crate) is_note: fn(&Site<'_>) -> bool,
    /// Elements whose content is in another language.
    pub(crate) hosts: &'static [&'static str],
    /// The content of a host and its language.
    pub(crate) embedded: fn(&Site<'_>) -> Option<Embedded>,
    /// The doc inside a definition (Python's docstring).
    pub(crate) inner_doc: Option<fn(Node<'_>) -> Option<Node<'_>>>,
    /// Whether a function with this name and these attributes is a test.
    pub(crate) is_test: fn(&Head<'_>) -> bool,
    /// Whether neighbours of one name are one definition (clauses, equations).
    pub(crate) clauses: bool,
    /// Kind of what stands outside any definition.
    pub(crate) outside: ChunkKind,
}

impl Spec {
    /// A table that finds nothing; languages fill in what they have.
    pub(crate) const EMPTY: Self = Self {
        rules: &[],
        comments: &["comment"],
        attributes: &[],
        modifiers: &[],
        wrappers: &[],
        groups: &[],
        open_ended: &[],
        bodies: &[],
        heads: &[],
        inward: &[],
        notes: &[],
        is_note: |_| false,
        hosts: &[],
        embedded: |_| None,
        inner_doc: None,
        is_test: |_| false,
        clauses: false,
        outside: ChunkKind::Code,
    };
}

/// Content in another language.
pub(crate) struct Embedded {
    /// Of the content.
    pub(crate) language: Language,
    /// Where it stands.
    pub(crate) range: tree_sitter::Range,
}

/// One node kind that defines something.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    /// Node kind.
    pub(crate) node: &'static str,
    /// What it defines, unless the name function says otherwise.
    pub(crate) kind: ChunkKind,
    /// How its name is found; without a name it is no definition.
    pub(crate) name: Name,
    /// Nothing inside counts as a definition.
    pub(crate) leaf: bool,
}

/// How to find the name of a definition.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    /// The text of this field.
    Field(&'static str),
    /// The text of the first child of one of these kinds.
    Child(&'static [&'static str]),
    /// Whatever the function says.
    By(fn(&Site<'_>) -> Option<Found>),
}

/// A name and what else the function saw.
#[derive(Default)]
pub(crate) struct Found {
    /// Empty for a container that only groups.
    pub(crate) name: String,
    /// Instead of the rule's kind.
    pub(crate) kind: Option<ChunkKind>,
    /// Names between the enclosing ones and the own one (`Server` of a Go method).
    pub(crate) scope: Option<String>,
    /// What its members' breadcrumbs have in place of its name (the type of a Rust impl).
    pub(crate) inside: Option<String>,
}

#[allow(clippy::unnecessary_wraps, reason = "name functions end in these")]
impl Found {
    pub(crate) fn name(name: impl Into<String>) -> Option<Self> {
        Some(Self {
            name: name.into(),
            ..Self::default()
        })
    }

    pub(crate) fn with_kind(name: impl Into<String>, kind: ChunkKind) -> Option<Self> {
        Some(Self {
            name: name.into(),
            kind: Some(kind),
            ..Self::default()
        })
    }

    /// A dotted name that is one of `::` in breadcrumbs.
    pub(crate) fn path(name: &str, separator: &str) -> Self {
        Self {
            name: name.to_owned(),
            inside: Some(name.replace(separator, "::")),
            ..Self::default()
        }
    }

    pub(crate) fn scoped(name: impl Into<String>, scope: impl Into<String>) -> Option<Self> {
        Some(Self {
            name: name.into(),
            scope: Some(scope.into()).filter(|scope| !scope.is_empty()),
            ..Self::default()
        })
    }
}

/// A definition whose name is its field `name`.
pub(crate) const fn named(node: &'static str, kind: ChunkKind) -> Rule {
    by_field(node, kind, "name")
}

/// A definition whose name is this field.
pub(crate) const fn by_field(node: &'static str, kind: ChunkKind, field: &'static str) -> Rule {
    Rule {
        node,
        kind,
        name: Name::Field(field),
        leaf: false,
    }
}

/// A definition named by its first child of one of these kinds.
pub(crate) const fn by_child(
    node: &'static str,
    kind: ChunkKind,
    children: &'static [&'static str],
) -> Rule {
    Rule {
        node,
        kind,
        name: Name::Child(children),
        leaf: false,
    }
}

/// A definition whose name only a function can find.
pub(crate) const fn by(
    node: &'static str,
    kind: ChunkKind,
    find: fn(&Site<'_>) -> Option<Found>,
) -> Rule {
    Rule {
        node,
        kind,
        name: Name::By(find),
        leaf: false,
    }
}

impl Rule {
    /// Nothing inside counts as a definition.
    pub(crate) const fn leaf(mut self) -> Self {
        self.leaf = true;
        self
    }
}

/// A node and where the walk met it.
pub(crate) struct Site<'a> {
    pub(crate) node: Node<'a>,
    pub(crate) text: &'a str,
    /// Levels above the node.
    pub(crate) depth: u32,
    /// Kind of the innermost enclosing definition.
    pub(crate) enclosing: Option<ChunkKind>,
    /// Whether a function encloses it.
    pub(crate) in_function: bool,
}

impl<'a> Site<'a> {
    pub(crate) fn text_of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    pub(crate) fn field(&self, name: &str) -> Option<Node<'a>> {
        self.node.child_by_field_name(name)
    }

    pub(crate) fn field_text(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|node| self.text_of(node))
    }

    /// The node's first child of one of these kinds.
    pub(crate) fn child(&self, kinds: &[&str]) -> Option<Node<'a>> {
        child_of(self.node, kinds)
    }
}

/// The first child of one of these kinds.
pub(crate) fn child_of<'a>(node: Node<'a>, kinds: &[&str]) -> Option<Node<'a>> {
    let mut cursor = node.walk();
    if !cursor.goto_first_child() {
        return None;
    }
    loop {
        let child = cursor.node();
        if kinds.contains(&child.kind()) {
            return Some(child);
        }
        if !cursor.goto_next_sibling() {
            return None;
        }
    }
}

/// What a test is recognised by.
pub(crate) struct Head<'a> {
    pub(crate) name: &'a str,
    /// Doc comments and attributes, as written.
    pub(crate) attributes: &'a str,
    /// Whether a module or class named for tests encloses it.
    pub(crate) in_tests: bool,
}
