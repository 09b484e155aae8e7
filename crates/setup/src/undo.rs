//! Taking a setup back.

use std::path::{Path, PathBuf};

use crate::agents::Agent;
use crate::edit::Edit;
use crate::error::SetupError;
use crate::files;
use crate::journal::{self, Before, Journal, Record};
use crate::places::{Places, Scope, Server};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is byte for byte what it was.
    Restored(PathBuf),
    /// It was made by the setup and is gone.
    Removed(PathBuf),
    /// It was changed since: our part was taken out, the rest left.
    TakenOut(PathBuf),
    /// It was changed since and nothing of ours is left in it, or it is gone.
    Nothing(PathBuf),
}

/// Takes back what was set up for an agent; also an entry that was made by hand.
pub fn undo(
    agent: &'static Agent,
    places: &Places,
    server: &Server,
    scope: Scope,
    data: &Path,
) -> Result<Vec<Undone>, SetupError> {
    let edits = agent.edits(places, scope, server, true)?;
    let mut journal = Journal::open(data)?;
    let mut undone = Vec::new();
    // Folders that were made for the first are empty once the last has gone.
    for (path, edit) in edits.iter().rev() {
        let record = journal.record(agent.name, scope, path).cloned();
        let text = files::read(path)?;
        match (record, text) {
            (Some(record), text) => {
                // Another agent that is still set up reads the same block.
                let is_shared = journal
                    .sharers(&record)
                    .iter()
                    .any(|other| is_set_up(other, places, server));
                let one = match text {
                    Some(text) if !is_shared => take_back(&record, edit, &text)?,
                    _ => Undone::Nothing(path.clone()),
                };
                undone.push(one);
                journal.remove(&record)?;
            }
            // Not from a setup that is known here; the entry alone is ours.
            (None, Some(text)) if matches!(edit, Edit::Server { .. }) => {
                let without = edit.take(path, &text)?;
                if without != text {
                    files::write(path, &without)?;
                    undone.push(Undone::TakenOut(path.clone()));
                }
            }
            (None, _) => {}
        }
    }
    // In places where the agent kept its settings then (`CODEX_HOME` was another): what is
    // as it was written is taken back; of the rest the note is kept.
    for record in journal.of_agent(agent.name, scope, &places.project) {
        let text = files::read(&record.file)?;
        if let Some(text) = text.filter(|text| record.after == journal::hash(text)) {
            undone.push(restore(&record, &text)?);
            journal.remove(&record)?;
        }
    }
    if undone.is_empty() {
        return Err(SetupError::NothingToUndo { agent: agent.title });
    }
    Ok(undone)
}

/// Whether the agent of a record has the server in its settings.
fn is_set_up(record: &Record, places: &Places, server: &Server) -> bool {
    let scope = match record.scope.as_str() {
        "project" => Scope::Project,
        _ => Scope::User,
    };
    let places = Places {
        project: record.project.clone().unwrap_or_default(),
        ..places.clone()
    };
    let is_there = || {
        let agent = crate::agents::find(&record.agent).ok()?;
        let edits = agent.edits(&places, scope, server, false).ok()?;
        let (path, edit) = edits.first()?;
        edit.is_there(path, &files::read(path).ok()??).ok()
    };
    is_there().unwrap_or(false)
}

/// Of a file that is as it was written.
fn restore(record: &Record, text: &str) -> Result<Undone, SetupError> {
    let path = &record.file;
    match (&record.before, record.before.restored(text)) {
        (Before::Missing(folders), _) => {
            files::remove(path, folders)?;
            Ok(Undone::Removed(path.clone()))
        }
        (_, Some(before)) => {
            files::write(path, &before)?;
            Ok(Undone::Restored(path.clone()))
        }
        (_, None) => Ok(Undone::Nothing(path.clone())),
    }
}

fn take_back(record: &Record, edit: &Edit, text: &str) -> Result<Undone, SetupError> {
    let path = &record.file;
    if record.after == journal::hash(text) {
        return restore(record, text);
    }
    let without = edit.take(path, text)?;
    if without == text {
        return Ok(Undone::Nothing(path.clone()));
    }
    match &record.before {
        Before::Missing(folders) if edit.is_nothing(&without) => {
            files::remove(path, folders)?;
            Ok(Undone::Removed(path.clone()))
        }
        _ => {
            files::write(path, &without)?;
            Ok(Undone::TakenOut(path.clone()))
        }
    }
}
