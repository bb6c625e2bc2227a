//! Content that is checked against its digest before any byte of it is used.
//!
//! The whole content is hashed once, and the digest of each 64 KiB chunk is kept. Whoever reads later
//! gets chunks that were hashed again on their way out of the file, so what is served has the stated
//! hash even if the file is changed while it is open. What never happens here: serving a byte of a chunk
//! that was not hashed after it was read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use omega_contract::Sha256Hex;
use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, io_error, write_error};
use crate::files;

/// Bytes of a chunk. Small enough that a row read at random hashes little, large enough that the list of
/// digests is a two-thousandth of the content.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that an open content keeps in memory: neighbouring reads do not hash again.
const WINDOW_CHUNKS: usize = 4;

/// The digests of a content's chunks, computed from bytes whose whole hash was right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChunkDigests {
    size_bytes: u64,
    digests: Box<[Sha256Hex]>,
}

impl ChunkDigests {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn chunks(&self) -> usize {
        self.digests.len()
    }

    /// Reads all of `file` and checks it against `digest`.
    ///
    /// # Errors
    /// [`StoreError::HashMismatch`], [`StoreError::Io`].
    pub(crate) fn of_file(file: &File, digest: &Sha256Hex) -> Result<Self, StoreError> {
        let mut hasher = ChunkHasher::default();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let count = files::read_at(file, &mut buffer, hasher.size_bytes).map_err(io_error("read an artifact"))?;
            hasher.update(buffer.get(..count).unwrap_or_default());
            if count < buffer.len() {
                break;
            }
        }
        let (found, chunks) = hasher.finish();
        if found == *digest { Ok(chunks) } else { Err(StoreError::HashMismatch { digest: *digest }) }
    }
}

/// Hashes a stream as a whole and in chunks.
#[derive(Default)]
pub(crate) struct ChunkHasher {
    whole: Sha256,
    chunk: Sha256,
    chunk_bytes: usize,
    size_bytes: u64,
    digests: Vec<Sha256Hex>,
}

impl ChunkHasher {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.size_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk_bytes));
            self.chunk.update(now);
            self.chunk_bytes += now.len();
            if self.chunk_bytes == CHUNK_BYTES {
                self.close_chunk();
            }
            bytes = later;
        }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn finish(mut self) -> (Sha256Hex, ChunkDigests) {
        if self.chunk_bytes > 0 {
            self.close_chunk();
        }
        let chunks = ChunkDigests { size_bytes: self.size_bytes, digests: self.digests.into() };
        (Sha256Hex::from_bytes(self.whole.finalize().into()), chunks)
    }

    fn close_chunk(&mut self) {
        self.digests.push(Sha256Hex::from_bytes(self.chunk.finalize_reset().into()));
        self.chunk_bytes = 0;
    }
}

/// An artifact's bytes, open for reading at any place.
#[derive(Debug)]
pub struct VerifiedContent {
    file: File,
    digest: Sha256Hex,
    chunks: Arc<ChunkDigests>,
    window: VecDeque<(usize, Box<[u8]>)>,
}

impl VerifiedContent {
    pub(crate) fn new(file: File, digest: Sha256Hex, chunks: Arc<ChunkDigests>) -> Self {
        Self { file, digest, chunks, window: VecDeque::new() }
    }

    /// The SHA-256 of all its bytes.
    pub fn digest(&self) -> Sha256Hex {
        self.digest
    }

    /// Its length in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.chunks.size_bytes
    }

    /// Up to `length_bytes` from `offset_bytes` on; fewer at the end, none past it.
    ///
    /// # Errors
    /// [`StoreError::HashMismatch`] where a chunk was changed since the whole was checked, [`StoreError::Io`].
    pub fn read_at(&mut self, offset_bytes: u64, length_bytes: usize) -> Result<Vec<u8>, StoreError> {
        let end = offset_bytes.saturating_add(length_bytes as u64).min(self.size_bytes());
        let mut at = offset_bytes.min(end);
        let mut taken = Vec::with_capacity(length_bytes.min(usize::try_from(end - at).unwrap_or(length_bytes)));
        while at < end {
            let (index, start) = place(at);
            let chunk = self.chunk(index)?;
            let rest = usize::try_from(end - at).unwrap_or(usize::MAX);
            let part = chunk.get(start..chunk.len().min(start.saturating_add(rest))).unwrap_or_default();
            if part.is_empty() {
                return Err(self.mismatch());
            }
            taken.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(taken)
    }

    /// Writes all bytes to `sink`, each chunk after it was checked; returns their number.
    ///
    /// # Errors
    /// As [`VerifiedContent::read_at`], and where `sink` fails.
    pub fn copy_to(&mut self, sink: &mut impl Write) -> Result<u64, StoreError> {
        for index in 0..self.chunks.chunks() {
            let chunk = self.chunk(index)?;
            sink.write_all(chunk).map_err(io_error("write the copy of an artifact"))?;
        }
        Ok(self.size_bytes())
    }

    fn mismatch(&self) -> StoreError {
        StoreError::HashMismatch { digest: self.digest }
    }

    fn chunk(&mut self, index: usize) -> Result<&[u8], StoreError> {
        if let Some(held) = self.window.iter().position(|(held, _)| *held == index) {
            // The most recently used one stands last.
            if let Some(entry) = self.window.remove(held) {
                self.window.push_back(entry);
            }
        } else {
            let bytes = self.load(index)?;
            if self.window.len() == WINDOW_CHUNKS {
                self.window.pop_front();
            }
            self.window.push_back((index, bytes));
        }
        Ok(self.window.back().map(|(_, bytes)| &**bytes).unwrap_or_default())
    }

    fn load(&self, index: usize) -> Result<Box<[u8]>, StoreError> {
        let expect = self.chunks.digests.get(index).ok_or_else(|| self.mismatch())?;
        let start = index as u64 * CHUNK_BYTES as u64;
        let length = self.size_bytes().saturating_sub(start).min(CHUNK_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(CHUNK_BYTES)];
        let count = files::read_at(&self.file, &mut bytes, start).map_err(io_error("read an artifact"))?;
        bytes.truncate(count);
        if Sha256Hex::of(&bytes) == *expect { Ok(bytes.into()) } else { Err(self.mismatch()) }
    }
}

