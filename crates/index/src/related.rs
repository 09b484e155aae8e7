//! What belongs to a place in the code: spans that resemble it, by their vectors; who
//! calls what is defined there and what that calls, by the syntax trees.
//!
//! Calls are told by name: nothing here knows types, so of several definitions of one
//! name the nearest is taken, and calls of all of them are its callers.

use std::str::FromStr;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use wherein_chunk::{bare_name, calls};
use wherein_core::{CallSite, ChunkKind, Filters, RelatedAnswer};
use wherein_pack::SpanId;
use wherein_search::{RankedSpan, Similar, WantedText, similar};
use wherein_store::{RowSet, Snapshot, SymbolInfo};

use crate::error::IndexError;
use crate::known::Known;
use crate::repository::{Current, Repository};
use crate::workers;

/// Most callers and callees that are told.
const MAX_CALLS: usize = 30;
/// How long files are parsed for callers.
const PARSE_TIME: Duration = Duration::from_secs(2);
/// Most files that are parsed for callers.
const MAX_FILES: usize = 200;
/// Definitions of one name, beyond which a call of it may mean any of them.
const MAX_MEANINGS: usize = 3;
/// Most chunks of one definition that are compared with others.
const MAX_ROWS: usize = 8;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path, relative to the repository or absolute.
    pub path: String,
    /// 1-based.
    pub line: u32,
}

impl FromStr for Place {
    type Err = BadPlace;

    /// `PATH:LINE`, as compilers and answers write it; a column or a last line after it
    /// is taken and not looked at.
    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let bad = || BadPlace(text.chars().take(200).collect());
        let number = |part: &str| {
            let first = part.split('-').next().unwrap_or_default();
            first.parse::<u32>().ok().filter(|line| *line > 0)
        };
        let (path, last) = text.rsplit_once(':').ok_or_else(bad)?;
        let line = number(last).ok_or_else(bad)?;
        let (path, line) = match path.rsplit_once(':') {
            Some((before, line)) if number(line).is_some() => (before, number(line)),
            _ => (path, Some(line)),
        };
        match line {
            Some(line) if !path.is_empty() => Ok(Self {
                path: path.to_owned(),
                line,
            }),
            _ => Err(bad()),
        }
    }
}

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no place; write FILE:LINE, such as src/main.rs:10")]
pub struct BadPlace(String);

/// What stands at a place.
struct There<'a> {
    file: u32,
    /// The chunks of it.
    rows: Vec<u32>,
    /// The innermost definition around the line.
    definition: Option<SymbolInfo<'a>>,
}

impl Repository {
    /// What belongs to the span at a place: at most `k` similar spans that do not lie in
    /// `known`, callers and callees; all of it in the folder `below`, where one is given.
    pub fn related(
        &self,
        place: &Place,
        k: usize,
        known: &[SpanId],
        below: Option<&str>,
    ) -> Result<RelatedAnswer, IndexError> {
        let started = Instant::now();
        let current = self.current_or_none()?;
        let there = self.there(&current, place)?;
        let snapshot = &current.snapshot;
        let filters = Filters {
            below: below.map(str::to_owned),
            ..Filters::default()
        };
        let meant = self.meant(filters, &current)?;
        let searcher = self.searcher(&current);
        let allowed = searcher.allowed(0, &meant)?;
        if !there.rows.iter().any(|row| allowed.contains(*row)) {
            return Err(no_such(
                place,
                "it lies outside of the folder that is looked in",
            ));
        }
        let (known, _) = self.excluded(&current, known);
        let wanted = Similar {
            rows: &there.rows,
            model: self.model_id(),
            k: k + known.len(),
        };
        let mut stale = u64::from(!self.is_as_indexed(&current, there.file));
        let known = Known::of(&known);
        let mut hits = Vec::new();
        for span in similar(self.part(&current), &allowed, &wanted)? {
            let file = snapshot.file_of_row(span.row);
            if hits.len() == k || known.has(&current, file, &span)? {
                continue;
            }
            if self.is_as_indexed(&current, file) {
                hits.push(searcher.hit(hits.len() + 1, &span)?);
            } else {
                stale += 1;
            }
        }
        let (first, last) = match there.rows.as_slice() {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => return Err(no_such(place, "nothing of the file is indexed")),
        };
        let span = RankedSpan {
            row: first,
            rows: first..=last,
            score: 1.0,
            explain: None,
            definition: None,
        };
        let mut of = searcher.hit(0, &span)?;
        let mut calling = (Vec::new(), false);
        let mut called = Vec::new();
        if let Some(definition) = there.definition.filter(|one| may_be_called(one.kind)) {
            of.symbol = Some(definition.name.to_owned());
            definition.breadcrumb.clone_into(&mut of.breadcrumb);
            of.kind = definition.kind;
            of.start_line = definition.span.start_line;
            of.end_line = definition.span.end_line;
            let text = snapshot.file_text(there.file)?;
            definition.span.bytes.of(&text).clone_into(&mut of.text);
            let pool = workers::of(self.threads(), workers::For::Answering)?;
            let found = pool.run(|| -> Result<_, IndexError> {
                Ok((
                    self.callers(&current, &allowed, &there, &definition)?,
                    self.callees(&current, &allowed, &there, &definition)?,
                ))
            });
            (calling, called) = found.unwrap_or(Ok((calling, called)))?;
        }
        let pending = self.pending_files().max(stale);
        let index = self.state_of(&current, Some(current.view()), pending);
        Ok(RelatedAnswer {
            callers_complete: calling.1 && index.fresh,
            index,
            of,
            hits,
            callers: calling.0,
            callees: called,
            took_ms: started.elapsed().as_secs_f64() * 1000.0,
        })
    }

