//! The best of many scored rows, kept without sorting them all.

/// A scored row; ordered best first: highest score, and of equals the earlier row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scored {
    pub(crate) score: f32,
    pub(crate) row: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the best `limit` of what it is given, whatever the order it comes in.
///
/// A buffer of twice the limit is cut to its better half each time it is full,
/// so a row costs a comparison and at times a copy. A heap of 150 took more of
/// a scan than its inner products did.
pub(crate) struct Best {
    limit: usize,
    /// Rows below this score are not among the best.
    floor: f32,
    kept: Vec<Scored>,
}

impl Best {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            floor: if limit == 0 {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            },
            kept: Vec::new(),
        }
    }

    /// A score below this one need not be pushed.
    #[inline]
    pub(crate) fn floor(&self) -> f32 {
        self.floor
    }

    #[inline]
    pub(crate) fn push(&mut self, scored: Scored) {
        if scored.score < self.floor || self.limit == 0 {
            return;
        }
        self.kept.push(scored);
        if self.kept.len() >= self.limit.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.limit == 0 || self.kept.len() <= self.limit {
            return;
        }
        let (_, worst, _) = self.kept.select_nth_unstable(self.limit - 1);
        self.floor = worst.score;
        self.kept.truncate(self.limit);
    }

    /// Takes in all that another one kept.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        for scored in other.kept {
            self.push(scored);
        }
        self
    }

    /// Best first.
    pub(crate) fn into_sorted(mut self) -> Vec<Scored> {
        self.cut();
        self.kept.sort_unstable();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_sorting_would(
            scores in proptest::collection::vec(0_u8..40, 0..400),
            limit in 0_usize..70,
            split in 0_usize..400,
        ) {
            let all: Vec<Scored> = scores
                .iter()
                .zip(0..)
                .map(|(score, row)| Scored { score: f32::from(*score), row })
                .collect();
            let (left, right) = all.split_at(split.min(all.len()));
            let best_of = |rows: &[Scored]| {
                let mut best = Best::new(limit);
                for row in rows {
                    best.push(*row);
                }
                best
            };
            let merged = best_of(right).merge(best_of(left)).into_sorted();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            sorted.truncate(limit);
            prop_assert_eq!(merged, sorted);
        }
    }
}
