//! The forms that a span can be shown in, best first: its whole definition, the
//! span itself under the signature that it belongs to, the signature alone.

use std::ops::RangeInclusive;

use wherein_core::ByteRange;

use crate::lines::LineSet;
use crate::source::{Definition, Source};

/// Most lines of an enclosing definition that are shown above a span.
const HEADER_LINES: u32 = 3;
/// Most lines of a signature that stands alone.
const SIGNATURE_LINES: u32 = 15;
/// A definition is shown whole for a span of it up to this many times its lines;
/// of a longer one the span says enough.
const WHOLE_TIMES: u32 = 4;
/// Containers (classes, modules) are shown whole only when they are short.
const CONTAINER_LINES: u32 = 30;

/// One way to show a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The lines that say something.
    pub(crate) body: RangeInclusive<u32>,
    /// Lines of what encloses them.
    pub(crate) headers: LineSet,
}

/// Starts of lines, to find the line of a byte.
pub(crate) struct LineStarts(Vec<u32>);

impl LineStarts {
    pub(crate) fn of(text: &str) -> Self {
        let ends = text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(_, at)| at)).collect())
    }

    fn line(&self, byte: u32) -> u32 {
        self.0.partition_point(|start| *start <= byte) as u32
    }

    /// The lines of a signature; `None` when the definition has none.
    fn signature(&self, definition: &Definition, most: u32) -> Option<RangeInclusive<u32>> {
        let ByteRange { start, end } = definition.signature;
        if start >= end {
            return None;
        }
        let first = self.line(start);
        let last = self.line(end - 1).min(first + most - 1);
        (first >= *definition.lines.start() && last <= *definition.lines.end())
            .then_some(first..=last)
    }
}

/// The forms of a span, best first; the last one is the shortest.
pub(crate) fn forms(
    source: &Source,
    starts: &LineStarts,
    lines: &RangeInclusive<u32>,
) -> Vec<Form> {
    let mut enclosing: Vec<&Definition> = source
        .definitions
        .iter()
        .filter(|one| one.encloses(lines))
        .collect();
    enclosing.sort_by_key(|one| (one.len(), *one.lines.start()));
    let span_lines = lines.end() - lines.start() + 1;
    let mut forms = Vec::new();
    let mut add = |body: RangeInclusive<u32>| {
        let mut headers = LineSet::default();
        for outer in &enclosing {
            if let Some(signature) = starts.signature(outer, HEADER_LINES)
                && outer.lines != body
            {
                for part in LineSet::of(&body).missing(&signature).ranges() {
                    headers.insert(&part);
                }
            }
        }
        let form = Form { body, headers };
        if !forms.contains(&form) {
            forms.push(form);
        }
    };
    let whole = enclosing.first().filter(|one| {
        if one.is_container() {
            one.len() <= CONTAINER_LINES
        } else {
            one.len() <= span_lines * WHOLE_TIMES
        }
    });
    if let Some(whole) = whole {
        add(whole.lines.clone());
    }
    add(completed(source, lines));
    add(lines.clone());
    // Of what starts within the span, when nothing encloses it.
    let named = enclosing.first().copied().or_else(|| {
        let inside = |one: &&Definition| lines.contains(one.lines.start());
        source
            .definitions
            .iter()
            .filter(inside)
            .max_by_key(|one| one.len())
    });
    // The head of a class alone says nothing of what was found in it.
    let named = named.filter(|one| !one.is_container());
    if let Some(signature) = named.and_then(|one| starts.signature(one, SIGNATURE_LINES)) {
        add(signature);
    }
    forms
}

/// The span, to the end of the last definition that starts in it, when that is
/// near.
fn completed(source: &Source, lines: &RangeInclusive<u32>) -> RangeInclusive<u32> {
    let span_lines = lines.end() - lines.start() + 1;
    let end = source
        .definitions
        .iter()
        .filter(|one| lines.contains(one.lines.start()) && !one.is_container())
        .map(|one| *one.lines.end())
        .filter(|end| *end <= lines.end() + span_lines)
        .max()
        .unwrap_or(*lines.end());
    *lines.start()..=end.max(*lines.end())
}
