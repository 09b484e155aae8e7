//! What an agent spends until the right code is in its context: with keywords, ripgrep
//! and reading files; with `search`; with `context`.
//!
//! * **grep**: the words of the question, found without regard to case in all text files
//!   that are not hidden; a list of the files (the first [`LISTED`]), those with most of
//!   the words first, then those files whole, one after the other. It is modelled on the
//!   benchmark's published baseline ("keywords + read"), and like there a file that is
//!   found late costs all that was read before it; an agent that gives up, or reads parts
//!   of files, spends less. The median says more than the mean.
//! * **search**: answers as the MCP tool writes them, [`HITS`] spans each; a further one
//!   leaves out what was shown.
//! * **context**: packs of [`BUDGET`] tokens; a further one leaves out what was shown.
//!
//! `tokens` counts up to and with the first right span or file, in the order of reading;
//! `read` counts all that was answered by then, whole answers included. Right is what the
//! labels say: a file, and in some cases lines of it. The text of an answer is counted; a
//! client that hands its model the structured content too pays about twice that.

use std::path::Path;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;
use wherein_core::{Hit, PackBlock, Query, words};
use wherein_index::{ContextOptions, IndexError, Repository, SearchOptions, SpanId};
use wherein_pack::Tokenizer;

use crate::labels::Target;
use crate::metrics::{BUDGETS, NEVER_TOKENS, Unit, score};

/// Lines of ripgrep's list that are read.
const LISTED: usize = 50;
/// Files that are read at most.
const MAX_FILES: usize = 50;
/// Larger files are not read by anybody.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Spans of one answer, as the MCP tool gives them.
const HITS: usize = 6;
/// Lines with the very name that was asked for, as the MCP tool lists them.
const EXACT_LINES: usize = 100;
/// Tokens of one context, as the MCP tool packs them.
const BUDGET: usize = 3000;
/// Answers after which an agent gives up.
const MAX_ANSWERS: usize = 8;

/// A way to find code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Keywords, ripgrep, whole files.
    Grep,
    /// The tool `search`.
    Search,
    /// The tool `context`.
    Context,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Grep, Self::Search, Self::Context];

    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grep => "grep + read",
            Self::Search => "search",
            Self::Context => "context",
        }
    }
}

/// What one question took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Tokens up to and with the first right span; 32,000 when it never comes.
    pub tokens: usize,
    /// Tokens of all that was answered by then.
    pub read: usize,
    /// Answers by then, or files.
    pub answers: usize,
    /// Whether something right came at all.
    pub found: bool,
    /// Share of the targets within each of [`crate::BUDGETS`].
    pub recall_at_tokens: Vec<f64>,
}

/// The text files of a repository, as ripgrep would search them.
pub(crate) struct Files(Vec<File>);

struct File {
    path: String,
    /// Relative, as ripgrep tells it.
    shown: String,
    lower: String,
    text: String,
}

impl Files {
    /// Below a folder; what is hidden, large or no text is left out.
    pub(crate) fn below(root: &Path) -> Self {
        let is_shown = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with('.');
        let entries = WalkDir::new(root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || is_shown(entry.file_name()));
        let mut files = Vec::new();
        for entry in entries
            .flatten()
            .filter(|entry| entry.file_type().is_file())
        {
            let is_small = entry
                .metadata()
                .is_ok_and(|one| one.len() <= MAX_FILE_BYTES);
            if let (true, Ok(text)) = (is_small, std::fs::read_to_string(entry.path()))
                && !text.contains('\0')
            {
                let shown = entry.path().strip_prefix(root).unwrap_or(entry.path());
                files.push(File {
                    shown: shown.to_string_lossy().into_owned(),
                    path: entry.path().to_string_lossy().into_owned(),
                    lower: text.to_lowercase(),
                    text,
                });
            }
        }
        Self(files)
    }

