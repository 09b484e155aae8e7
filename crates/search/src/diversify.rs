//! Keeps several chunks of one file from flooding the list.

use rustc_hash::FxHashMap;

/// What each further chunk of a file already listed loses more than the one
/// before, in shares of the best score. On the benchmark's development part
/// (NDCG@10): .35 halved each time .866, .35 .866, .5 .867, 1 .868, .2 .862;
/// .5 still lets a second chunk win that is much better than what follows.
const DAMPING: f32 = 0.5;

/// Reorders `(score, file)` pairs, best first as given, so that further chunks
/// of a file lose [`DAMPING`] of the best score each time; gives positions and
/// what each lost, best first, at most `k`.
pub(crate) fn diversify(ranked: &[(f32, u32)], k: usize) -> Vec<(usize, f32)> {
    let scale = ranked.first().map_or(0.0, |best| best.0.abs());
    let mut listed: FxHashMap<u32, u32> = FxHashMap::default();
    let mut damped: Vec<(usize, f32)> = ranked
        .iter()
        .enumerate()
        .map(|(at, (_, file))| {
            let before = listed.entry(*file).or_insert(0);
            let lost = DAMPING * scale * *before as f32;
            *before += 1;
            (at, lost)
        })
        .collect();
    damped.sort_by(|a, b| {
        let left = |one: &(usize, f32)| ranked[one.0].0 - one.1;
        left(b).total_cmp(&left(a)).then(a.0.cmp(&b.0))
    });
    damped.truncate(k);
    damped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_does_not_flood_the_list() {
        let ranked = [(1.0, 7), (0.99, 7), (0.98, 7), (0.8, 8), (0.1, 9)];
        let order: Vec<usize> = diversify(&ranked, 4).into_iter().map(|one| one.0).collect();
        assert_eq!(order, [0, 3, 1, 4]);
        assert!(diversify(&[], 3).is_empty());
    }

    #[test]
    fn a_much_better_second_chunk_still_beats_noise() {
        let ranked = [(1.0, 7), (0.9, 7), (0.2, 8)];
        let order: Vec<usize> = diversify(&ranked, 3).into_iter().map(|one| one.0).collect();
        assert_eq!(order, [0, 1, 2]);
    }
}
