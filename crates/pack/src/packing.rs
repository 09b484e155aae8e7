//! Chooses what a budget holds: spans in the order they were found, each in the
//! best form that fits; what room is left goes to the rest of their definitions.

use wherein_core::PackBlock;

use crate::blocks::blocks;
use crate::cut::{Cut, Unit};
use crate::forms::{Form, forms};
use crate::imports;
use crate::render::{Format, render};
use crate::source::{Found, Source};
use crate::span_id::SpanId;
use crate::tokens::Tokenizer;

/// Share of the budget that one span may take, but for the first.
const SHARE_OF_ONE: f64 = 0.35;
/// Share of the budget that the best span may take.
const SHARE_OF_FIRST: f64 = 0.6;
/// A span may have this many tokens whatever the budget.
const ALWAYS_TOKENS: usize = 300;
/// Share of the budget for lines that import what is shown.
const SHARE_OF_IMPORTS: f64 = 0.1;
/// The best spans, of which the rest is shown where there is room.
const COMPLETED: usize = 8;

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

/// Packs what was found, best first, into a budget.
pub fn pack(sources: &[Source], found: &[Found], options: &Options) -> Pack {
    let cuts = sources
        .iter()
        .map(|source| Cut::new(source, &options.exclude))
        .collect();
    let mut packing = Packing {
        cuts,
        units: Vec::new(),
        wholes: Vec::new(),
        spent: 0,
        left_out: 0,
        options,
    };
    for span in found {
        packing.add(span);
    }
    packing.complete();
    packing.finish()
}

struct Packing<'a> {
    cuts: Vec<Cut<'a>>,
    units: Vec<Unit>,
    /// Of each unit, the whole of what it is of.
    wholes: Vec<Option<Form>>,
    /// Tokens of all units, each written alone.
    spent: usize,
    left_out: usize,
    options: &'a Options,
}

impl Packing<'_> {
    /// Tokens of a unit that is written alone.
    fn cost(&self, unit: &Unit) -> usize {
        let blocks = blocks(&self.cuts, std::slice::from_ref(unit));
        let text = render(self.options.format, &blocks);
        self.options.tokenizer.count(&text)
    }

    /// Takes a span in the best form that fits.
    fn add(&mut self, span: &Found) {
        let Some(cut) = self.cuts.get(span.source) else {
            return;
        };
        let budget = self.options.budget;
        let is_first = self.units.is_empty();
        let share = if is_first {
            SHARE_OF_FIRST
        } else {
            SHARE_OF_ONE
        };
        let most = ((budget as f64 * share) as usize).max(ALWAYS_TOKENS);
        let most = most.min(budget.saturating_sub(self.spent));
        let lines = *span.lines.start().max(&1)..=(*span.lines.end()).min(cut.lines.count());
        if lines.is_empty() {
            return;
        }
        let forms = forms(cut.source, &cut.starts, &lines);
        let best = forms.whole.iter().filter(|_| is_first);
        let mut is_told = false;
        let fitting = best.chain(&forms.usual).find_map(|form| {
            let unit = cut.unit(span.source, form, span.score);
            if cut.is_blank(&unit.body) {
                is_told = true;
                return None;
            }
            let cost = self.cost(&unit);
            (cost <= most).then_some((unit, cost))
        });
        match fitting {
            Some((unit, cost)) => {
                self.spent += cost;
                self.cuts[span.source].shown.extend(&unit.body);
                self.units.push(unit);
                self.wholes.push(forms.whole);
            }
            None if is_told => {}
            None => self.left_out += 1,
        }
    }

    /// Shows the rest of the best spans' definitions where there is room.
    fn complete(&mut self) {
        let mut room = self.options.budget.saturating_sub(self.tokens());
        for at in 0..self.units.len().min(COMPLETED) {
            let Some(whole) = &self.wholes[at] else {
                continue;
            };
            let unit = &self.units[at];
            let cut = &self.cuts[unit.source];
            let mut more = cut.unit(unit.source, whole, unit.score);
            if cut.is_blank(&more.body) {
                continue;
            }
            more.body.extend(&unit.body);
            let costs = self.cost(&more).saturating_sub(self.cost(unit));
            if costs > room {
                continue;
            }
            room -= costs;
            self.cuts[more.source].shown.extend(&more.body);
            self.units[at] = more;
        }
    }

    /// Tokens of all that was chosen, written together.
    fn tokens(&self) -> usize {
        let text = render(self.options.format, &blocks(&self.cuts, &self.units));
        self.options.tokenizer.count(&text)
    }

    /// Adds imports where there is room, and takes the last spans out again when
    /// all together are more than the sum of each.
    fn finish(self) -> Pack {
        let Self {
            cuts,
            mut units,
            mut left_out,
            options,
            ..
        } = self;
        let written = |units: &[Unit]| {
            let blocks = blocks(&cuts, units);
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
            let text = render(options.format, &[]);
            let tokens = options.tokenizer.count(&text);
            let fits = tokens <= options.budget;
            return Pack {
                text: if fits { text } else { String::new() },
                tokens: if fits { tokens } else { 0 },
                blocks: Vec::new(),
                left_out,
            };
        }
        let room = tokens + (options.budget as f64 * SHARE_OF_IMPORTS) as usize;
        let with_imports = with_imports(&cuts, &units);
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
        let language = &cut.source.language;
        for part in imports::used(&cut.lines, language, start, &text).ranges() {
            units[first].headers.extend(&cut.excluded.missing(&part));
        }
    }
    units
}