    /// Keywords, ripgrep, whole files.
    pub(crate) fn spent(&self, question: &str, targets: &[Target], count: Tokenizer) -> Spent {
        let mut keywords: Vec<String> = Vec::new();
        for (_, word) in words::words(question) {
            let word = word.to_lowercase();
            let is_first = !keywords.contains(&word);
            if word.len() > 2 && is_first && !words::is_stop_word(&word) {
                keywords.push(word);
            }
        }
        let mut ranked: Vec<(usize, &File)> = self
            .0
            .iter()
            .map(|file| {
                let with = keywords.iter().filter(|word| file.lower.contains(*word));
                (with.count(), file)
            })
            .filter(|(with, _)| *with > 0)
            .collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
        let listed: Vec<&str> = ranked
            .iter()
            .map(|one| one.1.shown.as_str())
            .take(LISTED)
            .collect();
        let list = count.count(&listed.join("\n"));
        let units: Vec<Unit> = ranked
            .iter()
            .take(MAX_FILES)
            .enumerate()
            .map(|(at, (_, file))| Unit {
                path: file.path.clone(),
                start_line: 1,
                end_line: u32::MAX,
                // The list comes before the first file.
                tokens: count.count(&file.text) + if at == 0 { list } else { 0 },
            })
            .collect();
        let reads: Vec<usize> = (1..=units.len()).collect();
        spent(&units, &reads, targets)
    }
}

