//! What was changed, so that it can be undone byte for byte: of each file how it was
//! before, told as the part that differs. Files of settings hold secrets of others; no
//! copy of them is kept.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
    /// The first `prefix` and the last `suffix` bytes of what was written, with `middle`
    /// between.
    Text {
        prefix: usize,
        suffix: usize,
        middle: String,
    },
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
        Self::Text {
            prefix,
            suffix,
            middle: a[..a.len() - suffix].to_owned(),
        }
    }

    /// The text before, from the one after; `None` when there was none.
    pub(crate) fn restored(&self, after: &str) -> Option<String> {
        match self {
            Self::Missing(_) => None,
            Self::Text {
                prefix,
                suffix,
                middle,
            } => {
                let start = after.get(..*prefix)?;
                let end = after.get(after.len().checked_sub(*suffix)?..)?;
                Some(format!("{start}{middle}{end}"))
            }
        }
    }
}

/// One file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) agent: String,
    pub(crate) scope: String,
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
        fs::create_dir_all(&folder).map_err(SetupError::io("create", &folder))?;
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

    pub(crate) fn of_agent(&self, agent: &str, scope: Scope) -> Vec<Record> {
        let records = self.records.iter();
        records
            .filter(|one| one.agent == agent && one.scope == scope.name())
            .cloned()
            .collect()
    }

    /// Whether another agent has the same file from us: several read `AGENTS.md`.
    pub(crate) fn is_shared(&self, record: &Record) -> bool {
        let is_other = |one: &Record| one.file == record.file && one != record;
        self.records.iter().any(is_other)
    }

    /// Notes that another agent reads what one of them has already: the last one that
    /// goes takes it out.
    pub(crate) fn share(
        &mut self,
        agent: &str,
        scope: Scope,
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
                ..other
            }),
            None => Ok(()),
        }
    }

    /// Puts a record in the place of the one before it.
    pub(crate) fn put(&mut self, record: Record) -> Result<(), SetupError> {
        self.drop_record(&record);
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
        files::write(&self.path, &format!("{text}\n")).map(drop)
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