/// In which chunk an offset lies, and where in it.
fn place(offset_bytes: u64) -> (usize, usize) {
    let chunk_bytes = CHUNK_BYTES as u64;
    let index = usize::try_from(offset_bytes / chunk_bytes).unwrap_or(usize::MAX);
    (index, usize::try_from(offset_bytes % chunk_bytes).unwrap_or(usize::MAX))
}

/// A writer that stops with an error one byte past its limit, and hashes what passes.
pub(crate) struct HashingWriter<W> {
    inner: W,
    hasher: ChunkHasher,
    bytes_max: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(crate) fn new(inner: W, bytes_max: u64) -> Self {
        Self { inner, hasher: ChunkHasher::default(), bytes_max }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.hasher.size_bytes()
    }

    /// Writes all of `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.size_bytes().saturating_add(bytes.len() as u64) > self.bytes_max {
            return Err(StoreError::TooLarge { bytes_max: self.bytes_max });
        }
        self.inner.write_all(bytes).map_err(write_error("write an artifact"))?;
        self.hasher.update(bytes);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<(W, Sha256Hex, ChunkDigests)> {
        self.inner.flush()?;
        let (digest, chunks) = self.hasher.finish();
        Ok((self.inner, digest, chunks))
    }
}

/// A reader that hashes what passes.
pub(crate) struct HashingReader<R> {
    inner: R,
    digest: Sha256,
    size_bytes: u64,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, digest: Sha256::new(), size_bytes: 0 }
    }

    pub(crate) fn finish(self) -> (Sha256Hex, u64) {
        (Sha256Hex::from_bytes(self.digest.finalize().into()), self.size_bytes)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.size_bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek as _;

    fn content(bytes: &[u8]) -> VerifiedContent {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let digest = Sha256Hex::of(bytes);
        let chunks = ChunkDigests::of_file(&file, &digest).unwrap();
        VerifiedContent::new(file, digest, Arc::new(chunks))
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap()).collect()
    }

    #[test]
    fn reads_at_any_place_are_what_a_slice_gives() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 6 * CHUNK_BYTES + 5] {
            let bytes = pattern(length);
            let mut content = content(&bytes);
            assert_eq!(content.size_bytes(), length as u64);
            for offset in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES, length, length + 9] {
                for count in [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 3, usize::MAX] {
                    let start = offset.min(length);
                    let expect = &bytes[start..length.min(start.saturating_add(count))];
                    assert!(content.read_at(offset as u64, count).unwrap() == expect, "{length} {offset} {count}");
                }
            }
            assert_eq!(content.read_at(u64::MAX, 5).unwrap(), b"");
            let mut copy = Vec::new();
            assert_eq!(content.copy_to(&mut copy).unwrap(), length as u64);
            assert!(copy == bytes);
        }
    }

    #[test]
    fn a_change_after_the_check_is_seen_by_the_read_that_meets_it() {
        let mut content = content(&pattern(3 * CHUNK_BYTES));
        content.file.seek(io::SeekFrom::Start(2 * CHUNK_BYTES as u64 + 7)).unwrap();
        content.file.write_all(b"!").unwrap();
        assert!(content.read_at(0, 2 * CHUNK_BYTES).is_ok());
        for (offset, count) in [(2 * CHUNK_BYTES, 1), (2 * CHUNK_BYTES - 1, 2)] {
            let got = content.read_at(offset as u64, count);
            assert!(matches!(got, Err(StoreError::HashMismatch { .. })), "{got:?}");
        }
        content.file.set_len(CHUNK_BYTES as u64 + 1).unwrap();
        content.window.clear();
        assert!(content.read_at(0, CHUNK_BYTES).is_ok());
        assert!(content.read_at(CHUNK_BYTES as u64, 1).is_err());
    }

    #[test]
    fn writing_and_checking_agree_on_the_chunks() {
        let bytes = pattern(2 * CHUNK_BYTES + 1);
        let mut writer = HashingWriter::new(tempfile::tempfile().unwrap(), bytes.len() as u64);
        for part in bytes.chunks(1000) {
            writer.push(part).unwrap();
        }
        assert!(matches!(writer.push(b"x"), Err(StoreError::TooLarge { .. })));
        let (file, digest, chunks) = writer.finish().unwrap();
        assert_eq!(digest, Sha256Hex::of(&bytes));
        assert_eq!(ChunkDigests::of_file(&file, &digest).unwrap(), chunks);
        assert!(ChunkDigests::of_file(&file, &Sha256Hex::of(b"other")).is_err());
    }
}
