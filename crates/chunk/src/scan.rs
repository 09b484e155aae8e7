//! The walk over a tree that fills the outline: one cursor, one loop, no recursion.

use tree_sitter::{Node, Tree};
use wherein_core::{ChunkKind, Language};

use crate::grammar::{Entry, Grammar};
use crate::lines::Lines;
use crate::outline::Outline;
use crate::parse::{Deadline, parse};
use crate::spec::{Embedded, Site};
use crate::{languages, signature};

/// Nodes within one line are followed this deep in search of definitions.
const MAX_LEVELS_IN_LINE: u32 = 5;

/// Code embedded in one file is parsed at most this many times.
const MAX_EMBEDDED: usize = 64;

/// Fills an [`Outline`] from a file's tree and the trees of embedded code.
pub(crate) struct Scan<'a> {
    pub(crate) lines: &'a Lines<'a>,
    pub(crate) outline: Outline,
    deadline: Deadline,
    embedded: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(lines: &'a Lines<'a>, deadline: Deadline) -> Self {
        Self {
            lines,
            outline: Outline::new(lines),
            deadline,
            embedded: 0,
        }
    }

    /// The outline, when every tree has been added.
    pub(crate) fn finish(mut self) -> Outline {
        let definitions = &mut self.outline.definitions;
        for index in (0..definitions.len()).rev() {
            let end = definitions[index].subtree_end.max(index as u32 + 1);
            definitions[index].subtree_end = end;
            if let Some(parent) = definitions[index].parent {
                let above = &mut definitions[parent as usize];
                above.subtree_end = above.subtree_end.max(end);
            }
        }
        self.outline
    }

    /// Adds what `tree` holds, inside `host` when it is embedded code.
    pub(crate) fn tree(
        &mut self,
        grammar: &'static Grammar,
        language: Language,
        tree: &Tree,
        host: Option<u32>,
    ) {
        let mut cursor = tree.walk();
        let mut walk = Walk {
            scan: self,
            grammar,
            language,
            host,
            open: Vec::new(),
            wrapper: None,
        };
        let mut depth = 0;
        // Depth of the node of a single line that the walk is inside of.
        let mut line_depth = u32::MAX;
        loop {
            let node = cursor.node();
            if depth <= line_depth {
                line_depth = u32::MAX;
            }
            let single_line =
                line_depth != u32::MAX || node.start_position().row == node.end_position().row;
            if single_line && line_depth == u32::MAX {
                line_depth = depth;
            }
            let descend = walk.enter(node, depth)
                && (!single_line
                    || (depth - line_depth < MAX_LEVELS_IN_LINE && !walk.in_function()));
            if descend && cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                depth -= 1;
            }
        }
    }
}

/// A definition that the walk is inside of.
pub(crate) struct Open {
    pub(crate) index: u32,
    pub(crate) depth: u32,
    /// What its members' breadcrumbs begin with.
    pub(crate) crumb: String,
    /// Kind of the innermost definition with a name.
    pub(crate) kind: Option<ChunkKind>,
    pub(crate) inside: Inside,
    /// Its end is where the next of its sort begins.
    pub(crate) until_next: bool,
}

/// What encloses a node, near or far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Inside {
    pub(crate) function: bool,
    pub(crate) tests: bool,
    /// A definition in which nothing is one.
    pub(crate) leaf: bool,
}

/// Nodes one in another that belong to the definition they hold.
pub(crate) struct Wrapper<'tree> {
    pub(crate) outermost: Node<'tree>,
    pub(crate) innermost_depth: u32,
}

pub(crate) struct Walk<'scan, 'lines, 'tree> {
    pub(crate) scan: &'scan mut Scan<'lines>,
    pub(crate) grammar: &'static Grammar,
    pub(crate) language: Language,
    pub(crate) host: Option<u32>,
    pub(crate) open: Vec<Open>,
    pub(crate) wrapper: Option<Wrapper<'tree>>,
}

impl<'tree> Walk<'_, '_, 'tree> {
    pub(crate) fn in_function(&self) -> bool {
        self.inside().function
    }

    pub(crate) fn inside(&self) -> Inside {
        self.open
            .last()
            .map_or_else(Inside::default, |open| open.inside)
    }

    pub(crate) fn parent(&self) -> Option<u32> {
        self.open.last().map_or(self.host, |open| Some(open.index))
    }

    pub(crate) fn crumb(&self) -> &str {
        self.open.last().map_or("", |open| &open.crumb)
    }

    pub(crate) fn site<'a>(&'a self, node: Node<'a>, depth: u32) -> Site<'a> {
        Site {
            node,
            text: self.scan.lines.text(),
            depth,
            enclosing: self.open.last().and_then(|open| open.kind),
            in_function: self.in_function(),
        }
    }

