//! Candidates: rows that some arm of the search holds for an answer.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use wherein_core::{Mode, words};
use wherein_store::{LexicalQuery, Nearest, RowSet, SymbolInfo};

use crate::corpus::Corpus;
use crate::describe::Meaning;
use crate::error::SearchError;
use crate::evidence::{Evidence, best_of};
use crate::guess::{Guess, fill_in};
use crate::understand::{Name, Understanding};

/// Rows that each arm may bring. What is lost in ranking is order, not recall:
/// of 1,251 benchmark queries 3 have no hit in a good lexical top 50.
const LEXICAL: usize = 150;
const DENSE: usize = 100;
const SYMBOLS: usize = 60;

/// What a match in each field counts: symbol, path, breadcrumb, doc, body.
const FIELD_WEIGHTS: [f32; 5] = [1.6, 1.0, 0.6, 0.7, 1.0];

/// The field of names that are defined, alone.
const SYMBOL_FIELD: [f32; 5] = [1.0, 0.0, 0.0, 0.0, 0.0];
/// Bytes of a name that may be a part of others.
const MIN_PART: usize = 3;

/// How well a definition of a chunk matches a name of the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(crate) enum SymbolMatch {
    /// No definition has the name.
    #[default]
    None,
    /// A longer name has the name in it, and nothing has the name itself.
    Partial,
    /// The name matches but for its case style, or its qualifiers do not.
    Loose,
    /// The name matches as written.
    Exact,
    /// The name and its qualifiers match.
    Qualified,
}

/// A row and what the arms say of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Candidate {
    pub(crate) row: u32,
    pub(crate) lexical: f32,
    pub(crate) cosine: Option<f32>,
    /// Cosine by the second model: `None` for all rows or for none.
    pub(crate) quality: Option<f32>,
    pub(crate) symbol: SymbolMatch,
    /// Of a partial match, how much of the longer name was asked for.
    pub(crate) part: f32,
}

/// All candidates of a query, and the scores that are not of one row alone.
pub(crate) struct Candidates {
    pub(crate) rows: Vec<Candidate>,
    /// Whether words were looked for and none was found.
    pub(crate) no_words: bool,
    pub(crate) lexical: Option<Evidence>,
    /// What the second model would say, by what the first one says; `None` when
    /// the second one takes no part.
    pub(crate) guess: Option<Guess>,
}

/// The vector of a query and the model that it belongs to.
pub(crate) struct QueryVector<'a> {
    pub(crate) model: &'a str,
    pub(crate) vector: Vec<f32>,
    /// Whether the model knows some word of the query as such.
    pub(crate) is_known: bool,
    /// Whether every vector is looked at, graph or not: a graph is over the vectors of
    /// the first model.
    pub(crate) scans: bool,
}

impl QueryVector<'_> {
    pub(crate) fn meaning(&self) -> Meaning<'_> {
        Meaning {
            model: self.model,
            vector: &self.vector,
        }
    }
}

/// A query as the models see it.
#[derive(Default)]
pub(crate) struct QueryVectors<'a> {
    /// By the model that has a vector of every chunk.
    pub(crate) first: Option<QueryVector<'a>>,
    /// By the second one, whose vectors stream in behind.
    pub(crate) quality: Option<QueryVector<'a>>,
}

