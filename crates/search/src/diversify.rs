//! Keeps several chunks of one file from flooding the list.

use rustc_hash::FxHashMap;

/// What chunks of a file lose that is in the list already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// Each further chunk loses this much more than the one before ...
    pub(crate) each: f32,
    /// ... but never more than this.
    pub(crate) most: f32,
}

/// Reorders `(score, file)` pairs, best first as given, so that further chunks
/// of a file lose; gives positions and what each lost, best first.
pub(crate) fn diversify(ranked: &[(f32, u32)], loss: Loss) -> Vec<(usize, f32)> {
    let mut listed: FxHashMap<u32, u32> = FxHashMap::default();
    let mut damped: Vec<(usize, f32)> = ranked
        .iter()
        .enumerate()
        .map(|(at, (_, file))| {
            let before = listed.entry(*file).or_insert(0);
            let own = (loss.each * *before as f32).min(loss.most);
            *before += 1;
            (at, own)
        })
        .collect();
    damped.sort_by(|a, b| {
        let left = |one: &(usize, f32)| ranked[one.0].0 - one.1;
        left(b).total_cmp(&left(a)).then(a.0.cmp(&b.0))
    });
    damped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ranked: &[(f32, u32)], most: f32) -> Vec<usize> {
        let loss = Loss { each: 0.5, most };
        let all = diversify(ranked, loss);
        all.into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn a_file_does_not_flood_the_list() {
        let ranked = [(1.0, 7), (0.99, 7), (0.98, 7), (0.8, 8), (0.1, 9)];
        assert_eq!(order(&ranked, f32::INFINITY), [0, 3, 1, 4, 2]);
        assert!(order(&[], f32::INFINITY).is_empty());
    }

    #[test]
    fn a_much_better_second_chunk_still_beats_noise() {
        let ranked = [(1.0, 7), (0.9, 7), (0.2, 8)];
        assert_eq!(order(&ranked, f32::INFINITY), [0, 1, 2]);
    }

    #[test]
    fn what_is_lost_has_a_bound() {
        let ranked = [(1.0, 7), (0.99, 7), (0.98, 7), (0.97, 7), (0.4, 8)];
        assert_eq!(order(&ranked, f32::INFINITY), [0, 1, 4, 2, 3]);
        assert_eq!(order(&ranked, 0.5), [0, 1, 2, 3, 4]);
    }
}
