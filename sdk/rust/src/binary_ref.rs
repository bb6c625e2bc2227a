//! The `binary_ref` payload: a name for bytes that OMEGA holds, read through the artifacts broker.

use std::io;

use crate::{BrokerError, FromPayload, IntoPayload, Payload, PayloadKind, Refusal, broker};

/// How many bytes one question to the broker asks for. A few dozen questions read a megabyte, and a guest's memory holds
/// the answer easily.
pub(crate) const READ_BYTES: u32 = 64 * 1024;

/// A `binary_ref` payload, in or out. Reading needs the capability `read_binary_ref`, and works only for what the request
/// names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryRef {
    /// The name of the bytes.
    pub artifact_id: String,
    /// Lower-case hex SHA-256 of the bytes.
    pub artifact_hash: String,
    /// What the bytes are, such as `text/csv`.
    pub mime_type: String,
}

impl BinaryRef {
    /// The length in bytes.
    ///
    /// # Errors
    /// What the broker says.
    pub fn size(&self) -> Result<u64, BrokerError> {
        broker::artifact_size(&self.artifact_id)
    }

    /// Up to `length_bytes` bytes from `offset`; fewer at the end, none past it.
    ///
    /// # Errors
    /// What the broker says.
    pub fn read_at(&self, offset: u64, length_bytes: u32) -> Result<Vec<u8>, BrokerError> {
        broker::artifact_read(&self.artifact_id, offset, length_bytes)
    }

    /// All the bytes, if they are at most `bytes_max`.
    ///
    /// # Errors
    /// A refusal with code [`Refusal::ARTIFACT_TOO_LARGE`] where there are more, before any is read; what the broker says
    /// otherwise.
    pub fn read_all(&self, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
        let size = self.size()?;
        if size > bytes_max {
            return Err(Refusal::new(
                Refusal::ARTIFACT_TOO_LARGE,
                format!("the artifact has {size} bytes, this plugin reads at most {bytes_max}"),
            ));
        }
        let mut bytes = Vec::new();
        let mut reader = self.reader();
        io::Read::read_to_end(&mut reader, &mut bytes)?;
        Ok(bytes)
    }

    /// All the bytes as text, if they are at most `bytes_max`.
    ///
    /// # Errors
    /// A refusal with code [`Refusal::UNREADABLE`] where they are not UTF-8; what [`Self::read_all`] refuses.
    pub fn read_text(&self, bytes_max: u64) -> Result<String, Refusal> {
        String::from_utf8(self.read_all(bytes_max)?).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Refusal::new(Refusal::UNREADABLE, format!("the artifact is not UTF-8 text at byte {at}"))
        })
    }

    /// The bytes as a stream, from the start. It holds one chunk at a time, so it reads what does not fit in memory.
    pub fn reader(&self) -> ArtifactReader<'_> {
        ArtifactReader { artifact: self, offset: 0, chunk: Vec::new(), taken: 0 }
    }
}

impl FromPayload for BinaryRef {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        match payload {
            Payload::BinaryRef(named) => Ok(named),
            other => Err(Refusal::wrong_kind(PayloadKind::BinaryRef, other.kind())),
        }
    }
}

impl IntoPayload for BinaryRef {
    fn into_payload(self) -> Payload {
        Payload::BinaryRef(self)
    }
}

/// An artifact's bytes as a stream. A broker's refusal comes out as an [`io::Error`] around the [`BrokerError`]; with `?` in
/// a function that returns `Result<_, Refusal>` it is the same refusal again.
#[derive(Debug)]
pub struct ArtifactReader<'a> {
    artifact: &'a BinaryRef,
    offset: u64,
    chunk: Vec<u8>,
    taken: usize,
}

impl io::BufRead for ArtifactReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.chunk.len() {
            self.chunk = self.artifact.read_at(self.offset, READ_BYTES).map_err(io::Error::other)?;
            self.offset += self.chunk.len() as u64;
            self.taken = 0;
        }
        Ok(self.chunk.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.taken = self.chunk.len().min(self.taken + amount);
    }
}

impl io::Read for ArtifactReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waiting = io::BufRead::fill_buf(self)?;
        let count = waiting.read(buffer)?;
        io::BufRead::consume(self, count);
        Ok(count)
    }
}