    fn there<'a>(&self, current: &'a Current, place: &Place) -> Result<There<'a>, IndexError> {
        let id = SpanId {
            path: place.path.clone(),
            lines: Vec::new(),
            hash: None,
        };
        let (found, _) = self.excluded(current, std::slice::from_ref(&id));
        let snapshot = &current.snapshot;
        let path = found.first().map(|id| id.path.as_str());
        let file = path.and_then(|path| current.held().find(|file| snapshot.file(*file).0 == path));
        let Some(file) = file else {
            let reason = "no such file in the index; give a path as answers show it, and \
                          `wherein why FILE` says why a file is left out";
            return Err(no_such(place, reason));
        };
        let rows = snapshot.file_rows(file);
        let symbols = || rows.clone().flat_map(|row| snapshot.chunk_symbols(row));
        let around = symbols().filter(|one| has_line(&one.span, place.line));
        let inner = around.min_by_key(|one| one.span.end_line - one.span.start_line);
        // Between two, the next one is meant.
        let next = || symbols().filter(|one| one.span.start_line > place.line);
        let definition = inner.or_else(|| next().min_by_key(|one| one.span.start_line));
        let overlaps = |row: &u32| {
            let span = snapshot.chunk(*row).span;
            match &definition {
                Some(one) if may_be_called(one.kind) => {
                    span.start_line <= one.span.end_line && span.end_line >= one.span.start_line
                }
                _ => has_line(&span, place.line),
            }
        };
        let mut of: Vec<u32> = rows.clone().filter(overlaps).take(MAX_ROWS).collect();
        if of.is_empty() {
            // After all there is: the last.
            of.extend(rows.clone().next_back());
        }
        Ok(There {
            file,
            rows: of,
            definition,
        })
    }

    /// Calls of a definition, and whether these are all there are by its name.
    fn callers(
        &self,
        current: &Current,
        allowed: &RowSet,
        there: &There<'_>,
        definition: &SymbolInfo<'_>,
    ) -> Result<(Vec<CallSite>, bool), IndexError> {
        let snapshot = &current.snapshot;
        let name = bare_name(definition.name);
        let wanted = WantedText::Name(name.to_owned());
        let found = wanted.occurrences(snapshot, allowed)?;
        let own_path = snapshot.file(there.file).0;
        let mut files: Vec<u32> = found.files.into_iter().map(|(file, _)| file).collect();
        // Near ones first.
        files.sort_by_key(|file| std::cmp::Reverse(common(own_path, snapshot.file(*file).0)));
        let mut are_all = found.are_all && files.len() <= MAX_FILES;
        files.truncate(MAX_FILES);
        let until = Instant::now() + PARSE_TIME;
        let lines: Vec<Result<Option<Vec<u32>>, IndexError>> = files
            .par_iter()
            .map(|file| {
                if Instant::now() > until || !self.is_as_indexed(current, *file) {
                    return Ok(None);
                }
                let text = snapshot.file_text(*file)?;
                let language = snapshot.file(*file).2;
                let Some(calls) = calls(&text, language) else {
                    return Ok(None);
                };
                let is_own = |line| *file == there.file && has_line(&definition.span, line);
                let of_name = calls.into_iter().filter(|call| call.name == name);
                let lines = of_name.map(|call| call.line).filter(|line| !is_own(*line));
                Ok(Some(lines.take(MAX_CALLS + 1).collect()))
            })
            .collect();
        let mut callers = Vec::new();
        for (file, lines) in files.into_iter().zip(lines) {
            let Some(lines) = lines? else {
                are_all = false;
                continue;
            };
            let room = MAX_CALLS - callers.len();
            are_all &= lines.len() <= room;
            if lines.is_empty() || room == 0 {
                continue;
            }
            let text = snapshot.file_text(file)?;
            let lines = lines.into_iter().take(room);
            callers.extend(lines.map(|line| caller(snapshot, file, &text, line)));
        }
        Ok((callers, are_all))
    }

    /// What a definition calls, as far as the index has it.
    fn callees(
        &self,
        current: &Current,
        allowed: &RowSet,
        there: &There<'_>,
        definition: &SymbolInfo<'_>,
    ) -> Result<Vec<CallSite>, IndexError> {
        let snapshot = &current.snapshot;
        let (own_path, _, language) = snapshot.file(there.file);
        let text = snapshot.file_text(there.file)?;
        let mut names: Vec<&str> = Vec::new();
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        let calls = calls(&text, language).unwrap_or_default();
        for call in calls
            .iter()
            .filter(|one| has_line(&definition.span, one.line))
        {
            if call.name != bare_name(definition.name) && seen.insert(call.name) {
                names.push(call.name);
            }
        }
        let mut callees = Vec::new();
        for name in names {
            let mut meant: Vec<SymbolInfo<'_>> = snapshot
                .symbols_named(name, allowed)
                .into_iter()
                .filter(|one| bare_name(one.name) == name && may_be_called(one.kind))
                .filter(|one| snapshot.chunk(one.row).language == language)
                .collect();
            let near = |one: &SymbolInfo<'_>| common(own_path, snapshot.chunk(one.row).path);
            meant.sort_by_key(|one| {
                (
                    std::cmp::Reverse(near(one)),
                    snapshot.chunk(one.row).path,
                    one.span.start_line,
                )
            });
            let Some(first) = meant.first() else { continue };
            if meant.len() > MAX_MEANINGS && snapshot.chunk(first.row).file != there.file {
                continue;
            }
            let chunk = snapshot.chunk(first.row);
            if !self.is_as_indexed(current, chunk.file) {
                continue;
            }
            let whole = snapshot.file_text(chunk.file)?;
            let signature = first.signature.start as usize;
            let before = &whole.as_bytes()[..signature.min(whole.len())];
            let line = before.split(|byte| *byte == b'\n').count() as u32;
            callees.push(CallSite {
                path: chunk.path.to_owned(),
                line,
                text: line_of(&whole, line),
                symbol: Some(first.name.to_owned()),
                breadcrumb: first.breadcrumb.to_owned(),
            });
            if callees.len() == MAX_CALLS {
                break;
            }
        }
        Ok(callees)
    }
}

