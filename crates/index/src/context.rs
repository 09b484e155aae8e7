//! Context for a prompt: what a query finds, packed into a token budget.

use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};
use wherein_core::{ChunkKind, ContextAnswer, Mode, Query, limits};
use wherein_pack::{Definition, Format, Found, Options, Source, SpanId, Tokenizer, pack};
use wherein_search::{Purpose, Ranking};

use crate::error::IndexError;
use crate::joint::{Asked, Joint, JointError, Member, ask};
use crate::repository::{Current, Repository};

/// Tokens that a found span has at least, roughly: bounds how many are looked
/// for.
const TOKENS_OF_A_SPAN: usize = 40;
/// Most spans that are packed.
const MAX_SPANS: usize = 200;
/// Fewest spans that are looked for: of small ones many fit.
const MIN_SPANS: usize = 20;

/// Files that may show a definition of one name and kind; those after them come
/// when all else is in.
const TWINS: usize = 3;

/// How context is packed.
#[derive(Clone, Debug)]
pub struct ContextOptions {
    /// Most tokens of the text.
    pub budget_tokens: usize,
    /// What counts them.
    pub tokenizer: Tokenizer,
    /// How the text is written.
    pub format: Format,
    /// Spans that the reader has already.
    pub exclude: Vec<SpanId>,
}

impl Default for ContextOptions {
    fn default() -> Self {
        Self {
            budget_tokens: limits::DEFAULT_BUDGET_TOKENS,
            tokenizer: Tokenizer::default(),
            format: Format::default(),
            exclude: Vec::new(),
        }
    }
}

impl ContextOptions {
    /// Checks the limits.
    pub fn check(&self) -> Result<(), IndexError> {
        if self.budget_tokens == 0 || self.budget_tokens > limits::MAX_BUDGET_TOKENS {
            return Err(IndexError::BadBudget(self.budget_tokens));
        }
        if self.exclude.len() > limits::MAX_EXCLUDED {
            return Err(IndexError::TooManyExcluded(self.exclude.len()));
        }
        Ok(())
    }
}

impl Repository {
    /// Answers a query with a text for a prompt, of at most so many tokens.
    /// `query.k` is not looked at.
    pub fn context(
        &self,
        query: &Query,
        options: &ContextOptions,
    ) -> Result<ContextAnswer, IndexError> {
        let joint = context(&[self.alone()], query, options);
        joint
            .map(|joint| joint.answer)
            .map_err(|failed| failed.error)
    }

    /// Names of spans with paths as the index has them, and those whose file it
    /// does not have.
    pub(crate) fn excluded(
        &self,
        current: &Current,
        given: &[SpanId],
    ) -> (Vec<SpanId>, Vec<String>) {
        if given.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let indexed: FxHashSet<&str> = current
            .held()
            .map(|file| current.snapshot.file(file).0)
            .collect();
        let root = &self.checkout().root;
        let mut excluded = Vec::with_capacity(given.len());
        let mut not_there = Vec::new();
        for id in given {
            let path = Path::new(&id.path);
            let relative = path.strip_prefix(root).unwrap_or(path);
            let relative: PathBuf = relative
                .components()
                .filter(|part| *part != Component::CurDir)
                .collect();
            let path = relative.to_string_lossy().into_owned();
            if indexed.contains(path.as_str()) {
                excluded.push(SpanId { path, ..id.clone() });
            } else {
                not_there.push(id.to_string());
            }
        }
        (excluded, not_there)
    }
}

