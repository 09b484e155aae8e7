//! The files in the program are the ones that the model card describes.

use sha2::{Digest, Sha256};
use wherein_embed::SHIPPED_MODEL_FILES;

#[test]
fn the_files_have_the_checksums_of_the_model_card() {
    let card = include_str!("../model/MODEL_CARD.md");
    let mut total = 0;
    for (name, bytes) in SHIPPED_MODEL_FILES {
        let line = format!("{:x}  {name}", Sha256::digest(bytes));
        assert!(card.contains(&line), "the model card lacks {line}");
        total += bytes.len();
    }
    assert!(
        total <= 9_000_000,
        "{total} bytes are too many for the repository"
    );
}
