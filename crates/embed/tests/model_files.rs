//! The files in the program are the ones whose checksums stand beside them.

use sha2::{Digest, Sha256};
use wherein_embed::SHIPPED_MODEL_FILES;

#[test]
fn the_files_have_the_checksums_beside_them() {
    let readme = include_str!("../model/README.md");
    let mut total = 0;
    for (name, bytes) in SHIPPED_MODEL_FILES {
        let line = format!("{:x}  {name}", Sha256::digest(bytes));
        assert!(readme.contains(&line), "the README lacks {line}");
        total += bytes.len();
    }
    assert!(
        total <= 9_000_000,
        "{total} bytes are too many for the repository"
    );
}
