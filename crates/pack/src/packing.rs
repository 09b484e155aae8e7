//! Chooses what a budget holds: spans in the order they were found, each in the
//! best form that fits, shown file by file in reading order.

use std::ops::RangeInclusive;

use wherein_core::{ChunkKind, PackBlock};

use crate::forms::{Form, LineStarts, forms};
use crate::imports;
use crate::lines::{LineSet, Lines};
use crate::render::{Format, render};
use crate::source::{Definition, Found, Source};
use crate::span_id::SpanId;
use crate::tokens::Tokenizer;

/// Lines between two spans of a file that are shown to make them one.
const SMALL_GAP: u32 = 2;
/// What is left out within a block.
const ELISION: &str = "...\n";
/// Share of the budget that one span may take, but for the first.
const SHARE_OF_ONE: f64 = 0.35;
/// Share of the budget that the best span may take.
const SHARE_OF_FIRST: f64 = 0.6;
/// A span may have this many tokens whatever the budget.
const ALWAYS_TOKENS: usize = 300;
/// Share of the budget for lines that import what is shown.
const SHARE_OF_IMPORTS: f64 = 0.1;

/// What a pack must obey.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most tokens of the whole text.
    pub budget: usize,
    /// Counts them.
    pub tokenizer: Tokenizer,
    /// How the text is written.
    pub format: Format,
    /// Spans that the reader has already.
    pub exclude: Vec<SpanId>,
}

/// What fits a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// The text for the prompt; never more than the budget.
    pub text: String,
    /// Tokens of `text`.
    pub tokens: usize,
    /// What is in it, in the order of the text.
    pub blocks: Vec<PackBlock>,
    /// Spans that were found but did not fit.
    pub left_out: usize,
}

/// A span that was chosen, in its form.
#[derive(Clone, Debug)]
struct Unit {
    source: usize,
    /// Lines that no other unit shows.
    body: LineSet,
    headers: LineSet,
    score: f32,
}

/// A source with what is needed to cut it.
struct Cut<'a> {
    source: &'a Source,
    lines: Lines<'a>,
    starts: LineStarts,
    excluded: LineSet,
    /// Lines of all units so far.
    shown: LineSet,
}

impl<'a> Cut<'a> {
    fn new(source: &'a Source, exclude: &[SpanId]) -> Self {
        let lines = Lines::new(&source.text);
        let mut excluded = LineSet::default();
        for id in exclude.iter().filter(|id| id.path == source.path) {
            let last = (*id.lines.end()).min(lines.count());
            let range = *id.lines.start()..=last;
            if !range.is_empty() && id.still_holds(&lines.text(range.clone())) {
                excluded.insert(&range);
            }
        }
        Self {
            source,
            lines,
            starts: LineStarts::of(&source.text),
            shown: excluded.clone(),
            excluded,
        }
    }

    /// A form as a unit, without the lines that another unit shows.
    fn unit(&self, number: usize, form: &Form, score: f32) -> Unit {
        let mut headers = LineSet::default();
        for range in form.headers.ranges() {
            headers.extend(&self.excluded.missing(&range));
        }
        Unit {
            source: number,
            body: self.shown.missing(&form.body),
            headers,
            score,
        }
    }

    fn is_blank(&self, lines: &LineSet) -> bool {
        let mut all = lines.ranges().flatten();
        all.all(|line| self.lines.line(line).trim().is_empty())
    }
}

/// Packs what was found, best first, into a budget.
pub fn pack(sources: &[Source], found: &[Found], options: &Options) -> Pack {
    let mut cuts: Vec<Cut<'_>> = sources
        .iter()
        .map(|source| Cut::new(source, &options.exclude))
        .collect();
    let count = |text: &str| options.tokenizer.count(text);
    let mut units: Vec<Unit> = Vec::new();
    let mut spent = 0;
    let mut left_out = 0;
    for span in found {
        let Some(cut) = cuts.get(span.source) else {
            continue;
        };
        let share = if units.is_empty() {
            SHARE_OF_FIRST
        } else {
            SHARE_OF_ONE
        };
        let most = ((options.budget as f64 * share) as usize).max(ALWAYS_TOKENS);
        let most = most.min(options.budget.saturating_sub(spent));
        let lines = *span.lines.start().max(&1)..=(*span.lines.end()).min(cut.lines.count());
        if lines.is_empty() {
            continue;
        }
        let all = forms(cut.source, &cut.starts, &lines);
        let mut is_shown = false;
        let fitting = all.iter().find_map(|form| {
            let unit = cut.unit(span.source, form, span.score);
            if cut.is_blank(&unit.body) {
                is_shown = true;
                return None;
            }
            let cost = count(&render(
                options.format,
                &blocks(&cuts, std::slice::from_ref(&unit)),
            ));
            (cost <= most).then_some((unit, cost))
        });
        match fitting {
            _ if is_shown => {}
            Some((unit, cost)) => {
                spent += cost;
                let cut = &mut cuts[span.source];
                cut.shown.extend(&unit.body);
                units.push(unit);
            }
            None => left_out += 1,
        }
    }
    finish(&cuts, units, left_out, options)
}

