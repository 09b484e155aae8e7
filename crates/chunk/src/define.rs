//! What the scan does at a node that defines something.

use tree_sitter::Node;
use wherein_core::{ByteRange, ChunkKind, Language};

use crate::names;
use crate::outline::Definition;
use crate::scan::{Inside, Open, Walk, Wrapper, last_line};
use crate::signature;
use crate::spec::{Head, Rule};

/// Definitions nested deeper are part of the ones above: nobody names them so,
/// and each level costs a breadcrumb.
const MAX_NESTING: usize = 32;

/// Most definitions of one file that are told apart.
const MAX_DEFINITIONS: usize = 1 << 16;

impl<'tree> Walk<'_, '_, 'tree> {
    /// Adds the definition at `node`, if it is one.
    pub(crate) fn define(&mut self, node: Node<'tree>, depth: u32, rule: &Rule) -> bool {
        let room =
            self.open.len() < MAX_NESTING && self.scan.outline.definitions.len() < MAX_DEFINITIONS;
        if !room {
            return false;
        }
        let Some(found) = names::find(rule, &self.site(node, depth)) else {
            return false;
        };
        let mut kind = found.kind.unwrap_or(rule.kind);
        if self.in_function() && is_value(kind) {
            return false;
        }
        let enclosing = self.open.last().and_then(|open| open.kind);
        if kind == ChunkKind::Function && enclosing.is_some_and(is_type) {
            kind = ChunkKind::Method;
        }
        let outer = self.take_wrapper(node, depth);
        let lines = self.scan.lines;
        let Some((own_first, last)) =
            lines.trimmed(outer.start_position().row as u32, last_line(outer))
        else {
            return false;
        };
        let first = self.first_leading(own_first);
        let signature = signature::range(self.grammar, outer, node, lines.text());
        let in_tests = self.inside().tests;
        if matches!(kind, ChunkKind::Function | ChunkKind::Method) {
            let head = Head {
                name: &found.name,
                attributes: ByteRange {
                    start: lines.start(first),
                    end: signature.start,
                }
                .of(lines.text()),
                in_tests,
            };
            if (self.grammar.spec.is_test)(&head) {
                kind = ChunkKind::Test;
            }
        }
        let in_tests = in_tests || names::is_for_tests(&found.name, kind);
        let own = [found.scope.as_deref(), Some(&found.name)];
        let breadcrumb = names::breadcrumb(self.crumb(), own.into_iter().flatten());
        let crumb = found.inside.map_or_else(
            || breadcrumb.clone(),
            |inside| names::breadcrumb(self.crumb(), [inside.as_str()].into_iter()),
        );
        let definition = Definition {
            doc: self.doc(node, first, own_first),
            parent: self.parent(),
            subtree_end: 0,
            first,
            last,
            signature,
            language: self.language,
            minor: kind == ChunkKind::Field || (is_value(kind) && enclosing.is_some_and(is_type)),
            always_split: false,
            name: found.name,
            kind,
            breadcrumb,
        };
        self.give_back_leading(first, own_first);
        let index = self.push(definition);
        self.open.push(Open {
            index,
            depth,
            crumb,
            kind: Some(kind),
            inside: Inside {
                function: self.in_function() || kind.is_runnable(),
                tests: in_tests,
                leaf: rule.leaf,
            },
            until_next: false,
        });
        true
    }

    /// Adds a definition, or lengthens the one it is a clause of.
    fn push(&mut self, definition: Definition) -> u32 {
        let definitions = &mut self.scan.outline.definitions;
        if self.grammar.spec.clauses
            && let Some((index, before)) = previous_sibling(definitions, definition.parent)
            && before.name == definition.name
            && before.breadcrumb == definition.breadcrumb
            && before.last < definition.first
        {
            let marks = &self.scan.outline.marks;
            let only_comments = (before.last + 1..definition.first)
                .all(|line| self.scan.lines.is_blank(line) || marks[line as usize].leads());
            if only_comments {
                definitions[index].last = definition.last;
                return index as u32;
            }
        }
        definitions.push(definition);
        definitions.len() as u32 - 1
    }

    /// Takes lines that lead a definition from the sibling before it, where the
    /// tree counts them among the sibling's (comments at the end of a TOML table).
    fn give_back_leading(&mut self, first: u32, own_first: u32) {
        let definitions = &self.scan.outline.definitions;
        if first < own_first
            && let Some((index, before)) = previous_sibling(definitions, self.parent())
            && before.first < first
            && before.last >= first
        {
            self.shorten(index, first);
        }
    }

