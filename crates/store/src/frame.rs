//! Records on disk: bincode inside a frame with kind, version, length and checksum.
//!
//! The only module that knows bincode. The codec is unmaintained
//! (RUSTSEC-2025-0141), so it never sees a byte that the checksum has not
//! vouched for; `wincode` writes the same bytes, should it have to go.

use std::path::Path;

use bincode::config::{Config, legacy};
use bincode::{Decode, Encode};

use crate::error::StoreError;

const MAGIC: &[u8; 8] = b"wherein\0";
/// Largest record, in bytes: a catalog of some ten million files.
const LIMIT: usize = 1 << 30;
const HEADER: usize = 8 + 4 + 4 + 8 + 32;

fn config() -> impl Config {
    legacy().with_limit::<LIMIT>()
}

/// Encodes `value` in a frame of this kind and version.
pub(crate) fn encode<T: Encode>(
    kind: [u8; 4],
    version: u32,
    value: &T,
) -> Result<Vec<u8>, StoreError> {
    // The payload is written behind the place of the header: that of a large
    // repository is not held twice.
    let mut frame = vec![0; HEADER];
    bincode::encode_into_std_write(value, &mut frame, config())
        .map_err(|error| StoreError::Misuse(format!("record cannot be encoded: {error}")))?;
    let (head, payload) = frame.split_at_mut(HEADER);
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&kind);
    header.extend_from_slice(&version.to_le_bytes());
    header.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    header.extend_from_slice(blake3::hash(payload).as_bytes());
    head.copy_from_slice(&header);
    Ok(frame)
}

/// Decodes a frame that was read from `path`.
pub(crate) fn decode<T: Decode<()>>(
    kind: [u8; 4],
    version: u32,
    frame: &[u8],
    path: &Path,
) -> Result<T, StoreError> {
    let damaged = |detail: &str| StoreError::damaged(path, detail);
    if frame.len() < HEADER || &frame[..8] != MAGIC || frame[8..12] != kind {
        return Err(damaged("not a record of this kind"));
    }
    let number = |range: std::ops::Range<usize>| {
        let mut bytes = [0_u8; 8];
        bytes[..range.len()].copy_from_slice(&frame[range]);
        u64::from_le_bytes(bytes)
    };
    let found = number(12..16) as u32;
    if found != version {
        return Err(StoreError::Version {
            path: path.to_owned(),
            found,
            expected: version,
        });
    }
    let payload = &frame[HEADER..];
    if number(16..24) != payload.len() as u64 {
        return Err(damaged("its length is wrong"));
    }
    if blake3::hash(payload).as_bytes() != &frame[24..HEADER] {
        return Err(damaged("its checksum is wrong"));
    }
    let (value, read) = bincode::decode_from_slice(payload, config())
        .map_err(|error| damaged(&format!("it cannot be decoded: {error}")))?;
    if read != payload.len() {
        return Err(damaged("bytes are left over"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: [u8; 4] = *b"test";

    fn read(frame: &[u8]) -> Result<Vec<String>, StoreError> {
        decode(KIND, 3, frame, Path::new("x"))
    }

    #[test]
    fn a_record_reads_back() {
        let value = vec!["a".to_owned(), String::new(), "ß".to_owned()];
        let frame = encode(KIND, 3, &value).expect("encodes");
        assert_eq!(read(&frame).expect("decodes"), value);
        assert!(matches!(
            decode::<Vec<String>>(KIND, 4, &frame, Path::new("x")),
            Err(StoreError::Version {
                found: 3,
                expected: 4,
                ..
            })
        ));
        assert!(decode::<Vec<String>>(*b"else", 3, &frame, Path::new("x")).is_err());
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(at in 0_usize..200, bit in 0_u8..8, cut in 0_usize..200) {
            let value: Vec<String> = (0..9).map(|n| format!("value {n}")).collect();
            let frame = encode(KIND, 3, &value).expect("encodes");
            let mut flipped = frame.clone();
            let at = at % flipped.len();
            flipped[at] ^= 1 << bit;
            prop_assert!(read(&flipped).is_err());
            prop_assert!(read(&frame[..cut % frame.len()]).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes).is_err());
        }
    }
}
