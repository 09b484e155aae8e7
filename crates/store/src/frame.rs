//! Records on disk: bincode inside a frame with kind, version, length and checksum.
//!
//! The only module that knows bincode. The codec is unmaintained
//! (RUSTSEC-2025-0141), so it never sees a byte that the checksum has not
//! vouched for; `wincode` writes the same bytes, should it have to go.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use bincode::config::{Config, legacy};
use bincode::error::EncodeError;
use bincode::{Decode, Encode};

use crate::error::StoreError;

const MAGIC: &[u8; 8] = b"wherein\0";
/// Largest record, in bytes: a catalog of some ten million files.
const LIMIT: usize = 1 << 30;
/// What is written at once, in bytes.
const BUFFER: usize = 256 << 10;
const HEADER: usize = 8 + 4 + 4 + 8 + 32;

fn config() -> impl Config {
    legacy().with_limit::<LIMIT>()
}

/// Takes note of what is written, and passes it on.
struct Hashing<W> {
    out: W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Encodes `value` in a frame of this kind and version, and gives the frame's hash.
/// A large record is never held in memory: it is encoded twice, first for its hash.
///
/// # Errors
/// Those of `out`; of kind [`io::ErrorKind::InvalidData`] when it cannot be encoded.
pub(crate) fn write<T: Encode>(
    kind: [u8; 4],
    version: u32,
    value: &T,
    out: impl Write,
) -> io::Result<[u8; 32]> {
    let mut first = BufWriter::with_capacity(BUFFER, Hashing::new(io::sink()));
    encoded(value, &mut first)?;
    let first = first.into_inner().map_err(io::IntoInnerError::into_error)?;
    let mut out = BufWriter::with_capacity(BUFFER, Hashing::new(out));
    out.write_all(MAGIC)?;
    out.write_all(&kind)?;
    out.write_all(&version.to_le_bytes())?;
    out.write_all(&first.bytes.to_le_bytes())?;
    out.write_all(first.hasher.finalize().as_bytes())?;
    encoded(value, &mut out)?;
    let mut out = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    out.flush()?;
    Ok(*out.hasher.finalize().as_bytes())
}

fn encoded<T: Encode>(value: &T, out: &mut impl Write) -> io::Result<()> {
    match bincode::encode_into_std_write(value, out, config()) {
        Ok(_) => Ok(()),
        Err(EncodeError::Io { inner, .. }) => Err(inner),
        Err(error) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("record cannot be encoded: {error}"),
        )),
    }
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

    fn encode(version: u32, value: &Vec<String>) -> Vec<u8> {
        let mut frame = Vec::new();
        let hash = write(KIND, version, value, &mut frame).expect("encodes");
        assert_eq!(hash, *blake3::hash(&frame).as_bytes());
        frame
    }

    fn read(frame: &[u8]) -> Result<Vec<String>, StoreError> {
        decode(KIND, 3, frame, Path::new("x"))
    }

    #[test]
    fn a_record_reads_back() {
        let value = vec!["a".to_owned(), String::new(), "ß".to_owned()];
        let frame = encode(3, &value);
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
            let frame = encode(3, &value);
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