    /// First of the comment and attribute lines directly above a line.
    pub(crate) fn first_leading(&self, line: u32) -> u32 {
        let marks = &self.scan.outline.marks;
        (0..line)
            .rev()
            .take_while(|above| marks[*above as usize].leads())
            .last()
            .unwrap_or(line)
    }

    /// The doc comment among the lines above, else the doc inside.
    fn doc(&self, node: Node<'_>, first: u32, own_first: u32) -> ByteRange {
        let lines = self.scan.lines;
        let marks = &self.scan.outline.marks;
        let mut comments = (first..own_first).filter(|line| marks[*line as usize].comment);
        if let Some(start) = comments.next() {
            return ByteRange {
                start: lines.visible(start).unwrap_or(lines.start(start)),
                end: lines.end(comments.next_back().unwrap_or(start)),
            };
        }
        let inner = self.grammar.spec.inner_doc.and_then(|inner| inner(node));
        inner.map_or_else(ByteRange::default, |doc| ByteRange {
            start: doc.start_byte() as u32,
            end: doc.end_byte() as u32,
        })
    }

    pub(crate) fn wrap(&mut self, node: Node<'tree>, depth: u32) {
        match &mut self.wrapper {
            Some(wrapper) if wrapper.holds(node, depth) => wrapper.innermost_depth = depth,
            _ => {
                self.wrapper = Some(Wrapper {
                    outermost: node,
                    innermost_depth: depth,
                });
            }
        }
    }

    fn take_wrapper(&mut self, node: Node<'tree>, depth: u32) -> Node<'tree> {
        self.wrapper
            .take_if(|wrapper| wrapper.holds(node, depth))
            .map_or(node, |wrapper| wrapper.outermost)
    }

    pub(crate) fn holds_several(&self, node: Node<'_>) -> bool {
        let mut cursor = node.walk();
        node.named_children(&mut cursor)
            .filter(|child| self.grammar.entry(child.kind_id()).rule().is_some())
            .nth(1)
            .is_some()
    }

    pub(crate) fn group(&mut self, node: Node<'tree>, depth: u32) {
        if self.in_function() || self.open.len() >= MAX_NESTING {
            return;
        }
        let outer = self.take_wrapper(node, depth);
        let mut cursor = node.walk();
        let kind = node
            .named_children(&mut cursor)
            .find_map(|child| self.grammar.entry(child.kind_id()).rule())
            .map_or(ChunkKind::Code, |rule| self.grammar.spec.rules[rule].kind);
        let first = self.first_leading(outer.start_position().row as u32);
        let (language, parent) = (self.language, self.parent());
        let definition = self.nameless(outer, first, kind, language, parent);
        let crumb = definition.breadcrumb.clone();
        self.scan.outline.definitions.push(definition);
        self.open.push(Open {
            index: self.scan.outline.definitions.len() as u32 - 1,
            depth,
            crumb,
            kind: self.open.last().and_then(|open| open.kind),
            inside: self.inside(),
            until_next: false,
        });
    }

    pub(crate) fn nameless(
        &self,
        node: Node<'_>,
        first: u32,
        kind: ChunkKind,
        language: Language,
        parent: Option<u32>,
    ) -> Definition {
        Definition {
            name: String::new(),
            kind,
            breadcrumb: self.crumb().to_owned(),
            parent,
            subtree_end: 0,
            first,
            last: last_line(node).min(self.scan.lines.count().saturating_sub(1)),
            signature: ByteRange::default(),
            doc: ByteRange::default(),
            language,
            minor: false,
            always_split: false,
        }
    }
}

/// The last definition with this parent, if nothing was added after its subtree.
fn previous_sibling(
    definitions: &[Definition],
    parent: Option<u32>,
) -> Option<(usize, &Definition)> {
    let mut index = definitions.len().checked_sub(1)?;
    loop {
        let definition = &definitions[index];
        if definition.parent == parent {
            return Some((index, definition));
        }
        index = definition.parent? as usize;
    }
}

/// Kinds that are noise inside a function.
fn is_value(kind: ChunkKind) -> bool {
    matches!(
        kind,
        ChunkKind::Constant | ChunkKind::Variable | ChunkKind::Field | ChunkKind::Key
    )
}

/// Kinds whose functions are methods.
fn is_type(kind: ChunkKind) -> bool {
    kind == ChunkKind::Impl || (kind.is_type() && kind != ChunkKind::Type)
}
