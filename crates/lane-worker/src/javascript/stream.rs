//! The protocol's stream at the worker's end.
//!
//! What never happens here: a wait for anybody but the gateway.

use std::fs::File;
use std::io::{BufReader, Read, Write};

use serde::Deserialize;

use crate::frames::{HEADER_BYTES, Says, encode};

/// Bytes of a frame of the gateway's: a payload is smaller.
const FRAME_BYTES_MAX: u32 = 80 * 1024 * 1024;
const BUFFER_BYTES: usize = 16 * 1024;

/// Why nothing more can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// What came is not the protocol.
    Protocol,
    /// The stream is gone.
    Stream,
}

/// The stream.
#[derive(Debug)]
pub(super) struct Stream(BufReader<File>);

impl Stream {
    pub(super) fn new(file: File) -> Self {
        Self(BufReader::with_capacity(BUFFER_BYTES, file))
    }

    /// The next frame's body; none: the gateway closed the stream.
    pub(super) fn receive(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let mut header = [0; HEADER_BYTES];
        match self.0.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(_) => return Err(Broken::Stream),
        }
        let length = u32::from_be_bytes(header);
        if length > FRAME_BYTES_MAX {
            return Err(Broken::Protocol);
        }
        let mut body = Vec::new();
        let received = (&mut self.0).take(length.into()).read_to_end(&mut body).map_err(|_| Broken::Stream)?;
        if received == length as usize { Ok(Some(body)) } else { Err(Broken::Stream) }
    }

    pub(super) fn send(&mut self, says: &Says<'_>) -> Result<(), Broken> {
        let frame = encode(says).map_err(|_| Broken::Protocol)?;
        self.write(&frame)
    }

    /// Announces a frame that is longer than the gateway takes, which is all that it reads of one.
    pub(super) fn announce(&mut self, length: usize) -> Result<(), Broken> {
        self.write(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.0.get_mut().write_all(bytes).map_err(|_| Broken::Stream)
    }
}

/// Reads a frame of this form.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Broken> {
    serde_json::from_slice(body).map_err(|_| Broken::Protocol)
}
