//! The terms of a query as a set: how much of what was asked a text covers.

use rustc_hash::FxHashMap;
use wherein_store::each_term;

use crate::evidence::Evidence;
use crate::understand::Understanding;

/// What a term that only means what was said counts of what it stands for.
const MEANT: f32 = 0.7;

/// Terms of a query with their shares of what it asks, which sum to 1.
pub(crate) struct Lexicon {
    numbers: FxHashMap<String, usize>,
    shares: Vec<f32>,
    stands_for: Vec<usize>,
    /// Terms that the query says, as bits by their number.
    said: u64,
}

impl Lexicon {
    /// Rare terms get the greater shares.
    pub(crate) fn new(understanding: &Understanding, evidence: Option<&Evidence>) -> Self {
        let rarity = evidence.map(Evidence::rarity).unwrap_or_default();
        let mut shares: Vec<f32> = understanding
            .terms
            .iter()
            .zip(0_usize..)
            .map(|((_, weight), number)| {
                let said = understanding.stands_for[number] == number
                    && understanding.compound_terms >> number & 1 == 0;
                let rarity = rarity.get(number).copied().unwrap_or(1.0);
                if said { weight * rarity } else { 0.0 }
            })
            .collect();
        let sum: f32 = shares.iter().sum();
        for share in &mut shares {
            *share /= sum.max(f32::MIN_POSITIVE);
        }
        let numbers = understanding.terms.iter().zip(0_usize..);
        Self {
            numbers: numbers
                .map(|((term, _), number)| (term.clone(), number))
                .collect(),
            shares,
            said: (0..understanding.terms.len())
                .filter(|number| understanding.stands_for[*number] == *number)
                .fold(0, |said, number| said | 1 << number),
            stands_for: understanding.stands_for.clone(),
        }
    }

    /// The query's terms in a text, as bits by their number.
    pub(crate) fn matched(&self, text: &str) -> u64 {
        let mut mask = 0;
        each_term(text, |term| mask |= self.bit(term));
        mask
    }

    /// As [`Lexicon::matched`], and how many terms the text has and how many
    /// of them the query has.
    pub(crate) fn matched_of(&self, text: &str) -> (u64, u32, u32) {
        let (mut mask, mut all, mut held) = (0, 0, 0);
        each_term(text, |term| {
            let bit = self.bit(term);
            mask |= bit;
            all += 1;
            held += u32::from(bit != 0);
        });
        (mask, all, held)
    }

    fn bit(&self, term: &str) -> u64 {
        self.numbers.get(term).map_or(0, |number| 1 << number)
    }

    /// How much of the query these terms cover: 0 to 1.
    pub(crate) fn share(&self, mask: u64) -> f32 {
        let mut sum = 0.0;
        // Terms that were said, then those that only mean what was not.
        let mut covered = mask & self.said;
        let mut rest = covered;
        while rest != 0 {
            sum += self.shares[rest.trailing_zeros() as usize];
            rest &= rest - 1;
        }
        rest = mask & !self.said;
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let Some(&said) = self.stands_for.get(number) else {
                continue;
            };
            if covered >> said & 1 == 0 {
                covered |= 1 << said;
                sum += MEANT * self.shares[said];
            }
        }
        sum.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_every_word_covers_all() {
        let lexicon = Lexicon::new(&Understanding::of("where is the config parsed"), None);
        let share = |text: &str| lexicon.share(lexicon.matched(text));
        assert!((share("fn parse_config()") - 1.0).abs() < 1e-6);
        assert!(share("nothing of it") < 1e-6);
        let meant = share("parse the configuration");
        assert!(meant > 0.5 && meant < 1.0, "{meant}");
        assert_eq!(lexicon.matched_of("parse a file").1, 3);
        assert_eq!(lexicon.matched_of("parse a file").2, 1);
    }
}
