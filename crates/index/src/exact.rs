//! Where exactly stands what was asked for: with it nobody has to look again with grep.

use wherein_core::{ExactMatches, ExactPlaces, Mode, Query, limits};
use wherein_search::{Understanding, WantedText};

use crate::error::IndexError;
use crate::joint::Asked;
use crate::repository::Repository;

impl Repository {
    /// All lines where exactly the query stands; `None` when it is no name and no
    /// regular expression.
    pub(crate) fn exact(
        &self,
        query: &Query,
        asked: &Asked<'_>,
        most: usize,
    ) -> Result<Option<ExactMatches>, IndexError> {
        let (text, wanted) = match query.mode {
            Mode::Regex => (query.text.clone(), WantedText::pattern(&query.text)?),
            Mode::Semantic => return Ok(None),
            _ => match Understanding::of(&query.text) {
                Understanding {
                    is_symbol: true,
                    names,
                    ..
                } if !names.is_empty() => {
                    let name = names[0].last.clone();
                    (name.clone(), WantedText::Name(name))
                }
                _ => return Ok(None),
            },
        };
        let [asked] = asked.of.as_slice() else {
            return Ok(None);
        };
        let current = &asked.current;
        let filters = self.meant(query.filters.clone(), current)?;
        let allowed = self.searcher(current).allowed(0, &filters)?;
        let found = wanted.occurrences(&current.snapshot, &allowed)?;
        let mut exact = ExactMatches {
            text,
            // A filter of kinds keeps chunks, and lines are told of whole files.
            complete: found.are_all && asked.index.fresh && query.filters.kinds.is_empty(),
            ..ExactMatches::default()
        };
        let mut listed = 0;
        for (file, mut lines) in found.files {
            if !self.is_as_indexed(current, file) {
                exact.complete = false;
                continue;
            }
            exact.files += 1;
            exact.lines += lines.len() as u64;
            let room = most.min(limits::MAX_EXACT_LINES) - listed;
            exact.complete &= lines.len() <= room;
            lines.truncate(room);
            listed += lines.len();
            if !lines.is_empty() {
                let path = current.snapshot.file(file).0.to_owned();
                exact.places.push(ExactPlaces { path, lines });
            }
        }
        Ok(Some(exact))
    }
}