/// The tool `search`, asked until something right has come.
pub(crate) fn by_search(
    repository: &Repository,
    root: &Path,
    query: &Query,
    targets: &[Target],
    count: Tokenizer,
) -> Result<Spent, IndexError> {
    let mut options = SearchOptions {
        only_near: true,
        exact_lines: EXACT_LINES,
        ..SearchOptions::default()
    };
    let mut query = query.clone();
    query.k = HITS;
    let (mut units, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ANSWERS {
        let answer = repository.search_with(&query, &options)?;
        if answer.hits.is_empty() {
            break;
        }
        for hit in &answer.hits {
            units.push(Unit {
                path: absolute(root, &hit.path),
                start_line: hit.start_line,
                end_line: hit.end_line,
                tokens: count.count(&hit.as_read()),
            });
            options.exclude.extend(id_of(hit));
        }
        if let Some(exact) = &answer.exact {
            // Read, and no span that could be right.
            let lines = exact
                .places
                .iter()
                .map(|one| format!("{}:{:?}", one.path, one.lines));
            units.push(Unit {
                path: "(lines)".to_owned(),
                start_line: 0,
                end_line: 0,
                tokens: count.count(&lines.collect::<Vec<_>>().join("\n")),
            });
        }
        ends.push(units.len());
        if score(&units, targets).is_complete() {
            break;
        }
    }
    Ok(spent(&units, &ends, targets))
}

fn id_of(hit: &Hit) -> Option<SpanId> {
    let id = format!("{}:{}-{}", hit.path, hit.start_line, hit.end_line);
    id.parse().ok()
}

/// The tool `context`, asked until something right has come.
pub(crate) fn by_context(
    repository: &Repository,
    root: &Path,
    query: &Query,
    targets: &[Target],
    count: Tokenizer,
) -> Result<Spent, IndexError> {
    let mut options = ContextOptions {
        budget_tokens: BUDGET,
        tokenizer: count,
        ..ContextOptions::default()
    };
    let (mut units, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ANSWERS {
        let answer = repository.context(query, &options)?;
        if answer.blocks.is_empty() {
            break;
        }
        let written = answer
            .blocks
            .iter()
            .map(|block| count.count(&block.text))
            .sum::<usize>();
        // Headings and fences, shared out.
        let around = answer.tokens.saturating_sub(written) / answer.blocks.len();
        for block in &answer.blocks {
            let tokens = count.count(&block.text) + around;
            units.extend(lines_of(root, block, tokens));
            options.exclude.extend(block.id.parse::<SpanId>().ok());
        }
        ends.push(units.len());
        if score(&units, targets).is_complete() {
            break;
        }
    }
    Ok(spent(&units, &ends, targets))
}

/// The runs of lines that a block shows; the first one has its tokens.
fn lines_of(root: &Path, block: &PackBlock, tokens: usize) -> Vec<Unit> {
    let lines = block
        .id
        .parse::<SpanId>()
        .map(|id| id.lines)
        .unwrap_or_default();
    lines
        .into_iter()
        .enumerate()
        .map(|(at, range)| Unit {
            path: absolute(root, &block.path),
            start_line: *range.start(),
            end_line: *range.end(),
            tokens: if at == 0 { tokens } else { 0 },
        })
        .collect()
}

fn absolute(root: &Path, path: &str) -> String {
    root.join(path).to_string_lossy().into_owned()
}

/// Of units in the order of reading; `ends` says how many each answer ends with.
fn spent(units: &[Unit], ends: &[usize], targets: &[Target]) -> Spent {
    let scores = score(units, targets);
    let first = scores.first_hit;
    let answers = match first {
        Some(first) => ends.iter().filter(|end| **end <= first).count() + 1,
        None => ends.len(),
    };
    let until = ends.get(answers.saturating_sub(1)).copied().unwrap_or(0);
    let read: usize = units[..until].iter().map(|unit| unit.tokens).sum();
    Spent {
        tokens: scores.tokens_first_hit,
        read: if first.is_some() {
            read
        } else {
            read.max(NEVER_TOKENS)
        },
        answers,
        found: first.is_some(),
        recall_at_tokens: scores.recall_at_tokens.to_vec(),
    }
}

/// Means over all questions of one way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// Which way.
    pub way: String,
    /// Mean of [`Spent::tokens`].
    pub tokens: f64,
    /// Its median.
    pub tokens_median: f64,
    /// Mean of [`Spent::read`].
    pub read: f64,
    /// Mean of [`Spent::answers`].
    pub answers: f64,
    /// Share of the questions to which nothing right came.
    pub never: f64,
    /// Mean recall at each of [`crate::BUDGETS`].
    pub recall_at_tokens: std::collections::BTreeMap<usize, f64>,
}

impl Spending {
    pub(crate) fn of(way: Way, all: &[&Spent]) -> Self {
        let of =
            |value: fn(&Spent) -> f64| -> Vec<f64> { all.iter().map(|one| value(one)).collect() };
        let mean = |value: fn(&Spent) -> f64| crate::metrics::mean(&of(value));
        let recall = |at: usize| {
            let shares = all
                .iter()
                .map(|one| one.recall_at_tokens.get(at).copied().unwrap_or(0.0));
            crate::metrics::mean(&shares.collect::<Vec<f64>>())
        };
        Self {
            way: way.name().to_owned(),
            tokens: mean(|one| one.tokens as f64),
            tokens_median: crate::metrics::percentile(&of(|one| one.tokens as f64), 0.5),
            read: mean(|one| one.read as f64),
            answers: mean(|one| one.answers as f64),
            never: mean(|one| f64::from(u8::from(!one.found))),
            recall_at_tokens: BUDGETS
                .iter()
                .enumerate()
                .map(|(at, budget)| (*budget, recall(at)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(path: &str, tokens: usize) -> Unit {
        Unit {
            path: path.to_owned(),
            start_line: 1,
            end_line: 9,
            tokens,
        }
    }

    fn target(path: &str) -> Target {
        Target {
            path: path.to_owned(),
            lines: None,
        }
    }

    #[test]
    fn whole_answers_are_read_and_the_first_right_span_counts() {
        let units = [
            unit("a", 100),
            unit("b", 200),
            unit("c", 300),
            unit("d", 400),
        ];
        let one = spent(&units, &[2, 4], &[target("c")]);
        assert_eq!((one.tokens, one.read, one.answers), (600, 1000, 2));
        assert_eq!(one.recall_at_tokens[..2], [0.0, 1.0]);
        let first = spent(&units, &[2, 4], &[target("a")]);
        assert_eq!((first.tokens, first.read, first.answers), (100, 300, 1));
        let never = spent(&units, &[2, 4], &[target("z")]);
        assert_eq!((never.tokens, never.read), (NEVER_TOKENS, NEVER_TOKENS));
        assert!(!never.found);
    }

    #[test]
    fn grep_reads_the_files_with_most_words_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            std::fs::write(folder.path().join(path), text).expect("writes");
        };
        write("a.rs", "session\n");
        write("b.rs", "fn opens_a_Session() {} // opens\n");
        write("c.rs", "nothing of that\n");
        write(".hidden.rs", "session opens\n");
        let files = Files::below(folder.path());
        let count = Tokenizer::Cl100k;
        let right = |name: &str| vec![target(&folder.path().join(name).to_string_lossy())];
        let question = "where is the session that opens";
        let first = files.spent(question, &right("b.rs"), count);
        let second = files.spent(question, &right("a.rs"), count);
        assert_eq!((first.answers, second.answers), (1, 2));
        assert_eq!(second.tokens - first.tokens, count.count("session\n"));
        assert!(!files.spent(question, &right("c.rs"), count).found);
        assert!(!files.spent(question, &right(".hidden.rs"), count).found);
    }
}
