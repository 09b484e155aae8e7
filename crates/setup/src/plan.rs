//! What a setup would change, and making it so.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::agents::Agent;
use crate::edit::Edit;
use crate::error::SetupError;
use crate::files;
use crate::journal::{self, Before, Journal, Record};
use crate::places::{Places, Scope, Server};

/// How an agent is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose settings.
    pub scope: Scope,
    /// Whether the agent is told when to use it, beside being able to.
    pub instructions: bool,
}

/// One file, before and after.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// Its text; `None` when there is none.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: String,
    edit: Edit,
}

/// All that is to change.
#[derive(Debug)]
pub struct Plan {
    agent: &'static Agent,
    scope: Scope,
    /// Files that change.
    pub changes: Vec<Change>,
    /// Files that are as they should be.
    pub settled: Vec<PathBuf>,
    /// What is left as it is, and why.
    pub notes: Vec<String>,
}

impl Change {
    /// The difference, as `diff -u` writes it.
    pub fn diff(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        let path = self.path.display().to_string();
        let old = if self.before.is_some() {
            &path
        } else {
            "/dev/null"
        };
        TextDiff::from_lines(before, &self.after)
            .unified_diff()
            .header(old, &path)
            .to_string()
    }
}

/// What setting an agent up would change; reads, and writes nothing.
pub fn plan(
    agent: &'static Agent,
    places: &Places,
    server: &Server,
    options: &Options,
) -> Result<Plan, SetupError> {
    let edits = agent.edits(places, options.scope, server, options.instructions)?;
    let mut plan = Plan {
        agent,
        scope: options.scope,
        changes: Vec::new(),
        settled: Vec::new(),
        notes: Vec::new(),
    };
    for (path, edit) in edits {
        let before = files::read(&path)?;
        if let (Edit::Whole(_), Some(text)) = (&edit, &before)
            && edit.take(&path, text)? == *text
            && !is_ours(&server.data, agent, options.scope, &path, text)?
        {
            plan.notes.push(format!(
                "{} is not from here and is left as it is",
                path.display()
            ));
            continue;
        }
        let after = edit.put(&path, before.as_deref().unwrap_or_default())?;
        if before.as_deref() == Some(&after) {
            plan.settled.push(path);
        } else {
            plan.changes.push(Change {
                path,
                before,
                after,
                edit,
            });
        }
    }
    Ok(plan)
}

/// Whether a file is as it was written here.
fn is_ours(
    data: &Path,
    agent: &Agent,
    scope: Scope,
    path: &Path,
    text: &str,
) -> Result<bool, SetupError> {
    let hash = journal::hash(text);
    let records = journal::records(data)?;
    Ok(records.iter().any(|one| {
        one.agent == agent.name
            && one.scope == scope.name()
            && one.file == path
            && one.after == hash
    }))
}

impl Plan {
    /// Writes all changes, and notes in the data folder how it was before. A file that
    /// has changed since it was read is an error, and those before it stay written.
    pub fn apply(&self, data: &Path) -> Result<(), SetupError> {
        if self.changes.is_empty() && self.settled.is_empty() {
            return Ok(());
        }
        let mut journal = Journal::open(data)?;
        for path in &self.settled {
            journal.share(self.agent.name, self.scope, path)?;
        }
        for change in &self.changes {
            if files::read(&change.path)? != change.before {
                return Err(SetupError::InTheWay {
                    path: change.path.clone(),
                    detail: "it has just been changed by another program".to_owned(),
                });
            }
            let base = change.base(self.agent, self.scope, &journal)?;
            let made = files::write(&change.path, &change.after)?;
            let before = match base {
                Base::Missing(folders) if folders.is_empty() => Before::Missing(made),
                Base::Missing(folders) => Before::Missing(folders),
                Base::Text(text) => Before::of(&text, &change.after),
            };
            journal.put(Record {
                agent: self.agent.name.to_owned(),
                scope: self.scope.name().to_owned(),
                file: change.path.clone(),
                before,
                after: journal::hash(&change.after),
            })?;
        }
        Ok(())
    }
}

/// How a file was before the first setup.
enum Base {
    Missing(Vec<PathBuf>),
    Text(String),
}

impl Change {
    fn base(&self, agent: &Agent, scope: Scope, journal: &Journal) -> Result<Base, SetupError> {
        let Some(text) = &self.before else {
            return Ok(Base::Missing(Vec::new()));
        };
        if let Some(record) = journal.record(agent.name, scope, &self.path)
            && record.after == journal::hash(text)
        {
            return Ok(match (&record.before, record.before.restored(text)) {
                (Before::Missing(folders), _) => Base::Missing(folders.clone()),
                (_, Some(restored)) => Base::Text(restored),
                (_, None) => Base::Text(text.clone()),
            });
        }
        // An entry of an earlier setup, or one made by hand, is no part of what was before.
        Ok(Base::Text(self.edit.take(&self.path, text)?))
    }
}

/// What is known of an agent on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether it seems to be installed.
    pub is_installed: bool,
    /// Whether it has the server in the settings of the user.
    pub of_user: bool,
    /// Whether it has it in those of the project.
    pub of_project: bool,
}

/// Looks where an agent is set up. Files that cannot be read count as not.
pub fn state(agent: &Agent, places: &Places, server: &Server) -> State {
    let is_there = |scope| {
        let edits = agent.edits(places, scope, server, false).ok()?;
        let (path, edit) = edits.first()?;
        let text = files::read(path).ok()??;
        edit.is_there(path, &text).ok()
    };
    State {
        is_installed: agent.is_installed(places),
        of_user: is_there(Scope::User).unwrap_or(false),
        of_project: is_there(Scope::Project).unwrap_or(false),
    }
}
