//! Sets of lines of one file, as ranges in order.

use std::ops::RangeInclusive;

/// Lines, 1-based; ranges that rise and neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineSet {
    ranges: Vec<(u32, u32)>,
}

impl LineSet {
    /// Of one range.
    pub(crate) fn of(lines: &RangeInclusive<u32>) -> Self {
        let mut set = Self::default();
        set.insert(lines);
        set
    }

    /// Puts lines in.
    pub(crate) fn insert(&mut self, lines: &RangeInclusive<u32>) {
        let (mut start, mut end) = (*lines.start(), *lines.end());
        if start > end {
            return;
        }
        self.ranges.retain(|(first, last)| {
            let apart = *last + 1 < start || end + 1 < *first;
            if !apart {
                start = start.min(*first);
                end = end.max(*last);
            }
            apart
        });
        let at = self.ranges.partition_point(|range| range.0 < start);
        self.ranges.insert(at, (start, end));
    }

    /// Puts the lines of another set in.
    pub(crate) fn extend(&mut self, other: &Self) {
        for range in other.ranges() {
            self.insert(&range);
        }
    }

    /// The parts of `lines` that are not in the set.
    pub(crate) fn missing(&self, lines: &RangeInclusive<u32>) -> Self {
        let mut rest = Self::default();
        let mut next = *lines.start();
        for (first, last) in &self.ranges {
            if *last < next {
                continue;
            }
            if *first > *lines.end() {
                break;
            }
            if *first > next {
                rest.insert(&(next..=*first - 1));
            }
            next = last + 1;
        }
        rest.insert(&(next..=*lines.end()));
        rest
    }

    /// Whether a line is in.
    pub(crate) fn contains(&self, line: u32) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= line);
        after > 0 && self.ranges[after - 1].1 >= line
    }

    /// The ranges, rising.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        self.ranges.iter().map(|(first, last)| *first..=*last)
    }
}

/// The lines of a text, without their ends.
pub(crate) struct Lines<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            lines: text.lines().collect(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.lines.len() as u32
    }

    /// A line, 1-based; empty outside of the text.
    pub(crate) fn line(&self, number: u32) -> &'a str {
        (number as usize)
            .checked_sub(1)
            .and_then(|at| self.lines.get(at))
            .copied()
            .unwrap_or("")
    }

    /// The text of some lines, each with its end.
    pub(crate) fn text(&self, lines: RangeInclusive<u32>) -> String {
        let mut text = String::new();
        for number in lines {
            text.push_str(self.line(number));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(ranges: &[(u32, u32)]) -> LineSet {
        let mut set = LineSet::default();
        for (first, last) in ranges {
            set.insert(&(*first..=*last));
        }
        set
    }

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(set(&[(5, 7), (1, 2), (3, 4)]).ranges, [(1, 7)]);
        assert_eq!(
            set(&[(1, 2), (9, 9), (4, 5)]).ranges,
            [(1, 2), (4, 5), (9, 9)]
        );
        assert_eq!(set(&[(3, 2)]).ranges, []);
    }

    #[test]
    fn what_is_missing() {
        let some = set(&[(3, 4), (8, 9)]);
        assert_eq!(some.missing(&(1..=10)).ranges, [(1, 2), (5, 7), (10, 10)]);
        assert_eq!(some.missing(&(3..=4)).ranges, []);
        assert_eq!(some.missing(&(4..=8)).ranges, [(5, 7)]);
        assert_eq!(LineSet::default().missing(&(2..=2)).ranges, [(2, 2)]);
    }

    proptest! {
        #[test]
        fn a_set_is_what_was_put_in(ranges in proptest::collection::vec((1_u32..60, 0_u32..9), 0..12), asked in (1_u32..60, 0_u32..30)) {
            let all: Vec<(u32, u32)> = ranges.iter().map(|(start, more)| (*start, start + more)).collect();
            let some = set(&all);
            let is_in = |line: u32| all.iter().any(|(first, last)| (*first..=*last).contains(&line));
            for line in 0..80 {
                prop_assert_eq!(some.contains(line), is_in(line));
            }
            for pair in some.ranges.windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0);
            }
            let lines = asked.0..=asked.0 + asked.1;
            let missing = some.missing(&lines);
            for line in 0..100 {
                prop_assert_eq!(missing.contains(line), lines.contains(&line) && !is_in(line));
            }
        }
    }
}