fn no_such(place: &Place, reason: &str) -> IndexError {
    IndexError::NoSuchPlace {
        place: format!("{}:{}", place.path, place.line),
        reason: reason.to_owned(),
    }
}

fn caller(snapshot: &Snapshot, file: u32, text: &str, line: u32) -> CallSite {
    let symbols = snapshot
        .file_rows(file)
        .flat_map(|row| snapshot.chunk_symbols(row));
    let around = symbols.filter(|one| has_line(&one.span, line));
    let inner = around.min_by_key(|one| one.span.end_line - one.span.start_line);
    CallSite {
        path: snapshot.file(file).0.to_owned(),
        line,
        text: line_of(text, line),
        symbol: inner.map(|one| one.name.to_owned()),
        breadcrumb: inner.map_or("", |one| one.breadcrumb).to_owned(),
    }
}

/// Longest line that is shown of a call, in bytes.
const MAX_LINE: usize = 160;

fn line_of(text: &str, line: u32) -> String {
    let line = text.lines().nth(line as usize - 1).unwrap_or("").trim();
    let end = line.floor_char_boundary(MAX_LINE.min(line.len()));
    line[..end].to_owned()
}

fn has_line(span: &wherein_core::Span, line: u32) -> bool {
    (span.start_line..=span.end_line).contains(&line)
}

/// Whether calls of such a definition can be looked for by its name.
fn may_be_called(kind: ChunkKind) -> bool {
    kind.is_runnable() || kind.is_type()
}

/// How near two paths are: folders in common, and more for the same file.
fn common(one: &str, other: &str) -> usize {
    if one == other {
        return usize::MAX;
    }
    let parts = one.split('/').zip(other.split('/'));
    parts.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written_elsewhere() {
        let place = |path: &str, line| {
            Ok(Place {
                path: path.to_owned(),
                line,
            })
        };
        for (text, path, line) in [
            ("src/a.rs:12", "src/a.rs", 12),
            ("src/a.rs:12:5", "src/a.rs", 12),
            ("src/a.rs:12-40", "src/a.rs", 12),
            ("C:/x/a.rs:7", "C:/x/a.rs", 7),
        ] {
            assert_eq!(text.parse(), place(path, line), "{text}");
        }
        for bad in ["", "a.rs", "a.rs:", "a.rs:0", ":3", "a.rs:x"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }

    #[test]
    fn near_files_come_first() {
        assert!(common("a/b/c.rs", "a/b/c.rs") > common("a/b/c.rs", "a/b/d.rs"));
        assert!(common("a/b/c.rs", "a/b/d.rs") > common("a/b/c.rs", "a/d.rs"));
    }
}
