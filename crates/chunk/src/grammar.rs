//! A table resolved to the numbers of its grammar, so that the walk over a tree
//! compares no strings.

use tree_sitter::Language as TreeSitterLanguage;

use crate::spec::Spec;

/// What a node kind means, in one word.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    pub(crate) flags: u16,
    /// One more than the index of its rule; 0 for none.
    rule: u8,
}

impl Entry {
    pub(crate) const COMMENT: u16 = 1;
    pub(crate) const ATTRIBUTE: u16 = 2;
    pub(crate) const MODIFIERS: u16 = 4;
    pub(crate) const WRAPPER: u16 = 8;
    pub(crate) const GROUP: u16 = 16;
    pub(crate) const BODY: u16 = 32;
    pub(crate) const NOTE: u16 = 64;
    pub(crate) const HOST: u16 = 128;
    pub(crate) const OPEN_ENDED: u16 = 256;
    pub(crate) const HEAD: u16 = 512;
    pub(crate) const INWARD: u16 = 1024;

    pub(crate) fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn is_plain(self) -> bool {
        self.flags == 0 && self.rule == 0
    }

    pub(crate) fn rule(self) -> Option<usize> {
        (self.rule as usize).checked_sub(1)
    }
}

/// A grammar with its table, resolved to ids.
pub(crate) struct Grammar {
    slot: usize,
    language: TreeSitterLanguage,
    pub(crate) spec: &'static Spec,
    entries: Vec<Entry>,
    /// Field ids of `body`, and of what leads to it (`value`, `right` ...).
    pub(crate) body_field: u16,
    pub(crate) inward_fields: Vec<u16>,
}

impl Grammar {
    pub(crate) fn new(slot: usize, language: &TreeSitterLanguage, spec: &'static Spec) -> Self {
        let field = |name: &str| language.field_id_for_name(name).map_or(0, u16::from);
        let mut grammar = Self {
            slot,
            spec,
            entries: vec![Entry::default(); language.node_kind_count()],
            body_field: field("body"),
            inward_fields: [
                "value",
                "right",
                "rhs",
                "definition",
                "declarator",
                "expression",
                "type",
                "clause",
                "arguments",
            ]
            .map(field)
            .into_iter()
            .filter(|id| *id != 0)
            .collect(),
            language: language.clone(),
        };
        for id in 0..language.node_kind_count() as u16 {
            let Some(kind) = language.node_kind_for_id(id) else {
                continue;
            };
            if language.node_kind_is_named(id) {
                grammar.entries[id as usize] = entry(spec, kind);
            }
        }
        grammar
    }

    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    pub(crate) fn language(&self) -> &TreeSitterLanguage {
        &self.language
    }

    /// What this kind means; kinds outside the grammar (errors) mean nothing.
    pub(crate) fn entry(&self, kind_id: u16) -> Entry {
        self.entries
            .get(kind_id as usize)
            .copied()
            .unwrap_or_default()
    }
}

fn entry(spec: &Spec, kind: &str) -> Entry {
    let flags = [
        (spec.comments, Entry::COMMENT),
        (spec.attributes, Entry::ATTRIBUTE),
        (spec.modifiers, Entry::MODIFIERS),
        (spec.wrappers, Entry::WRAPPER),
        (spec.groups, Entry::GROUP),
        (spec.bodies, Entry::BODY),
        (spec.notes, Entry::NOTE),
        (spec.hosts, Entry::HOST),
        (spec.open_ended, Entry::OPEN_ENDED),
        (spec.heads, Entry::HEAD),
        (spec.inward, Entry::INWARD),
    ];
    let rule = spec.rules.iter().position(|rule| rule.node == kind);
    Entry {
        flags: flags
            .iter()
            .filter(|(kinds, _)| kinds.contains(&kind))
            .fold(0, |all, (_, flag)| all | flag),
        rule: rule.map_or(0, |index| index as u8 + 1),
    }
}
