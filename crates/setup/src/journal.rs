//! What was changed, so that it can be undone byte for byte: of each file how it was
//! before, told as the part that differs. Files of settings hold secrets of others; no
//! copy of them is kept.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use crate::error::SetupError;
use crate::files;
use crate::places::Scope;

/// Version of the file's format.
const VERSION: u32 = 1;

/// How a file was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Before {
    /// There was none; these folders were made for it, innermost first.
    Missing(Vec<PathBuf>),
    /// What was written, but for these parts; in order.
    Text(Vec<Part>),
}

/// Bytes of what was written, and what stood there before: mostly nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    start: usize,
    end: usize,
    before: String,
}

impl Before {
    pub(crate) fn of(before: &str, after: &str) -> Self {
        let common = |a: &mut dyn Iterator<Item = (char, char)>| {
            a.take_while(|(a, b)| a == b)
                .map(|(a, _)| a.len_utf8())
                .sum::<usize>()
        };
        let prefix = common(&mut before.chars().zip(after.chars()));
        let (a, b) = (&before[prefix..], &after[prefix..]);
        let suffix = common(&mut a.chars().rev().zip(b.chars().rev()));
        let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
        // Character by character: what stays between two changes is none of ours to keep.
        let mut parts: Vec<Part> = Vec::new();
        let mut at = prefix;
        let mut is_open = false;
        for change in TextDiff::from_chars(a, b).iter_all_changes() {
            let (tag, text) = (change.tag(), change.value());
            if tag == ChangeTag::Equal {
                at += text.len();
                is_open = false;
                continue;
            }
            if !is_open {
                parts.push(Part {
                    start: at,
                    end: at,
                    before: String::new(),
                });
                is_open = true;
            }
            if let Some(part) = parts.last_mut() {
                if tag == ChangeTag::Delete {
                    part.before.push_str(text);
                } else {
                    at += text.len();
                    part.end = at;
                }
            }
        }
        Self::Text(parts)
    }

    /// The text before, from the one after; `None` when there was none.
    pub(crate) fn restored(&self, after: &str) -> Option<String> {
        let Self::Text(parts) = self else { return None };
        let mut text = String::with_capacity(after.len());
        let mut at = 0;
        for part in parts {
            text.push_str(after.get(at..part.start)?);
            text.push_str(&part.before);
            at = part.end;
        }
        text.push_str(after.get(at..)?);
        Some(text)
    }
}

/// One file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) agent: String,
    pub(crate) scope: String,
    /// The project, of its scope.
    #[serde(default)]
    pub(crate) project: Option<PathBuf>,
    pub(crate) file: PathBuf,
    pub(crate) before: Before,
    /// Hash of what was written.
    pub(crate) after: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    version: u32,
    records: Vec<Record>,
}

/// The journal, held by one process at a time.
pub(crate) struct Journal {
    path: PathBuf,
    records: Vec<Record>,
    _lock: File,
}

pub(crate) fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

impl Journal {
    /// Of a data folder.
    pub(crate) fn open(data: &Path) -> Result<Self, SetupError> {
        let folder = data.join("setup");
        files::make_private_folder(&folder)?;
        let lock = folder.join("journal.lock");
        let error = SetupError::io("lock", &lock);
        let file = OpenOptions::new().create(true).append(true).open(&lock);
        let file = file.map_err(&error)?;
        file.lock().map_err(&error)?;
        Ok(Self {
            records: records(data)?,
            path: folder.join("journal.json"),
            _lock: file,
        })
    }

    pub(crate) fn record(&self, agent: &str, scope: Scope, file: &Path) -> Option<&Record> {
        self.records
            .iter()
            .find(|one| one.agent == agent && one.scope == scope.name() && one.file == file)
    }

    /// What is known of an agent: of the user, or of one project.
    pub(crate) fn of_agent(&self, agent: &str, scope: Scope, project: &Path) -> Vec<Record> {
        let is_here = |one: &Record| match scope {
            Scope::User => true,
            Scope::Project => one.project.as_deref() == Some(project),
        };
        let records = self.records.iter();
        records
            .filter(|one| one.agent == agent && one.scope == scope.name() && is_here(one))
            .cloned()
            .collect()
    }

    /// Other agents that have the same file from us: several read `AGENTS.md`.
    pub(crate) fn sharers(&self, record: &Record) -> Vec<Record> {
        let is_other = |one: &&Record| one.file == record.file && *one != record;
        self.records.iter().filter(is_other).cloned().collect()
    }

    /// Notes that another agent reads what one of them has already: the last one that
    /// goes takes it out.
    pub(crate) fn share(
        &mut self,
        agent: &str,
        scope: Scope,
        project: Option<&Path>,
        file: &Path,
    ) -> Result<(), SetupError> {
        if self.record(agent, scope, file).is_some() {
            return Ok(());
        }
        let other = self.records.iter().find(|one| one.file == file).cloned();
        match other {
            Some(other) => self.put(Record {
                agent: agent.to_owned(),
                scope: scope.name().to_owned(),
                project: project.map(Path::to_owned),
                ..other
            }),
            None => Ok(()),
        }
    }

    /// Puts a record in the place of the one before it.
    pub(crate) fn put(&mut self, record: Record) -> Result<(), SetupError> {
        self.drop_record(&record);
        // What several read is the same for all of them.
        for other in self
            .records
            .iter_mut()
            .filter(|one| one.file == record.file)
        {
            other.before.clone_from(&record.before);
            other.after.clone_from(&record.after);
        }
        self.records.push(record);
        self.save()
    }

    pub(crate) fn remove(&mut self, record: &Record) -> Result<(), SetupError> {
        self.drop_record(record);
        self.save()
    }

    fn drop_record(&mut self, record: &Record) {
        self.records.retain(|one| {
            (&one.agent, &one.scope, &one.file) != (&record.agent, &record.scope, &record.file)
        });
    }

    fn save(&self) -> Result<(), SetupError> {
        let document = Document {
            version: VERSION,
            records: self.records.clone(),
        };
        let text = serde_json::to_string_pretty(&document).unwrap_or_default();
        files::write_private(&self.path, &format!("{text}\n"))
    }
}

/// All records of a data folder.
pub(crate) fn records(data: &Path) -> Result<Vec<Record>, SetupError> {
    let path = data.join("setup").join("journal.json");
    let Some(text) = files::read(&path)? else {
        return Ok(Vec::new());
    };
    let document: Document =
        serde_json::from_str(&text).map_err(|error| SetupError::Malformed {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
            detail: error.to_string(),
        })?;
    Ok(document.records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_before_comes_back(before in "[a-cäé\n]{0,12}", after in "[a-cäé\n]{0,12}") {
            let told = Before::of(&before, &after);
            prop_assert_eq!(told.restored(&after), Some(before));
        }
    }
}
