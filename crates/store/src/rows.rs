//! A set of chunk rows: which chunks of a snapshot a query may see.

/// A bit for each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    len: usize,
}

impl RowSet {
    /// No row of `len`.
    pub fn none(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(64)],
            len,
        }
    }

    /// How many rows there are, in the set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many rows are in the set.
    pub fn count(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Puts a row in.
    pub fn insert(&mut self, row: u32) {
        self.words[row as usize / 64] |= 1 << (row % 64);
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: u32) {
        self.words[row as usize / 64] &= !(1 << (row % 64));
    }

    /// Whether a row is in.
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        self.words
            .get(row as usize / 64)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many rows of a range are in the set.
    pub(crate) fn count_in(&self, range: std::ops::Range<u32>) -> usize {
        self.words_in(range)
            .map(|(_, word)| word.count_ones() as usize)
            .sum()
    }

    /// The rows of a range that are in the set, rising.
    pub(crate) fn iter_in(&self, range: std::ops::Range<u32>) -> impl Iterator<Item = u32> + '_ {
        self.words_in(range).flat_map(|(at, word)| {
            (0..64).filter_map(move |bit| (word >> bit & 1 == 1).then_some(at as u32 * 64 + bit))
        })
    }

    /// Number and bits of each word of a range, bits outside of it cleared.
    fn words_in(&self, range: std::ops::Range<u32>) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (start, end) = (range.start as usize, (range.end as usize).min(self.len));
        let words = if start < end {
            start / 64..end.div_ceil(64)
        } else {
            0..0
        };
        words.map(move |at| {
            let mut word = self.words[at];
            if at * 64 < start {
                word &= u64::MAX << (start % 64);
            }
            if (at + 1) * 64 > end {
                word &= u64::MAX >> (64 - end % 64);
            }
            (at, word)
        })
    }

    /// The rows of the set, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.checked_sub(1)?;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_in_and_out() {
        let mut set = RowSet::none(130);
        for row in [0, 63, 64, 129] {
            set.insert(row);
        }
        set.remove(63);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 64, 129]);
        assert!(set.contains(129) && !set.contains(63) && !set.contains(100_000));
        assert_eq!((set.count(), set.len(), set.is_empty()), (3, 130, false));
        assert!(RowSet::none(0).is_empty());
    }

    #[test]
    fn ranges_are_counted_and_listed() {
        let mut set = RowSet::none(200);
        for row in (0..200).step_by(3) {
            set.insert(row);
        }
        for (start, end) in [
            (0, 200),
            (0, 0),
            (1, 64),
            (63, 65),
            (64, 128),
            (100, 900),
            (150, 150),
        ] {
            let expected: Vec<u32> = (start..end.min(200)).filter(|row| row % 3 == 0).collect();
            assert_eq!(set.iter_in(start..end).collect::<Vec<_>>(), expected);
            assert_eq!(set.count_in(start..end), expected.len(), "{start}..{end}");
        }
    }
}
