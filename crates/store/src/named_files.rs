//! Files that know their name: behind tantivy's content and checksum stands a hash
//! of the name, so that a file in the place of another is told, whole as it may be.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tantivy::HasLen;
use tantivy::directory::error::OpenReadError;
use tantivy::directory::{AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite, WritePtr};

const HASH_BYTES: usize = 8;

fn hash(path: &Path) -> [u8; HASH_BYTES] {
    xxhash_rust::xxh3::xxh3_64(path.as_os_str().as_encoded_bytes()).to_le_bytes()
}

/// A file that is written; its name's hash comes last.
struct NamedWriter {
    inner: WritePtr,
    hash: [u8; HASH_BYTES],
}

impl Write for NamedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl TerminatingWrite for NamedWriter {
    fn terminate_ref(&mut self, token: AntiCallToken) -> io::Result<()> {
        self.inner.write_all(&self.hash)?;
        self.inner.terminate_ref(token)
    }
}

/// Writes the file at `path`, relative to tantivy's folder.
pub(crate) fn write(path: &Path, inner: WritePtr) -> WritePtr {
    let hash = hash(path);
    WritePtr::new(Box::new(NamedWriter { inner, hash }))
}

/// A file that is read, without what stands behind its content.
#[derive(Debug)]
struct NamedReader {
    inner: Arc<dyn FileHandle>,
    len: usize,
}

impl HasLen for NamedReader {
    fn len(&self) -> usize {
        self.len
    }
}

impl FileHandle for NamedReader {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.inner.read_bytes(range)
    }
}

/// Reads the file at `path`, which must have been written under this name.
pub(crate) fn read(
    path: &Path,
    inner: Arc<dyn FileHandle>,
) -> Result<Arc<dyn FileHandle>, OpenReadError> {
    let refused = |error| OpenReadError::wrap_io_error(error, path.to_owned());
    let all = inner.len();
    let len = all.saturating_sub(HASH_BYTES);
    let found = inner.read_bytes(len..all).map_err(refused)?;
    if found.as_slice() != hash(path) {
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            "it is cut off or another file's content",
        );
        return Err(refused(error));
    }
    Ok(Arc::new(NamedReader { inner, len }))
}