    /// Takes note of a node; says whether to look inside.
    fn enter(&mut self, node: Node<'tree>, depth: u32) -> bool {
        while let Some(open) = self.open.pop_if(|open| open.depth >= depth) {
            if open.until_next {
                self.end_before(&open, node);
            }
        }
        if !node.is_named() {
            return false;
        }
        self.mark_depth(node, depth);
        let entry = self.grammar.entry(node.kind_id());
        if entry.has(Entry::OPEN_ENDED) {
            self.close_open_ended(node, depth);
        }
        if entry.is_plain() {
            return true;
        }
        if entry.has(Entry::COMMENT | Entry::ATTRIBUTE) {
            self.mark_leading(node, entry.has(Entry::COMMENT));
            return false;
        }
        if entry.has(Entry::NOTE) && (self.grammar.spec.is_note)(&self.site(node, depth)) {
            self.mark_leading(node, true);
            return false;
        }
        if entry.has(Entry::HOST) && self.host.is_none() {
            let embedded = (self.grammar.spec.embedded)(&self.site(node, depth));
            if let Some(embedded) = embedded {
                self.embed(node, &embedded);
                return false;
            }
        }
        if self.inside().leaf {
            return true;
        }
        let defined = entry
            .rule()
            .is_some_and(|rule| self.define(node, depth, &self.grammar.spec.rules[rule]));
        if defined && entry.has(Entry::OPEN_ENDED) {
            self.leave_open(node);
        }
        if !defined {
            if entry.has(Entry::GROUP) && self.holds_several(node) {
                self.group(node, depth);
            } else if entry.has(Entry::WRAPPER | Entry::GROUP) {
                self.wrap(node, depth);
            }
        }
        true
    }

    /// Lets the definition just made reach to the end of what encloses it.
    fn leave_open(&mut self, node: Node<'_>) {
        // One with a body (`namespace X { ... }`) has its end.
        let has_body = signature::body_start(self.grammar, node).is_some();
        let Some(open) = self.open.last_mut().filter(|_| !has_body) else {
            return;
        };
        let definitions = &mut self.scan.outline.definitions;
        let end = definitions[open.index as usize].parent.map_or_else(
            || self.scan.lines.count() - 1,
            |parent| definitions[parent as usize].last,
        );
        definitions[open.index as usize].last = end;
        open.depth = open.depth.saturating_sub(1);
        open.until_next = true;
    }

    /// Ends an open definition before `node`, which is the next of its sort.
    fn close_open_ended(&mut self, node: Node<'_>, depth: u32) {
        let ends = |open: &mut Open| open.until_next && open.depth + 1 == depth;
        if let Some(open) = self.open.pop_if(ends) {
            self.end_before(&open, node);
        }
    }

    fn end_before(&mut self, open: &Open, node: Node<'_>) {
        let next = self.first_leading(node.start_position().row as u32);
        self.shorten(open.index as usize, next);
    }

    /// Ends a definition above line `next`.
    pub(crate) fn shorten(&mut self, index: usize, next: u32) {
        let definition = &mut self.scan.outline.definitions[index];
        if let Some(last) = next.checked_sub(1)
            && let Some((_, last)) = self.scan.lines.trimmed(definition.first, last)
        {
            definition.last = definition.last.min(last);
        }
    }

    fn mark_depth(&mut self, node: Node<'_>, depth: u32) {
        let row = node.start_position().row;
        if let Some(mark) = self.scan.outline.marks.get_mut(row)
            && mark.depth == u16::MAX
            && self.scan.lines.visible(row as u32) == Some(node.start_byte() as u32)
        {
            mark.depth = depth.min(u32::from(u16::MAX) - 1) as u16;
        }
    }

    /// Marks the lines that a comment or attribute has for itself.
    fn mark_leading(&mut self, node: Node<'_>, comment: bool) {
        let lines = self.scan.lines;
        let first = node.start_position().row as u32;
        let last = last_line(node);
        let start = node.start_byte();
        let at_line_start = last < lines.count() && lines.visible(first) == Some(start as u32);
        let is_shebang = first == 0
            && lines
                .text()
                .get(start..)
                .is_some_and(|text| text.starts_with("#!"));
        if !at_line_start || is_shebang {
            return;
        }
        let end = node.end_byte().min(lines.end(last) as usize);
        let alone = lines
            .text()
            .get(end..lines.end(last) as usize)
            .is_some_and(|rest| rest.trim().is_empty());
        for line in first..=last {
            let mark = &mut self.scan.outline.marks[line as usize];
            mark.comment |= comment && (alone || line < last);
            mark.attribute |= !comment && (alone || line < last);
        }
    }

    /// Parses embedded code and adds what it holds.
    fn embed(&mut self, node: Node<'tree>, embedded: &Embedded) {
        if self.scan.embedded >= MAX_EMBEDDED {
            return;
        }
        let Some(grammar) = languages::grammar(embedded.language) else {
            return;
        };
        self.scan.embedded += 1;
        let text = self.scan.lines.text();
        // Embedded code that does not parse in time stays part of its host.
        let Ok(tree) = parse(grammar, text, Some(embedded.range), self.scan.deadline) else {
            return;
        };
        let first = node.start_position().row as u32;
        let mut host = self.nameless(
            node,
            first,
            ChunkKind::Code,
            embedded.language,
            self.parent(),
        );
        host.always_split = true;
        host.breadcrumb.clear();
        self.scan.outline.definitions.push(host);
        let index = self.scan.outline.definitions.len() as u32 - 1;
        self.scan
            .tree(grammar, embedded.language, &tree, Some(index));
    }
}

impl Wrapper<'_> {
    pub(crate) fn holds(&self, node: Node<'_>, depth: u32) -> bool {
        self.innermost_depth + 1 == depth
            && self.outermost.start_byte() <= node.start_byte()
            && node.end_byte() <= self.outermost.end_byte()
    }
}

/// Last line that a node has text on: many nodes end with their line break.
pub(crate) fn last_line(node: Node<'_>) -> u32 {
    let (start, end) = (node.start_position(), node.end_position());
    if end.column == 0 && end.row > start.row {
        end.row as u32 - 1
    } else {
        end.row as u32
    }
}
