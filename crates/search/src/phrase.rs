//! Runs of a query's words that stand word for word in a text: what finds the
//! place of a message that was pasted.

use rustc_hash::FxHashMap;
use wherein_core::words;

/// Words of a query that are looked at.
const MAX_WORDS: usize = 200;
/// Places of one word that are looked at: what repeats itself says no more.
const MAX_PLACES: usize = 8;
/// Shorter runs are chance.
const MIN_RUN: u32 = 3;
/// Weight of a run that says all, however long the query is.
const FULL: f32 = 6.0;
/// Weight of a run that is hardly chance.
const SURE: f32 = 3.0;
/// Weight below which a run says nothing.
const LEAST: f32 = 1.8;
/// Weight of a word that carries no meaning of its own, where one that does has 1.
const STOP_WEIGHT: f32 = 0.34;

/// The words of a query, in their order.
pub(crate) struct Phrase {
    /// Weight of each.
    weights: Vec<f32>,
    /// Where each occurs.
    places: FxHashMap<String, Vec<usize>>,
    total: f32,
}

impl Phrase {
    /// `None` when the query is too short to have a run.
    pub(crate) fn of(query: &str) -> Option<Self> {
        let mut places: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        let mut weights = Vec::new();
        for (_, word) in words::words(query).take(MAX_WORDS) {
            let lower = word.to_lowercase();
            let is_said =
                !words::is_stop_word(&lower) && !lower.bytes().all(|b| b.is_ascii_digit());
            let places = places.entry(lower).or_default();
            if places.len() < MAX_PLACES {
                places.push(weights.len());
            }
            weights.push(if is_said { 1.0 } else { STOP_WEIGHT });
        }
        let total: f32 = weights.iter().sum();
        (weights.len() >= MIN_RUN as usize && total >= LEAST).then_some(Self {
            weights,
            places,
            total,
        })
    }

    /// How much of the query the longest run in `text` is, and how long it is:
    /// 0 to 2. A long run counts in full however long the query is.
    pub(crate) fn share(&self, text: &str) -> f32 {
        let mut best = 0.0_f32;
        // Of each run that ends in the word before: the place of its last word in
        // the query, its words, and their weight.
        let mut runs: Vec<(usize, u32, f32)> = Vec::new();
        let mut next = Vec::new();
        let mut lower = String::new();
        for (_, word) in words::words(text) {
            lower.clear();
            lower.extend(word.chars().flat_map(char::to_lowercase));
            next.clear();
            for at in self.places.get(&lower).into_iter().flatten() {
                let before = runs.iter().find(|run| run.0 + 1 == *at);
                let (length, weight) = before.map_or((0, 0.0), |run| (run.1, run.2));
                let run = (*at, length + 1, weight + self.weights[*at]);
                if run.1 >= MIN_RUN {
                    best = best.max(run.2);
                }
                next.push(run);
            }
            std::mem::swap(&mut runs, &mut next);
        }
        if best < LEAST {
            return 0.0;
        }
        let share = (best / self.total).max(best / FULL).min(1.0);
        // Short runs are often chance, long ones never are.
        share * share * (best / SURE).clamp(0.5, 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In hundredths.
    fn share(query: &str, text: &str) -> i32 {
        let share = |phrase: Phrase| (phrase.share(text) * 100.0).round() as i32;
        Phrase::of(query).map_or(-1, share)
    }

    #[test]
    fn a_message_is_found_word_for_word() {
        let code = "raise RuntimeError('This event loop is already running')";
        assert_eq!(share("This event loop is already running", code), 156);
        assert_eq!(
            share("RuntimeError: This event loop is already running", code),
            189
        );
        // What was filled in cuts the run.
        let format = "error!(\"the argument '{}' cannot be used with '{}'\")";
        let part = share("the argument '--foo' cannot be used with '--bar'", format);
        assert!(part > 0 && part < 100, "{part}");
    }

    #[test]
    fn a_long_run_of_a_longer_paste_counts_in_full() {
        let paste = format!(
            "{} cannot start a runtime from within another busy runtime thread",
            "frame at x ".repeat(50)
        );
        assert_eq!(
            share(
                &paste,
                "\"Cannot start a runtime from within another busy runtime thread\""
            ),
            200
        );
    }

    #[test]
    fn chance_is_no_phrase() {
        assert_eq!(
            share("how is the session closed", "the session is closed"),
            0
        );
        assert_eq!(share("where is it in the hat", "is it in the file"), 0);
        assert_eq!(share("close session", "close session"), -1);
        assert_eq!(share("", ""), -1);
        assert_eq!(share("one two three 4 5 6", "4 5 6"), 0);
    }
}
