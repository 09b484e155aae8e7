//! What to index first when somebody waits with a question and there is no index yet:
//! the files that have its words. They are looked for as grep would, by the roots of the
//! words, and put before all others; the first commit comes right after them.

use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use wherein_search::Understanding;
use wherein_walk::{Checkout, Entry};

use crate::workers::Workers;

/// Bytes that are indexed before the first commit: about a second's work.
const URGENT_BYTES: u64 = 4 << 20;
/// How long files are looked through; what is not seen by then goes by its path.
const LOOK_TIME: Duration = Duration::from_millis(500);
/// Roots that are looked for.
const MAX_ROOTS: usize = 24;
/// Occurrences in a file after which more say little (BM25's k1, as usual).
const SATURATION: f32 = 1.2;

/// How often each root of the question stands in a file, and in its path.
#[derive(Clone, Default)]
struct Counts {
    text: Vec<u16>,
    path: Vec<bool>,
}

/// Puts the files that seem to answer the question first, best first, the others behind
/// in their order; gives how many these are. A repository that is indexed at once anyway
/// is left as it is.
pub(crate) fn first(
    checkout: &Checkout,
    walk: &wherein_walk::Options,
    workers: &Workers,
    files: &mut Vec<Entry>,
    question: &str,
) -> usize {
    let all: u64 = files.iter().map(|file| file.stat.size).sum();
    if all <= URGENT_BYTES {
        return files.len();
    }
    let understood = Understanding::of(question);
    let roots: Vec<(&str, f32)> = understood
        .terms
        .iter()
        .map(|(root, weight)| (root.as_str(), *weight))
        .filter(|(root, _)| root.len() > 1)
        .take(MAX_ROOTS)
        .collect();
    let finder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(roots.iter().map(|(root, _)| root));
    let Some(finder) = finder.ok().filter(|_| !roots.is_empty()) else {
        return 0;
    };
    let began = Instant::now();
    let count = |file: &Entry| {
        let mut counts = Counts {
            text: vec![0; roots.len()],
            path: vec![false; roots.len()],
        };
        for found in roots_in(&finder, &file.path) {
            counts.path[found] = true;
        }
        if began.elapsed() < LOOK_TIME
            && let Ok(read) = wherein_walk::read(checkout, &file.path, walk)
        {
            for found in finder.find_iter(&read.text) {
                let count = &mut counts.text[found.pattern().as_usize()];
                *count = count.saturating_add(1);
            }
        }
        counts
    };
    let counted = workers.run(|| files.par_iter().map(count).collect::<Vec<Counts>>());
    let Some(counted) = counted else { return 0 };
    let scores = scores(&counted, &roots);
    put_first(files, &scores)
}

/// Numbers of the roots in a path.
fn roots_in<'a>(finder: &'a AhoCorasick, path: &'a str) -> impl Iterator<Item = usize> + 'a {
    finder
        .find_iter(path)
        .map(|found| found.pattern().as_usize())
}

/// As BM25 would say, with lengths left out.
fn scores(counted: &[Counts], roots: &[(&str, f32)]) -> Vec<f32> {
    let files = counted.len() as f32;
    let rarity: Vec<f32> = (0..roots.len())
        .map(|root| {
            let with = counted
                .iter()
                .filter(|one| one.text[root] > 0 || one.path[root])
                .count() as f32;
            (1.0 + (files - with + 0.5) / (with + 0.5)).ln()
        })
        .collect();
    counted
        .iter()
        .map(|one| {
            (0..roots.len())
                .map(|root| {
                    let count = f32::from(one.text[root]);
                    let path = if one.path[root] { 1.0 } else { 0.0 };
                    roots[root].1 * rarity[root] * (count / (count + SATURATION) + path)
                })
                .sum()
        })
        .collect()
}

/// Takes the files with the best scores to the front.
fn put_first(files: &mut Vec<Entry>, scores: &[f32]) -> usize {
    let mut order: Vec<usize> = (0..files.len()).filter(|at| scores[*at] > 0.0).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let mut bytes = 0;
    order.retain(|at| {
        bytes += files[*at].stat.size;
        bytes <= URGENT_BYTES
    });
    let mut is_urgent = vec![false; files.len()];
    for at in &order {
        is_urgent[*at] = true;
    }
    let mut urgent: Vec<Option<Entry>> = vec![None; files.len()];
    let mut rest = Vec::with_capacity(files.len() - order.len());
    for (at, file) in std::mem::take(files).into_iter().enumerate() {
        if is_urgent[at] {
            urgent[at] = Some(file);
        } else {
            rest.push(file);
        }
    }
    files.extend(order.iter().filter_map(|at| urgent[*at].take()));
    files.append(&mut rest);
    order.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherein_core::FileStat;

    fn entry(path: &str, size: u64) -> Entry {
        Entry {
            path: path.to_owned(),
            stat: FileStat {
                size,
                ..FileStat::default()
            },
        }
    }

    fn counts(text: &[u16], path: &[bool]) -> Counts {
        Counts {
            text: text.to_vec(),
            path: path.to_vec(),
        }
    }

    #[test]
    fn rare_words_and_paths_count_more() {
        let roots = [("common", 1.0), ("rare", 1.0)];
        let counted = [
            counts(&[9, 0], &[false, false]),
            counts(&[1, 1], &[false, false]),
            counts(&[1, 0], &[false, true]),
            counts(&[0, 0], &[false, false]),
            counts(&[3, 0], &[false, false]),
        ];
        let scores = scores(&counted, &roots);
        assert!(scores[2] > scores[1] && scores[1] > scores[0], "{scores:?}");
        assert!(scores[0] > scores[4] && scores[4] > scores[3], "{scores:?}");
    }

    #[test]
    fn the_best_come_first_and_the_rest_stays_in_order() {
        let size = URGENT_BYTES / 2;
        let mut files: Vec<Entry> = ["a", "b", "c", "d", "e"]
            .map(|path| entry(path, size))
            .to_vec();
        let urgent = put_first(&mut files, &[0.0, 0.1, 0.9, 0.0, 0.5]);
        let order: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        // Two of them fill the time there is.
        assert_eq!((urgent, order), (2, vec!["c", "e", "a", "b", "d"]));
    }
}
