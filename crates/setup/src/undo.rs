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
                let one = take_back(&journal, &record, edit, text.as_deref())?;
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
    // Of a place that the agent no longer keeps anything in.
    for record in journal.of_agent(agent.name, scope) {
        if scope == Scope::Project && !record.file.starts_with(&places.project) {
            continue;
        }
        journal.remove(&record)?;
    }
    if undone.is_empty() {
        return Err(SetupError::NothingToUndo { agent: agent.title });
    }
    Ok(undone)
}

fn take_back(
    journal: &Journal,
    record: &Record,
    edit: &Edit,
    text: Option<&str>,
) -> Result<Undone, SetupError> {
    let path = &record.file;
    let Some(text) = text else {
        return Ok(Undone::Nothing(path.clone()));
    };
    // Another agent reads the same block.
    if journal.is_shared(record) {
        return Ok(Undone::Nothing(path.clone()));
    }
    if record.after == journal::hash(text) {
        if let Before::Missing(folders) = &record.before {
            files::remove(path, folders)?;
            return Ok(Undone::Removed(path.clone()));
        }
        if let Some(before) = record.before.restored(text) {
            files::write(path, &before)?;
            return Ok(Undone::Restored(path.clone()));
        }
    }
    let without = edit.take(path, text)?;
    if without == text {
        return Ok(Undone::Nothing(path.clone()));
    }
    match &record.before {
        Before::Missing(folders) if without.trim().is_empty() => {
            files::remove(path, folders)?;
            Ok(Undone::Removed(path.clone()))
        }
        _ => {
            files::write(path, &without)?;
            Ok(Undone::TakenOut(path.clone()))
        }
    }
}