/// Adds imports where there is room, and takes the last spans out again when
/// all together are more than the sum of each.
fn finish(cuts: &[Cut<'_>], mut units: Vec<Unit>, mut left_out: usize, options: &Options) -> Pack {
    let written = |units: &[Unit]| {
        let blocks = blocks(cuts, units);
        let text = render(options.format, &blocks);
        let tokens = options.tokenizer.count(&text);
        (blocks, text, tokens)
    };
    let (mut blocks, mut text, mut tokens) = written(&units);
    while tokens > options.budget && units.pop().is_some() {
        left_out += 1;
        (blocks, text, tokens) = written(&units);
    }
    if units.is_empty() {
        // Nothing is written, not even an empty list.
        return Pack {
            text: String::new(),
            tokens: 0,
            blocks: Vec::new(),
            left_out,
        };
    }
    let room = tokens + (options.budget as f64 * SHARE_OF_IMPORTS) as usize;
    let with_imports = with_imports(cuts, &units);
    let (more_blocks, more_text, more_tokens) = written(&with_imports);
    if more_tokens <= room.min(options.budget) {
        (blocks, text, tokens) = (more_blocks, more_text, more_tokens);
    }
    Pack {
        text,
        tokens,
        blocks,
        left_out,
    }
}

/// The units, those that stand first in their file with the imports they use.
fn with_imports(cuts: &[Cut<'_>], units: &[Unit]) -> Vec<Unit> {
    let mut units = units.to_vec();
    for (number, cut) in cuts.iter().enumerate() {
        let mut of_file: Vec<usize> = (0..units.len())
            .filter(|at| units[*at].source == number)
            .collect();
        let first_line = |unit: &Unit| unit.body.ranges().next().map_or(0, |range| *range.start());
        of_file.sort_by_key(|at| first_line(&units[*at]));
        let Some(&first) = of_file.first() else {
            continue;
        };
        let text: String = of_file
            .iter()
            .flat_map(|at| units[*at].body.ranges())
            .map(|range| cut.lines.text(range))
            .collect();
        let start = first_line(&units[first]);
        for line in imports::used(&cut.lines, &(start..=start), &text) {
            if !cut.excluded.contains(line) {
                units[first].headers.insert(&(line..=line));
            }
        }
    }
    units
}

/// What units look like: file by file in the order of each file's best unit,
/// within a file from top to bottom.
fn blocks(cuts: &[Cut<'_>], units: &[Unit]) -> Vec<PackBlock> {
    let mut order: Vec<usize> = Vec::new();
    for unit in units {
        if !order.contains(&unit.source) {
            order.push(unit.source);
        }
    }
    let mut all = Vec::new();
    for number in order {
        let of_file: Vec<&Unit> = units.iter().filter(|unit| unit.source == number).collect();
        all.extend(file_blocks(&cuts[number], &of_file));
    }
    all
}

fn file_blocks(cut: &Cut<'_>, units: &[&Unit]) -> Vec<PackBlock> {
    let mut body = LineSet::default();
    for unit in units {
        body.extend(&unit.body);
    }
    let body = closed(cut, &body);
    // What encloses two spans is shown above the first.
    let mut above = body.clone();
    let mut all = Vec::new();
    for range in body.ranges() {
        let here = |unit: &&&Unit| unit.body.ranges().any(|part| overlap(&part, &range));
        let mut headers = LineSet::default();
        let mut score = f32::MIN;
        for unit in units.iter().filter(here) {
            score = score.max(unit.score);
            for part in unit.headers.ranges() {
                headers.extend(&above.missing(&part));
            }
        }
        above.extend(&headers);
        all.push(block(cut, &range, &headers, score));
    }
    all
}

/// Small gaps between ranges filled, unless the reader has those lines.
fn closed(cut: &Cut<'_>, body: &LineSet) -> LineSet {
    let ranges: Vec<RangeInclusive<u32>> = body.ranges().collect();
    let mut closed = body.clone();
    for pair in ranges.windows(2) {
        let gap = *pair[0].end() + 1..=*pair[1].start() - 1;
        let is_small = gap.end() - gap.start() < SMALL_GAP;
        if is_small && !gap.clone().any(|line| cut.excluded.contains(line)) {
            closed.insert(&gap);
        }
    }
    closed
}

fn overlap(a: &RangeInclusive<u32>, b: &RangeInclusive<u32>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

fn block(cut: &Cut<'_>, range: &RangeInclusive<u32>, headers: &LineSet, score: f32) -> PackBlock {
    let mut text = String::new();
    let mut next = None;
    for part in headers.ranges().filter(|part| part.end() < range.start()) {
        if next.is_some_and(|next| next != *part.start()) {
            text.push_str(ELISION);
        }
        next = Some(part.end() + 1);
        text.push_str(&cut.lines.text(part));
    }
    if next.is_some_and(|next| next != *range.start()) {
        text.push_str(ELISION);
    }
    let own = cut.lines.text(range.clone());
    text.push_str(&own);
    let name = named_after(&cut.source.definitions, range);
    PackBlock {
        id: SpanId::new(&cut.source.path, range.clone(), &own).to_string(),
        repo: None,
        path: cut.source.path.clone(),
        start_line: *range.start(),
        end_line: *range.end(),
        language: cut.source.language.clone(),
        kind: name.map_or(ChunkKind::Code, |one| one.kind),
        symbol: name.map(|one| one.name.clone()),
        breadcrumb: name.map(|one| one.breadcrumb.clone()).unwrap_or_default(),
        score,
        text,
    }
}

/// The definition that lines are part of, else the largest one in them.
fn named_after<'a>(
    definitions: &'a [Definition],
    range: &RangeInclusive<u32>,
) -> Option<&'a Definition> {
    let inside = definitions
        .iter()
        .filter(|one| range.contains(one.lines.start()) && range.contains(one.lines.end()))
        .max_by_key(|one| (one.len(), std::cmp::Reverse(*one.lines.start())));
    let around = definitions
        .iter()
        .filter(|one| one.encloses(range))
        .min_by_key(|one| one.len());
    match (inside, around) {
        (Some(inside), Some(around)) if around.is_container() => Some(inside),
        (inside, around) => around.or(inside),
    }
}
