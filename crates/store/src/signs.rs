//! Vectors as the signs of their values, a bit each: a first look that reads an eighth of
//! what the codes take, so that many searches at once do not wait for memory.
//!
//! The number of signs that differ estimates the angle between two vectors (Charikar
//! 2002, for random directions); the rows where fewest differ are scored again by their
//! codes. How many that must be for nothing to be lost is measured by `make
//! bench-vectors`.

/// Bits of a word.
const WORD: usize = u64::BITS as usize;
/// The count that stands for a row that is not looked at.
const NOT_LOOKED_AT: u8 = u8::MAX;

/// The signs of many rows, or of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signs {
    words: Vec<u64>,
    /// Words of a row.
    width: usize,
}

impl Signs {
    /// Of rows that lie one after the other.
    pub(crate) fn of_rows(codes: &[i8], dimensions: usize) -> Self {
        let width = dimensions.div_ceil(WORD);
        let rows = codes.len() / dimensions.max(1);
        let mut words = Vec::with_capacity(rows * width);
        // On one thread: whoever waits for shared work here could be handed another search
        // that waits for these very signs.
        for row in codes.chunks_exact(dimensions.max(1)) {
            words.extend(row.chunks(WORD).map(signs_of));
        }
        Self { words, width }
    }

    /// In how many signs each of some rows differs from a query: at most 254, and 255 for
    /// rows that are not allowed.
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "the processor was found to have it")
    )]
    pub(crate) fn differences(
        &self,
        query: &Self,
        rows: std::ops::Range<usize>,
        is_allowed: impl Fn(usize) -> bool,
    ) -> Vec<u8> {
        let words = &self.words[rows.start * self.width..rows.end * self.width];
        let mut differences = vec![0; rows.len()];
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has the instruction.
            unsafe { count_with_popcnt(words, &query.words, &mut differences) };
        } else {
            count(words, &query.words, &mut differences);
        }
        #[cfg(not(target_arch = "x86_64"))]
        count(words, &query.words, &mut differences);
        for (difference, row) in differences.iter_mut().zip(rows) {
            if !is_allowed(row) {
                *difference = NOT_LOOKED_AT;
            }
        }
        differences
    }
}

/// Counts the bits that differ between each row and the query.
#[expect(
    clippy::inline_always,
    reason = "it is compiled anew for what the processor has"
)]
#[inline(always)]
fn count(rows: &[u64], query: &[u64], differences: &mut [u8]) {
    let most = u32::from(NOT_LOOKED_AT) - 1;
    // The usual width, without a loop.
    if let [a, b, c, d] = *query {
        for (row, difference) in rows.as_chunks::<4>().0.iter().zip(differences) {
            let ones = (row[0] ^ a).count_ones()
                + (row[1] ^ b).count_ones()
                + (row[2] ^ c).count_ones()
                + (row[3] ^ d).count_ones();
            *difference = ones.min(most) as u8;
        }
        return;
    }
    let rows = rows.chunks_exact(query.len().max(1));
    for (row, difference) in rows.zip(differences) {
        let pairs = row.iter().zip(query);
        let ones: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
        *difference = ones.min(most) as u8;
    }
}

/// [`count`] with the instruction for it, which not every processor has.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn count_with_popcnt(rows: &[u64], query: &[u64], differences: &mut [u8]) {
    count(rows, query, differences);
}

/// How often each difference occurs, those that were not looked at left out.
#[derive(Clone, Debug)]
pub(crate) struct Differences([u32; NOT_LOOKED_AT as usize]);

impl Default for Differences {
    fn default() -> Self {
        Self([0; NOT_LOOKED_AT as usize])
    }
}

impl Differences {
    pub(crate) fn count(&mut self, differences: &[u8]) {
        for difference in differences {
            if let Some(count) = self.0.get_mut(*difference as usize) {
                *count += 1;
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }

    /// The least difference up to which there are `wanted` rows, or the greatest of all.
    pub(crate) fn up_to(&self, wanted: usize) -> u8 {
        let mut sum = 0;
        for (difference, count) in self.0.iter().enumerate() {
            sum += *count as usize;
            if sum >= wanted {
                return difference as u8;
            }
        }
        NOT_LOOKED_AT - 1
    }
}

/// The signs of up to 64 codes, the first in the lowest bit.
fn signs_of(codes: &[i8]) -> u64 {
    codes
        .iter()
        .enumerate()
        .fold(0, |word, (at, code)| word | u64::from(*code < 0) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_signs_are_counted() {
        let codes = |signs: &[i8]| signs.repeat(36);
        let rows: Vec<i8> = [
            codes(&[1, 1]),
            codes(&[1, -1]),
            codes(&[-1, -1]),
            codes(&[0, 5]),
        ]
        .concat();
        let signs = Signs::of_rows(&rows, 72);
        let query = Signs::of_rows(&codes(&[3, 2]), 72);
        let all = signs.differences(&query, 0..4, |_| true);
        assert_eq!(all, [0, 36, 72, 0]);
        let some = signs.differences(&query, 1..4, |row| row != 2);
        assert_eq!(some, [36, 255, 0]);
        let mut counts = Differences::default();
        counts.count(&all);
        counts.count(&some);
        assert_eq!(counts.up_to(1), 0);
        assert_eq!(counts.up_to(4), 36);
        assert_eq!(counts.up_to(6), 72);
        assert_eq!(counts.up_to(7), 254, "there are no more");
    }

    #[test]
    fn the_greatest_difference_has_a_count() {
        let ones = vec![1_i8; 512];
        let minus = vec![-1_i8; 512];
        let signs = Signs::of_rows(&minus, 512);
        let all = signs.differences(&Signs::of_rows(&ones, 512), 0..1, |_| true);
        assert_eq!(all, [254]);
    }
}