/// The candidates of all parts; `allowed` has the rows of each that may be.
pub(crate) fn gather(
    corpus: &Corpus<'_>,
    understanding: &Understanding,
    vectors: &QueryVectors<'_>,
    allowed: &[RowSet],
    mode: Mode,
    k: usize,
) -> Result<Candidates, SearchError> {
    let mut found: FxHashMap<u32, Candidate> = FxHashMap::default();
    let entry = |found: &mut FxHashMap<u32, Candidate>, row: u32| {
        found.entry(row).or_insert(Candidate {
            row,
            ..Candidate::default()
        });
    };
    let by_words = || -> Result<_, SearchError> {
        if !matches!(mode, Mode::Hybrid | Mode::Lexical) {
            return Ok(None);
        }
        let query = LexicalQuery {
            terms: understanding.terms.clone(),
            fields: FIELD_WEIGHTS,
            guesses: understanding.compound_terms,
        };
        let evidence = Evidence::of(corpus, &query)?;
        let best = evidence.best(corpus, allowed, LEXICAL.max(k));
        Ok(Some((evidence, best)))
    };
    // A query without a known word has no meaning to be near to.
    let has_meaning = |query: &&QueryVector<'_>| {
        matches!(mode, Mode::Hybrid | Mode::Semantic) && query.vector.iter().any(|x| *x != 0.0)
    };
    let first = vectors.first.as_ref().filter(has_meaning);
    // What the first model has no word of is not asked of the second: it takes
    // any text for something.
    let second = vectors.quality.as_ref().filter(has_meaning);
    let second = second.filter(|_| first.is_none_or(|query| query.is_known));
    let near = |query: Option<&QueryVector<'_>>| -> Result<_, SearchError> {
        let Some(query) = query else {
            return Ok(Vec::new());
        };
        let limit = DENSE.max(k);
        let near: Result<Vec<Vec<(u32, f32)>>, SearchError> = corpus
            .parts()
            .par_iter()
            .zip(allowed)
            .map(|(part, allowed)| {
                let how = if query.scans {
                    Nearest::Exact
                } else {
                    part.nearest
                };
                let vectors = (query.vector.as_slice(), query.model);
                let near = part
                    .snapshot
                    .dense(vectors.0, vectors.1, allowed, limit, how)?;
                Ok(near)
            })
            .collect();
        let mut near = best_of(corpus, near?.into_iter(), limit);
        near.retain(|(_, cosine)| *cosine > 0.0);
        Ok(near)
    };
    let by_meaning = || rayon::join(|| near(first), || near(second));
    let (by_words, (by_meaning, by_quality)) = rayon::join(by_words, by_meaning);
    let (lexical, best) = by_words?.unzip();
    let mut by_meaning = by_meaning?;
    let no_words = best.as_ref().is_some_and(Vec::is_empty);
    // Neither the index nor the model has seen such a word.
    if no_words && first.is_some_and(|query| !query.is_known) {
        by_meaning.clear();
    }
    by_meaning.extend(by_quality?);
    for (row, _) in best.unwrap_or_default().into_iter().chain(by_meaning) {
        entry(&mut found, row);
    }
    if mode == Mode::Hybrid {
        for row in by_compound(corpus, understanding, allowed) {
            entry(&mut found, row);
        }
        for row in by_path(corpus, understanding, allowed) {
            entry(&mut found, row);
        }
    }
    let mut matches: FxHashMap<u32, SymbolMatch> = FxHashMap::default();
    if matches!(mode, Mode::Hybrid | Mode::Symbol) {
        for name in &understanding.names {
            for (row, how) in symbol_matches(corpus, name, allowed, SYMBOLS.max(k)) {
                entry(&mut found, row);
                let best = matches.entry(row).or_default();
                if how > *best {
                    *best = how;
                }
            }
        }
    }
    let mut parts: FxHashMap<u32, f32> = FxHashMap::default();
    if matches.is_empty()
        && matches!(mode, Mode::Hybrid | Mode::Symbol)
        && let (true, Some(name)) = (understanding.is_symbol, understanding.names.first())
    {
        parts = partial_matches(corpus, understanding, name, allowed, SYMBOLS.max(k))?;
        for row in parts.keys() {
            entry(&mut found, *row);
            matches.insert(*row, SymbolMatch::Partial);
        }
    }
    let mut rows: Vec<Candidate> = found.into_values().collect();
    rows.sort_unstable_by_key(|candidate| candidate.row);
    for candidate in &mut rows {
        candidate.lexical = lexical
            .as_ref()
            .map_or(0.0, |evidence| evidence.of_row(candidate.row));
        candidate.symbol = matches.get(&candidate.row).copied().unwrap_or_default();
        candidate.part = parts.get(&candidate.row).copied().unwrap_or_default();
        if let Some(QueryVector { model, vector, .. }) = first {
            candidate.cosine = corpus.cosine(candidate.row, vector, model)?;
        }
        if let Some(QueryVector { model, vector, .. }) = second {
            candidate.quality = corpus.cosine(candidate.row, vector, model)?;
        }
    }
    let guess = fill_in(&mut rows);
    Ok(Candidates {
        rows,
        no_words,
        lexical,
        guess,
    })
}

/// Definitions of a name in all parts, with their rows in the corpus.
fn symbols_named<'a>(
    corpus: &Corpus<'a>,
    name: &str,
    allowed: &[RowSet],
) -> Vec<(u32, SymbolInfo<'a>)> {
    let mut found = Vec::new();
    for (number, (part, allowed)) in corpus.parts().iter().zip(allowed).enumerate() {
        let symbols = part.snapshot.symbols_named(name, allowed);
        found.extend(
            symbols
                .into_iter()
                .map(|symbol| (corpus.row(number, symbol.row), symbol)),
        );
    }
    found
}