/// Answers a query from all of them, as if they were one, with a text for a prompt, of at
/// most so many tokens. `query.k` is not looked at.
pub fn context(
    members: &[Member<'_>],
    query: &Query,
    options: &ContextOptions,
) -> Result<Joint<ContextAnswer>, JointError> {
    let started = Instant::now();
    let budget = options.budget_tokens;
    options.check()?;
    let mut wide = query.clone();
    // Those that the reader has are found again.
    let spans = (budget / TOKENS_OF_A_SPAN).clamp(MIN_SPANS, MAX_SPANS);
    wide.k = (spans + options.exclude.len()).min(limits::MAX_RESULTS);
    wide.explain = false;
    let asked = ask(members, &wide, Purpose::Context, &[])?;
    let shown = Instant::now();
    let (exclude, not_there) = excluded_of_all(&asked, &options.exclude);
    let mut sources: Vec<Source> = Vec::new();
    let mut numbers: FxHashMap<(usize, u32), usize> = FxHashMap::default();
    let mut found = Vec::new();
    let mut twins = Vec::new();
    let mut named: FxHashMap<(&str, ChunkKind), FxHashSet<(usize, u32)>> = FxHashMap::default();
    let best = asked.spans.first().map_or(0.0, |(_, span)| span.score);
    for (of, span) in &asked.spans {
        // What is far behind the best is more likely noise than answer.
        if asked.mode == Mode::Hybrid && best - span.score > Ranking::shipped().within {
            break;
        }
        let current = &asked.of[*of].current;
        let snapshot = &current.snapshot;
        let first = snapshot.chunk(*span.rows.start());
        let last = snapshot.chunk(*span.rows.end());
        let number = if let Some(number) = numbers.get(&(*of, first.file)) {
            *number
        } else {
            numbers.insert((*of, first.file), sources.len());
            // Where there is one alone, its name says nothing.
            let repo = asked.of[*of].name.filter(|_| members.len() > 1);
            sources.push(source(current, first.file, repo)?);
            sources.len() - 1
        };
        let one = Found {
            source: number,
            lines: first.span.start_line..=last.span.end_line,
            score: span.score,
        };
        let chunk = snapshot.chunk(span.row);
        let files = chunk.symbol.map(|symbol| {
            let files = named.entry((symbol, chunk.kind)).or_default();
            files.insert((*of, chunk.file));
            files.len()
        });
        // What has one name in file after file is mostly one thing said again.
        if files.is_some_and(|files| files > TWINS) {
            twins.push(one);
        } else {
            found.push(one);
        }
    }
    found.append(&mut twins);
    let mut packed = pack(
        &sources,
        &found,
        &Options {
            budget,
            tokenizer: options.tokenizer,
            format: options.format,
            exclude,
        },
    );
    if let [only] = members {
        for block in &mut packed.blocks {
            block.repo = only.name.map(str::to_owned);
        }
    }
    let answer = ContextAnswer {
        query: query.text.clone(),
        took_ms: started.elapsed().as_secs_f64() * 1000.0,
        index: asked.index(),
        format: options.format.name().to_owned(),
        tokenizer: options.tokenizer.name().to_owned(),
        budget_tokens: budget,
        tokens: packed.tokens,
        text: packed.text,
        blocks: packed.blocks,
        left_out: packed.left_out,
        not_excluded: not_there,
        by_meaning_alone: asked.by_meaning_alone,
    };
    drop(named);
    Ok(asked.joint(answer, shown))
}

/// Names of spans as the indexes have them, and those whose file none of them has.
fn excluded_of_all(asked: &Asked<'_>, given: &[SpanId]) -> (Vec<SpanId>, Vec<String>) {
    let mut excluded: Vec<SpanId> = Vec::new();
    let mut nowhere: Vec<String> = given.iter().map(ToString::to_string).collect();
    for one in &asked.of {
        let (found, not_there) = one.repository.excluded(&one.current, given);
        excluded.extend(found);
        nowhere.retain(|id| not_there.contains(id));
    }
    (excluded, nowhere)
}

/// A file with all its definitions.
fn source(current: &Current, file: u32, repo: Option<&str>) -> Result<Source, IndexError> {
    let snapshot = &current.snapshot;
    let (path, _, language) = snapshot.file(file);
    let definitions = snapshot
        .file_rows(file)
        .flat_map(|row| snapshot.chunk_symbols(row))
        .map(|symbol| Definition {
            name: symbol.name.to_owned(),
            breadcrumb: symbol.breadcrumb.to_owned(),
            kind: symbol.kind,
            lines: symbol.span.start_line..=symbol.span.end_line,
            signature: symbol.signature,
        })
        .collect();
    Ok(Source {
        repo: repo.map(str::to_owned),
        path: path.to_owned(),
        language: language.name().to_owned(),
        text: snapshot.file_text(file)?.to_string(),
        definitions,
    })
}
