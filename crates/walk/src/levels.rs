//! The rule files in force at a folder: its own, its parents', and the user's,
//! and which of all their rules decides for a path.

use std::path::Path;
use std::rc::Rc;

use crate::attributes::AttributeFile;
use crate::marks::{Mark, Marks};
use crate::rules::RuleFile;

/// The rule files of one folder, linked to those of its parents. Folders without
/// any share their parent's.
#[derive(Debug, Default)]
pub(crate) struct Level {
    parent: Option<Rc<Level>>,
    wherein: Option<RuleFile>,
    git: Option<RuleFile>,
    attributes: Option<AttributeFile>,
}

/// What the rules say of a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// No rule matches.
    Silent,
    /// A rule takes it in again.
    Included,
    /// A rule of `.whereinignore` leaves it out: which one.
    ExcludedByWherein(String),
    /// A rule of git's leaves it out: which one.
    ExcludedByGit(String),
}

impl Level {
    /// The level below all folders: the user's rules for the whole checkout, the
    /// stronger ones last.
    pub(crate) fn bottom(user_rules: impl IntoIterator<Item = RuleFile>) -> Rc<Self> {
        user_rules.into_iter().fold(Rc::default(), |parent, rules| {
            Rc::new(Self {
                parent: Some(parent),
                git: Some(rules),
                ..Self::default()
            })
        })
    }

    /// The level of `folder`, which holds the files in `marks`. Paths that are
    /// matched start with `base` bytes that name the folder; `shown` is how it is
    /// called in details, empty or with a final `/`.
    pub(crate) fn enter(
        parent: &Rc<Self>,
        folder: &Path,
        marks: Marks,
        base: usize,
        shown: &str,
    ) -> Rc<Self> {
        let rules_of = |mark: Mark| {
            let name = mark.name();
            marks
                .has(mark)
                .then(|| RuleFile::in_tree(&folder.join(name), format!("{shown}{name}"), base))
                .flatten()
        };
        let wherein = rules_of(Mark::WhereinIgnore);
        let git = rules_of(Mark::GitIgnore);
        let attributes = marks
            .has(Mark::GitAttributes)
            .then(|| {
                let name = Mark::GitAttributes.name();
                AttributeFile::in_tree(&folder.join(name), format!("{shown}{name}"), base)
            })
            .flatten();
        if wherein.is_none() && git.is_none() && attributes.is_none() {
            return Rc::clone(parent);
        }
        Rc::new(Self {
            parent: Some(Rc::clone(parent)),
            wherein,
            git,
            attributes,
        })
    }

    fn upwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.parent.as_deref())
    }

    /// What the rules say of `path`, relative to the top of the checkout. All
    /// `.whereinignore` files stand above all of git's; among each kind the deeper
    /// file, and in it the later line, decides.
    pub(crate) fn ruling(&self, path: &[u8], is_folder: bool) -> Ruling {
        let wherein = self
            .upwards()
            .filter_map(|level| level.wherein.as_ref())
            .find_map(|file| Some((file, file.deciding(path, is_folder)?)));
        if let Some((file, rule)) = wherein {
            return if rule.includes {
                Ruling::Included
            } else {
                Ruling::ExcludedByWherein(file.describe(rule))
            };
        }
        let git = self
            .upwards()
            .filter_map(|level| level.git.as_ref())
            .find_map(|file| Some((file, file.deciding(path, is_folder)?)));
        match git {
            Some((_, rule)) if rule.includes => Ruling::Included,
            Some((file, rule)) => Ruling::ExcludedByGit(file.describe(rule)),
            None => Ruling::Silent,
        }
    }

    /// The line of `.gitattributes` that calls the file generated, if one does.
    pub(crate) fn generated(&self, path: &[u8]) -> Option<String> {
        self.upwards()
            .filter_map(|level| level.attributes.as_ref())
            .find_map(|file| file.deciding(path))
            .and_then(|(is_generated, detail)| is_generated.then_some(detail))
    }
}
