//! Groups tokenised texts into batches that fit the processor's cache.

use std::ops::Range;

/// Texts in one batch at most: measured on tract, 256 x 128 is five times
/// slower than 32 x 128, because the gathered rows leave the cache.
const MAX_TEXTS: usize = 32;

/// Tokens in one batch at most, padding included.
const MAX_TOKENS: usize = 32 * 128;

/// Token ids of many texts in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// Ids of all texts, one after another.
    pub(crate) ids: Vec<u32>,
    /// What each of them is of, see `Field`.
    pub(crate) fields: Vec<u8>,
    /// Range of each text in `ids`.
    pub(crate) texts: Vec<Range<usize>>,
}

/// Rows of the output, all of one batch: indices into [`Encoded::texts`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Texts of the batch, shortest first.
    pub(crate) rows: Vec<usize>,
    /// Tokens of the longest one: the width that the others are padded to.
    pub(crate) width: usize,
}

/// Batches of texts of similar length; texts without tokens are in none.
pub(crate) fn plan(encoded: &Encoded) -> Vec<Batch> {
    let mut order: Vec<usize> = (0..encoded.texts.len())
        .filter(|&row| !encoded.texts[row].is_empty())
        .collect();
    order.sort_by_key(|&row| encoded.texts[row].len());
    let mut batches: Vec<Batch> = Vec::new();
    for row in order {
        let width = encoded.texts[row].len();
        match batches.last_mut() {
            Some(batch)
                if batch.rows.len() < MAX_TEXTS && (batch.rows.len() + 1) * width <= MAX_TOKENS =>
            {
                batch.rows.push(row);
                batch.width = width;
            }
            _ => batches.push(Batch {
                rows: vec![row],
                width,
            }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(lengths: &[usize]) -> Encoded {
        let mut encoded = Encoded::default();
        for &length in lengths {
            let start = encoded.ids.len();
            encoded.ids.resize(start + length, 1);
            encoded.texts.push(start..start + length);
        }
        encoded
    }

    #[test]
    fn every_text_with_tokens_is_in_one_batch_that_is_not_too_large() {
        let lengths: Vec<usize> = (0..500).map(|i| (i * 37) % 257).collect();
        let batches = plan(&encoded(&lengths));
        let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.rows.clone()).collect();
        seen.sort_unstable();
        let expected: Vec<usize> = (0..500).filter(|&row| lengths[row] > 0).collect();
        assert_eq!(seen, expected);
        for batch in &batches {
            assert!(batch.rows.len() <= MAX_TEXTS);
            assert!(batch.rows.len() * batch.width <= MAX_TOKENS);
            assert_eq!(
                Some(batch.width),
                batch.rows.iter().map(|&row| lengths[row]).max()
            );
        }
    }

    #[test]
    fn no_text_is_no_batch() {
        assert!(plan(&encoded(&[])).is_empty());
        assert!(plan(&encoded(&[0, 0])).is_empty());
        assert_eq!(plan(&encoded(&[0, 3]))[0].rows, [1]);
    }
}
