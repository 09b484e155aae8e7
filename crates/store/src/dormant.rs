//! File versions that no view holds any more and that are kept all the same: a
//! branch that is switched away from comes back, and is then not read again.

use rustc_hash::FxHashSet;

use crate::catalog::FileVersion;

/// Of the chunks that views hold, how many may be kept besides: half as many.
const SHARE: u64 = 2;
/// And so many in any case: small repositories switch branches too.
const ALWAYS: u64 = 4096;

/// Notes since which generation each version is held by no view, and gives those
/// that are to be dropped: the ones that were left longest ago, until the others
/// are few enough; those that another version has made needless; with
/// `keep_none` all.
pub(crate) fn dropped<'a>(
    files: &'a mut [FileVersion],
    held: &FxHashSet<u32>,
    generation: u64,
    keep_none: bool,
) -> FxHashSet<u32> {
    for file in &mut *files {
        match (held.contains(&file.id), file.left) {
            (true, _) => file.left = 0,
            (false, 0) => file.left = generation,
            (false, _) => {}
        }
    }
    let files = &*files;
    let mut dormant: Vec<usize> = (0..files.len()).filter(|at| files[*at].left > 0).collect();
    if dormant.is_empty() {
        return FxHashSet::default();
    }
    let key = |file: &'a FileVersion| (file.path.as_str(), file.hash, file.recipe);
    let contents: FxHashSet<[u8; 32]> = dormant.iter().map(|at| files[*at].hash).collect();
    let (mut keys, mut recipes) = (FxHashSet::default(), FxHashSet::default());
    let mut chunks = 0_u64;
    for file in files.iter().filter(|file| file.left == 0) {
        if contents.contains(&file.hash) {
            keys.insert(key(file));
        }
        recipes.insert(file.recipe);
        chunks += u64::from(file.chunks);
    }
    // The newest first.
    dormant.sort_by_key(|at| std::cmp::Reverse((files[*at].left, files[*at].id)));
    let most = (chunks / SHARE).max(ALWAYS);
    let (mut kept, mut dropped) = (0_u64, FxHashSet::default());
    for at in dormant {
        let file = &files[at];
        // What no run can come back to is of no use; the same content twice neither.
        let is_useful = !keep_none && recipes.contains(&file.recipe) && keys.insert(key(file));
        let grown = kept + u64::from(file.chunks);
        if is_useful && grown <= most {
            kept = grown;
        } else {
            dropped.insert(file.id);
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: u32, path: &str, chunks: u32, left: u64) -> FileVersion {
        FileVersion {
            id,
            path: path.to_owned(),
            hash: [id as u8; 32],
            language: 0,
            chunks,
            recipe: 1,
            left,
        }
    }

    #[test]
    fn the_ones_left_longest_ago_go_first() {
        let mut files = vec![
            file(1, "a", 10, 0),
            file(2, "b", 3000, 4),
            file(3, "c", 3000, 5),
            file(4, "d", 1000, 0),
        ];
        let held = FxHashSet::from_iter([1]);
        let dropped = super::dropped(&mut files, &held, 6, false);
        assert_eq!(dropped, FxHashSet::from_iter([2]));
        assert_eq!((files[0].left, files[3].left), (0, 6));
        // Held again, it is no longer dormant.
        let dropped = super::dropped(&mut files, &FxHashSet::from_iter([1, 2]), 7, false);
        assert_eq!((dropped.len(), files[1].left), (0, 0));
        let dropped = super::dropped(&mut files, &held, 8, true);
        assert_eq!(dropped, FxHashSet::from_iter([2, 3, 4]));
    }

    #[test]
    fn what_no_run_comes_back_to_is_not_kept() {
        let mut files = vec![
            file(1, "a", 10, 0),
            file(2, "a", 10, 0),
            file(3, "b", 10, 0),
        ];
        // The same content as one that is held; and made by another recipe.
        files[1].hash = files[0].hash;
        files[2].recipe = 2;
        let dropped = super::dropped(&mut files, &FxHashSet::from_iter([1]), 2, false);
        assert_eq!(dropped, FxHashSet::from_iter([2, 3]));
    }
}