/// Rows that define what several adjacent words of a question name together.
fn by_compound(corpus: &Corpus<'_>, understanding: &Understanding, allowed: &[RowSet]) -> Vec<u32> {
    let mut rows = Vec::new();
    for compound in &understanding.compounds {
        // One common word names too much.
        if compound.words > 1 || compound.share > 0.4 {
            let symbols = symbols_named(corpus, &compound.key, allowed);
            rows.extend(symbols.into_iter().map(|symbol| symbol.0).take(SYMBOLS));
        }
    }
    rows
}

/// The rows of files that the query names; those of a line that it names before
/// others.
fn by_path(corpus: &Corpus<'_>, understanding: &Understanding, allowed: &[RowSet]) -> Vec<u32> {
    if understanding.paths.is_empty() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let files =
        corpus
            .parts()
            .iter()
            .zip(allowed)
            .enumerate()
            .flat_map(|(number, (part, allowed))| {
                let files = 0..part.snapshot.files() as u32;
                files.map(move |file| (number, part.snapshot, allowed, file))
            });
    for (number, snapshot, allowed, file) in files {
        let path = snapshot.file(file).0.to_lowercase();
        let meant: Vec<Option<u32>> = understanding
            .paths
            .iter()
            .filter(|asked| asked.means(&path))
            .map(|asked| asked.line)
            .collect();
        if meant.is_empty() {
            continue;
        }
        let has_line = |row: &u32| {
            let span = snapshot.chunk(*row).span;
            let mut lines = meant.iter().flatten();
            lines.any(|line| (span.start_line..=span.end_line).contains(line))
        };
        let of_file = || {
            let rows = snapshot.file_rows(file);
            rows.filter(|row| allowed.contains(*row))
        };
        let here = |row| corpus.row(number, row);
        if meant.iter().any(Option::is_some) {
            rows.extend(of_file().filter(has_line).take(SYMBOLS).map(here));
        }
        rows.extend(of_file().take(SYMBOLS).map(here));
        if rows.len() > LEXICAL {
            break;
        }
    }
    rows
}

/// Rows that define a name with `name` in it, and how much of it that is.
fn partial_matches(
    corpus: &Corpus<'_>,
    understanding: &Understanding,
    name: &Name,
    allowed: &[RowSet],
    limit: usize,
) -> Result<FxHashMap<u32, f32>, SearchError> {
    let asked = words::identifier_key(&name.last);
    let mut found = FxHashMap::default();
    if asked.len() < MIN_PART {
        return Ok(found);
    }
    let query = LexicalQuery {
        terms: understanding.terms.clone(),
        fields: SYMBOL_FIELD,
        guesses: 0,
    };
    let evidence = Evidence::of(corpus, &query)?;
    for (row, _) in evidence.best(corpus, allowed, limit) {
        let mut best = 0.0_f32;
        corpus.each_chunk_symbol(row, |name| {
            let key = words::identifier_key(name);
            if key.contains(&asked) {
                best = best.max(asked.len() as f32 / key.len() as f32);
            }
        });
        if best > 0.0 {
            found.insert(row, best);
        }
    }
    Ok(found)
}

/// Rows that define `name`, best match first, at most `limit`.
fn symbol_matches(
    corpus: &Corpus<'_>,
    name: &Name,
    allowed: &[RowSet],
    limit: usize,
) -> Vec<(u32, SymbolMatch)> {
    let qualifiers: Vec<String> = name
        .qualifiers
        .iter()
        .map(|part| words::identifier_key(part))
        .collect();
    let mut found: Vec<(u32, SymbolMatch)> = symbols_named(corpus, &name.last, allowed)
        .into_iter()
        .map(|(row, symbol)| {
            let how = if !qualifiers.is_empty() {
                // What encloses it, and its file; not its own name, nor the
                // extension.
                let above = symbol.breadcrumb.rsplit_once("::").map_or("", |one| one.0);
                let path = corpus.chunk(row).path;
                let path = path.rsplit_once('.').map_or(path, |one| one.0);
                let context: Vec<String> = above
                    .split("::")
                    .chain(path.split('/'))
                    .map(words::identifier_key)
                    .collect();
                if qualifiers.iter().all(|part| context.contains(part)) {
                    SymbolMatch::Qualified
                } else {
                    SymbolMatch::Loose
                }
            } else if symbol.name == name.last {
                SymbolMatch::Exact
            } else {
                SymbolMatch::Loose
            };
            (row, how)
        })
        .collect();
    found.sort_by(|a, b| {
        b.1.partial_cmp(&a.1)
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(a.0.cmp(&b.0))
    });
    found.truncate(limit);
    found
}
