//! Chosen units as blocks: file by file, from top to bottom, neighbours as one.

use std::ops::RangeInclusive;

use wherein_core::{ChunkKind, PackBlock};

use crate::cut::{Cut, Unit};
use crate::lines::LineSet;
use crate::source::Definition;
use crate::span_id::SpanId;

/// Lines between two spans of a file that are shown to make them one.
const SMALL_GAP: u32 = 2;
/// Stands for lines that are left out, within a block and at its end: no
/// language has it.
pub(crate) const ELISION: &str = "\u{22ee}\n";

/// What units look like: file by file in the order of each file's best unit,
/// within a file from top to bottom.
pub(crate) fn blocks(cuts: &[Cut<'_>], units: &[Unit]) -> Vec<PackBlock> {
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
        // Headers that the span follows are a part of it.
        let touching = headers
            .ranges()
            .find(|part| part.end() + 1 == *range.start());
        let range = touching.map_or(*range.start(), |part| *part.start())..=*range.end();
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
    let mut own = String::new();
    let mut parts: Vec<RangeInclusive<u32>> = headers
        .ranges()
        .filter(|part| part.end() < range.start())
        .collect();
    parts.push(range.clone());
    let mut next = None;
    for part in &parts {
        if next.is_some_and(|next| next != *part.start()) {
            text.push_str(ELISION);
        }
        next = Some(part.end() + 1);
        let lines = cut.lines.text(part.clone());
        text.push_str(&lines);
        own.push_str(&lines);
    }
    if cut.goes_on_after(*range.end()) {
        text.push_str(ELISION);
    }
    let name = named_after(&cut.source.definitions, range);
    PackBlock {
        id: SpanId::new(&cut.source.path, parts, &own).to_string(),
        repo: cut.source.repo.clone(),
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
