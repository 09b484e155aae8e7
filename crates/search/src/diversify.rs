//! Keeps several chunks of one file from flooding the list.

use rustc_hash::FxHashMap;

/// Reorders `(score, file)` pairs, best first as given, so that each further
/// chunk of a file loses `same_file` more than the one before; gives positions
/// and what each lost, best first, at most `k`.
pub(crate) fn diversify(ranked: &[(f32, u32)], k: usize, same_file: f32) -> Vec<(usize, f32)> {
    let mut listed: FxHashMap<u32, u32> = FxHashMap::default();
    let mut damped: Vec<(usize, f32)> = ranked
        .iter()
        .enumerate()
        .map(|(at, (_, file))| {
            let before = listed.entry(*file).or_insert(0);
            let lost = same_file * *before as f32;
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
        let order: Vec<usize> = diversify(&ranked, 4, 0.5)
            .into_iter()
            .map(|one| one.0)
            .collect();
        assert_eq!(order, [0, 3, 1, 4]);
        assert!(diversify(&[], 3, 0.5).is_empty());
    }

    #[test]
    fn a_much_better_second_chunk_still_beats_noise() {
        let ranked = [(1.0, 7), (0.9, 7), (0.2, 8)];
        let order: Vec<usize> = diversify(&ranked, 3, 0.5)
            .into_iter()
            .map(|one| one.0)
            .collect();
        assert_eq!(order, [0, 1, 2]);
    }
}
