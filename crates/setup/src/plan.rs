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
    project: Option<PathBuf>,
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
        project: (options.scope == Scope::Project).then(|| places.project.clone()),
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
            journal.share(self.agent.name, self.scope, self.project.as_deref(), path)?;
        }
        for change in &self.changes {
            if files::read(&change.path)? != change.before {
                return Err(SetupError::InTheWay {
                    path: change.path.clone(),
                    detail: "it has just been changed by another program".to_owned(),
                });
            }
            let before = match change.base(self.agent, self.scope, &journal)? {
                Base::Missing(folders) if folders.is_empty() => {
                    Before::Missing(files::missing_folders(&change.path))
                }
                Base::Missing(folders) => Before::Missing(folders),
                Base::Text(text) => Before::of(&text, &change.after),
            };
            // First: an entry that no file answers to does no harm.
            journal.put(Record {
                agent: self.agent.name.to_owned(),
                scope: self.scope.name().to_owned(),
                project: self.project.clone(),
                file: change.path.clone(),
                before,
                after: journal::hash(&change.after),
            })?;
            files::write(&change.path, &change.after)?;
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
        let Some(record) = journal.record(agent.name, scope, &self.path) else {
            // All of it, an entry that was made by hand too.
            return Ok(Base::Text(text.clone()));
        };
        let missing = || match &record.before {
            Before::Missing(folders) => Some(Base::Missing(folders.clone())),
            Before::Text(_) => None,
        };
        if record.after == journal::hash(text) {
            let restored = || record.before.restored(text).map(Base::Text);
            return Ok(missing()
                .or_else(restored)
                .unwrap_or_else(|| Base::Text(text.clone())));
        }
        // Changed since the first setup: all but our part.
        let without = self.edit.take(&self.path, text)?;
        let is_made_here = self.edit.is_nothing(&without);
        Ok(missing()
            .filter(|_| is_made_here)
            .unwrap_or(Base::Text(without)))
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
