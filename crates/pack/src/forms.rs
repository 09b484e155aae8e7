//! The forms that a span can be shown in: its whole definition, the span itself
//! under the signature that it belongs to, the signature alone.

use std::ops::RangeInclusive;

use wherein_core::ByteRange;

use crate::lines::LineSet;
use crate::source::{Definition, Source};

/// Most lines of an enclosing definition that are shown above a span.
const HEADER_LINES: u32 = 3;
/// Most lines of a signature that stands alone.
const SIGNATURE_LINES: u32 = 15;
/// A definition is shown whole at once for a span of it up to this many times its
/// lines; a longer one when there is room left.
const WHOLE_TIMES: u32 = 4;
/// So are containers (classes, modules) of up to so many lines.
const CONTAINER_LINES: u32 = 30;

/// One way to show a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The lines that say something.
    pub(crate) body: RangeInclusive<u32>,
    /// Lines of what encloses them.
    pub(crate) headers: LineSet,
}

/// All forms of a span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forms {
    /// Best first; the last one is the shortest.
    pub(crate) usual: Vec<Form>,
    /// The definition that the span is of, whatever its length.
    pub(crate) whole: Option<Form>,
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

/// The forms of a span.
pub(crate) fn forms(source: &Source, starts: &LineStarts, lines: &RangeInclusive<u32>) -> Forms {
    let mut enclosing: Vec<&Definition> = source
        .definitions
        .iter()
        .filter(|one| one.encloses(lines))
        .collect();
    enclosing.sort_by_key(|one| (one.len(), *one.lines.start()));
    let span_lines = lines.end() - lines.start() + 1;
    let form = |body: RangeInclusive<u32>| {
        let mut headers = LineSet::default();
        for outer in source.definitions.iter().filter(|one| one.encloses(&body)) {
            if let Some(signature) = starts.signature(outer, HEADER_LINES)
                && outer.lines != body
            {
                for part in LineSet::of(&body).missing(&signature).ranges() {
                    headers.insert(&part);
                }
            }
        }
        Form { body, headers }
    };
    let mut usual = Vec::new();
    let mut add = |body: RangeInclusive<u32>| {
        let form = form(body);
        if !usual.contains(&form) {
            usual.push(form);
        }
    };
    let short = enclosing.first().filter(|one| {
        if one.is_container() {
            one.len() <= CONTAINER_LINES
        } else {
            one.len() <= span_lines * WHOLE_TIMES
        }
    });
    if let Some(short) = short {
        add(short.lines.clone());
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
    Forms {
        usual,
        whole: meant(source, &enclosing, lines).map(form),
    }
}

/// The lines of what a span is of: the definition around it, or those that start
/// in it; of a container only when the span is its head.
fn meant(
    source: &Source,
    enclosing: &[&Definition],
    lines: &RangeInclusive<u32>,
) -> Option<RangeInclusive<u32>> {
    let around = enclosing.first().filter(|one| {
        !one.is_container() || lines.start() <= one.lines.start() && lines.end() < one.lines.end()
    });
    if let Some(around) = around {
        return Some(around.lines.clone());
    }
    let starting = source
        .definitions
        .iter()
        .filter(|one| lines.contains(one.lines.start()) && one.lines.end() > lines.end());
    let end = starting.map(|one| *one.lines.end()).max()?;
    Some(*lines.start()..=end)
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

#[cfg(test)]
mod tests {
    use wherein_core::{ByteRange, ChunkKind};

    use super::*;

    fn source(definitions: &[(ChunkKind, RangeInclusive<u32>)]) -> Source {
        Source {
            repo: None,
            path: "a".to_owned(),
            language: "rust".to_owned(),
            text: "x\n".repeat(200),
            definitions: definitions
                .iter()
                .map(|(kind, lines)| Definition {
                    name: "n".to_owned(),
                    breadcrumb: "n".to_owned(),
                    kind: *kind,
                    lines: lines.clone(),
                    signature: ByteRange {
                        start: (lines.start() - 1) * 2,
                        end: (lines.start() - 1) * 2 + 1,
                    },
                })
                .collect(),
        }
    }

    fn of(
        source: &Source,
        lines: RangeInclusive<u32>,
    ) -> (Vec<RangeInclusive<u32>>, Option<RangeInclusive<u32>>) {
        let forms = forms(source, &LineStarts::of(&source.text), &lines);
        let usual = forms.usual.into_iter().map(|form| form.body).collect();
        (usual, forms.whole.map(|form| form.body))
    }

    #[test]
    fn a_long_definition_is_whole_where_there_is_room() {
        let source = source(&[(ChunkKind::Impl, 1..=150), (ChunkKind::Method, 10..=110)]);
        let (usual, whole) = of(&source, 20..=29);
        assert_eq!(usual, [20..=29, 10..=10]);
        assert_eq!(whole, Some(10..=110));
        // The class around a whole method was not asked for.
        assert_eq!(of(&source, 120..=130).1, None);
    }

    #[test]
    fn the_head_of_a_class_means_the_class() {
        let source = source(&[(ChunkKind::Class, 5..=150), (ChunkKind::Method, 12..=110)]);
        assert_eq!(of(&source, 5..=9).1, Some(5..=150));
        assert_eq!(of(&source, 1..=9).1, Some(1..=150));
        // With comments above a function, they belong to it.
        assert_eq!(of(&source, 11..=20).1, Some(11..=110));
    }

    #[test]
    fn what_starts_near_the_end_of_a_span_is_completed() {
        let source = source(&[(ChunkKind::Function, 8..=14)]);
        assert_eq!(of(&source, 1..=10).0[0], 1..=14);
    }
}
