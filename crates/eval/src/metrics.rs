//! Figures of one ranked list: the definitions of the retrieval benchmark.

use crate::labels::Target;

/// Token budgets at which recall is told.
pub const BUDGETS: [usize; 5] = [500, 1000, 2000, 4000, 8000];
/// Ranks that count.
pub(crate) const K: usize = 10;
/// Tokens to the first answer of a query that finds none.
pub(crate) const NEVER_TOKENS: usize = 32_000;

/// A ranked span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Absolute path of the file.
    pub(crate) path: String,
    /// First line.
    pub(crate) start_line: u32,
    /// Last line, inclusive.
    pub(crate) end_line: u32,
    /// Tokens of its text.
    pub(crate) tokens: usize,
}

/// Figures of one query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scores {
    /// Normalised discounted cumulative gain of the first [`K`] units: gain 1
    /// at each rank that is the first to hit some target.
    pub(crate) ndcg10: f64,
    /// Reciprocal rank of the first hit among the first [`K`].
    pub(crate) mrr10: f64,
    /// Share of the targets hit by the first [`K`].
    pub(crate) recall10: f64,
    /// Whether the first unit hits.
    pub(crate) hit1: f64,
    /// Share of the targets covered within each of [`BUDGETS`].
    pub(crate) recall_at_tokens: [f64; BUDGETS.len()],
    /// Tokens up to and with the first hit.
    pub(crate) tokens_first_hit: usize,
    /// Where the first hit stands, from 0.
    pub(crate) first_hit: Option<usize>,
    /// Targets that nothing hits.
    missed: usize,
}

impl Scores {
    /// Whether every target is hit.
    pub(crate) fn is_complete(&self) -> bool {
        self.missed == 0
    }
}

/// How much of the targets the blocks of a context show: of a target with lines
/// the share of them, of a whole file 1 when anything of it is shown.
pub(crate) fn shown(blocks: &[Unit], targets: &[Target]) -> f64 {
    let share = |target: &Target| {
        let of_file = blocks
            .iter()
            .filter(|block| same_path(&block.path, &target.path));
        let Some((start, end)) = target.lines else {
            return f64::from(u8::from(of_file.count() > 0));
        };
        // Blocks of a context have no line in common.
        let lines: u32 = of_file
            .map(|block| {
                let (first, last) = (block.start_line.max(start), block.end_line.min(end));
                (last + 1).saturating_sub(first)
            })
            .sum();
        f64::from(lines) / f64::from(end - start + 1)
    };
    mean(&targets.iter().map(share).collect::<Vec<_>>())
}

/// Equal, or one a path suffix of the other.
fn same_path(a: &str, b: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(a, b) || ends(b, a)
}

fn hits(unit: &Unit, target: &Target) -> bool {
    same_path(&unit.path, &target.path)
        && target
            .lines
            .is_none_or(|(start, end)| unit.end_line >= start && unit.start_line <= end)
}

fn gain(rank: usize) -> f64 {
    1.0 / (rank as f64 + 1.0).log2()
}

/// The figures of `units`, best first, against `targets`. A query without
/// targets scores 0.
pub(crate) fn score(units: &[Unit], targets: &[Target]) -> Scores {
    let first_ranks: Vec<Option<usize>> = targets
        .iter()
        .map(|target| {
            let at = units.iter().position(|unit| hits(unit, target));
            at.map(|at| at + 1)
        })
        .collect();
    let count = targets.len().max(1) as f64;
    let mut within: Vec<usize> = first_ranks
        .iter()
        .flatten()
        .copied()
        .filter(|rank| *rank <= K)
        .collect();
    let recall10 = within.len() as f64 / count;
    within.sort_unstable();
    within.dedup();
    let ideal: f64 = (1..=targets.len().clamp(1, K)).map(gain).sum();
    let costs: Vec<usize> = units
        .iter()
        .scan(0, |sum, unit| {
            *sum += unit.tokens;
            Some(*sum)
        })
        .collect();
    let covered_at: Vec<usize> = first_ranks
        .iter()
        .flatten()
        .filter_map(|rank| costs.get(rank - 1).copied())
        .collect();
    Scores {
        ndcg10: within.iter().fold(0.0, |sum, rank| sum + gain(*rank)) / ideal,
        mrr10: within.first().map_or(0.0, |rank| 1.0 / *rank as f64),
        recall10,
        hit1: f64::from(u8::from(within.first() == Some(&1))),
        recall_at_tokens: BUDGETS
            .map(|budget| covered_at.iter().filter(|cost| **cost <= budget).count() as f64 / count),
        tokens_first_hit: covered_at.iter().copied().min().unwrap_or(NEVER_TOKENS),
        first_hit: first_ranks.iter().flatten().min().map(|rank| rank - 1),
        missed: first_ranks.iter().filter(|rank| rank.is_none()).count(),
    }
}

