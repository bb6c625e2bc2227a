//! Putting bytes into the store: written under a passing name, hashed on the way, synced, then renamed.

use std::io::{self, Read};

use omega_contract::Sha256Hex;
use tempfile::NamedTempFile;

use super::{ArtifactInfo, ArtifactLabel, ArtifactStore};
use crate::content::{ChunkDigests, HashingWriter};
use crate::error::{StoreError, io_error, write_error};
use crate::files;

const WRITE: &str = "write an artifact";

impl ArtifactStore {
    /// Stores what `source` gives, hashed while it is written. Durable when this returns; content that is
    /// there already is checked and kept, and replaced where it was damaged.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::NameTaken`], [`StoreError::TooManyNames`], [`StoreError::Io`].
    pub fn put(&self, source: &mut impl Read, label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
        self.write(source)?.keep(label)
    }

    /// As [`ArtifactStore::put`], if what `source` gives has this digest.
    ///
    /// # Errors
    /// [`StoreError::OtherHash`]; as [`ArtifactStore::put`].
    pub fn put_exact(
        &self,
        source: &mut impl Read,
        digest: &Sha256Hex,
        label: &ArtifactLabel,
    ) -> Result<ArtifactInfo, StoreError> {
        let written = self.write(source)?;
        let found = written.digest();
        if found != *digest {
            return Err(StoreError::OtherHash { stated: *digest, found });
        }
        written.keep(label)
    }

    /// Writes what `source` gives, under no final name yet.
    fn write(&self, source: &mut impl Read) -> Result<WrittenArtifact<'_>, StoreError> {
        let mut writer = self.begin()?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io_error("read what is to be stored")(e)),
            };
            writer.push(buffer.get(..count).unwrap_or_default())?;
        }
        writer.close()
    }

    /// Stores bytes that are in memory, as [`ArtifactStore::put`] does; nothing is written where they are there already.
    ///
    /// # Errors
    /// As [`ArtifactStore::put`].
    pub fn put_bytes(&self, bytes: &[u8], label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
        let digest = Sha256Hex::of(bytes);
        if label.name.is_none() && self.holds(&digest) {
            files::sync_folder(&self.contents()).map_err(write_error(WRITE))?;
            self.label(digest, label)?;
            return self.info(digest, bytes.len() as u64);
        }
        let mut writer = self.begin()?;
        writer.push(bytes)?;
        writer.close()?.keep(label)
    }

    /// Begins to write an artifact whose digest is not known yet.
    pub(crate) fn begin(&self) -> Result<ArtifactWriter<'_>, StoreError> {
        let file = NamedTempFile::new_in(self.incoming()).map_err(write_error(WRITE))?;
        let buffered = io::BufWriter::with_capacity(128 * 1024, file);
        Ok(ArtifactWriter { store: self, file: HashingWriter::new(buffered, self.limits.artifact_bytes_max) })
    }

    /// Gives a written file its final name, unless the right content is there already.
    fn install(&self, file: NamedTempFile, digest: Sha256Hex, chunks: ChunkDigests) -> Result<(), StoreError> {
        if !self.holds(&digest) {
            file.as_file().sync_all().map_err(write_error(WRITE))?;
            file.persist(self.content_path(&digest)).map_err(|e| write_error(WRITE)(e.error))?;
        }
        // Also for content that another thread just put: its name may not be durable yet.
        files::sync_folder(&self.contents()).map_err(write_error(WRITE))?;
        self.verified.insert(digest, chunks);
        Ok(())
    }

    /// True where the content is there and whole. Read anew each time: whoever puts again what was damaged
    /// mends it.
    fn holds(&self, digest: &Sha256Hex) -> bool {
        let there = self.open_file(digest).ok().flatten();
        there.is_some_and(|(file, _)| ChunkDigests::of_file(&file, digest).is_ok())
    }
}

/// An artifact that is being written. Dropped, it leaves nothing.
pub(crate) struct ArtifactWriter<'a> {
    store: &'a ArtifactStore,
    file: HashingWriter<io::BufWriter<NamedTempFile>>,
}

impl<'a> ArtifactWriter<'a> {
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.push(bytes)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.size_bytes()
    }

    /// Bytes that were pushed before.
    pub(crate) fn read_back(self, offset_bytes: u64, length_bytes: usize) -> Result<Vec<u8>, StoreError> {
        let (file, ..) = self.file.finish().map_err(write_error(WRITE))?;
        let mut bytes = vec![0; length_bytes];
        let count = files::read_at(file.get_ref().as_file(), &mut bytes, offset_bytes);
        bytes.truncate(count.map_err(io_error("read an artifact"))?);
        Ok(bytes)
    }

    /// Ends the writing. Now the digest is known, and still nothing has its final name.
    pub(crate) fn close(self) -> Result<WrittenArtifact<'a>, StoreError> {
        let (file, digest, chunks) = self.file.finish().map_err(write_error(WRITE))?;
        let file = file.into_inner().map_err(|e| write_error(WRITE)(e.into_error()))?;
        Ok(WrittenArtifact { store: self.store, file, digest, chunks })
    }
}

/// An artifact that was written but has no final name yet. Dropped, it leaves nothing.
pub(crate) struct WrittenArtifact<'a> {
    store: &'a ArtifactStore,
    file: NamedTempFile,
    digest: Sha256Hex,
    chunks: ChunkDigests,
}

impl WrittenArtifact<'_> {
    pub(crate) fn digest(&self) -> Sha256Hex {
        self.digest
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.chunks.size_bytes()
    }

    /// Gives it its final name and its label.
    pub(crate) fn keep(self, label: &ArtifactLabel) -> Result<ArtifactInfo, StoreError> {
        let Self { store, file, digest, chunks } = self;
        if let Some(name) = &label.name {
            store.require_free_or_same(name, &digest)?;
        }
        let size_bytes = chunks.size_bytes();
        store.install(file, digest, chunks)?;
        store.label(digest, label)?;
        store.info(digest, size_bytes)
    }
}