/// The value below which `share` of the values lie, between neighbours in
/// proportion; 0 for none.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// The mean; 0 for none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    // An empty sum of floats is -0.
    (values.iter().sum::<f64>() + 0.0) / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(path: &str, start_line: u32, end_line: u32) -> Unit {
        Unit {
            path: format!("/r/{path}"),
            start_line,
            end_line,
            tokens: 300,
        }
    }

    fn file(path: &str) -> Target {
        Target {
            path: path.to_owned(),
            lines: None,
        }
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn ranks_count_units_and_duplicates_cost() {
        let units = [unit("a.rs", 1, 5), unit("a.rs", 9, 12), unit("b.rs", 1, 3)];
        let scores = score(&units, &[file("a.rs"), file("b.rs")]);
        close(scores.ndcg10, (1.0 + 0.5) / (1.0 + 1.0 / 3.0_f64.log2()));
        close(scores.mrr10, 1.0);
        close(scores.recall10, 1.0);
        assert_eq!(scores.tokens_first_hit, 300);
        close(scores.recall_at_tokens[0], 0.5);
        close(scores.recall_at_tokens[1], 1.0);
    }

    #[test]
    fn one_unit_that_hits_two_targets_counts_once() {
        let spans = [(1, 3), (5, 9)].map(|lines| Target {
            path: "a.rs".to_owned(),
            lines: Some(lines),
        });
        let scores = score(&[unit("a.rs", 1, 20)], &spans);
        close(scores.ndcg10, 1.0 / (1.0 + 1.0 / 3.0_f64.log2()));
        close(scores.recall10, 1.0);
    }

    #[test]
    fn lines_must_overlap() {
        let target = Target {
            path: "src/a.rs".to_owned(),
            lines: Some((10, 20)),
        };
        let at = |start, end| {
            score(
                &[unit("src/a.rs", start, end)],
                std::slice::from_ref(&target),
            )
            .hit1
        };
        close(at(20, 25), 1.0);
        close(at(1, 10), 1.0);
        close(at(21, 25), 0.0);
        close(at(1, 9), 0.0);
    }

    #[test]
    fn paths_match_by_suffix_of_whole_folders() {
        assert!(same_path("/r/src/a.rs", "src/a.rs"));
        assert!(same_path("a.rs", "src/a.rs"));
        assert!(!same_path("/r/src/ba.rs", "a.rs"));
    }

    #[test]
    fn nothing_found_costs_the_most() {
        let scores = score(&[], &[file("a.rs")]);
        assert_eq!(scores.tokens_first_hit, NEVER_TOKENS);
        close(scores.ndcg10, 0.0);
        assert_eq!(
            score(&[unit("a", 1, 1)], &[]),
            Scores {
                tokens_first_hit: NEVER_TOKENS,
                ..Scores::default()
            }
        );
        // Beyond the tenth rank only tokens count.
        let mut units: Vec<Unit> = (0..10).map(|n| unit(&format!("x{n}"), 1, 1)).collect();
        units.push(unit("a.rs", 1, 1));
        let scores = score(&units, &[file("a.rs")]);
        close(scores.ndcg10, 0.0);
        close(scores.recall_at_tokens[3], 1.0);
    }

    #[test]
    fn a_context_shows_a_share_of_the_lines() {
        let target = Target {
            path: "a.rs".to_owned(),
            lines: Some((11, 20)),
        };
        let blocks = [
            unit("a.rs", 1, 12),
            unit("a.rs", 18, 40),
            unit("b.rs", 11, 20),
        ];
        close(shown(&blocks, std::slice::from_ref(&target)), 0.5);
        close(
            shown(&blocks, &[target.clone(), file("b.rs"), file("c.rs")]),
            0.5,
        );
        close(shown(&[], &[target]), 0.0);
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        close(percentile(&[4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        close(percentile(&[1.0], 0.95), 1.0);
        close(percentile(&[], 0.5), 0.0);
        close(mean(&[]), 0.0);
    }
}
