//! The form on the socket: blocks of bytes, and what the first byte of a reply's block says.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use omega_gateway::contract::limits::REQUEST_BYTES_MAX;

/// The path of an operation is this and its name.
pub(super) const PATH: &str = "/local/1/";
/// The header that says which version asks.
pub(super) const VERSION_HEADER: &str = "omega-version";
/// The version of this server and of its clients: they speak only to their own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes of an operation's JSON, where nothing greater is in it: the paths of a package of the most files.
pub(super) const SMALL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of an operation that holds a request: a control character of a text takes six in JSON.
pub(super) const LARGE_BYTES_MAX: u64 = 6 * REQUEST_BYTES_MAX;
/// Bytes of one block of a reply: what a pipeline of large results, or the proof of a long run, comes to.
pub(super) const REPLY_BYTES_MAX: u64 = 1 << 30;
/// Bytes of one block of an attachment.
pub(super) const BLOCK_BYTES_MAX: u64 = 256 * 1024;

/// A block's length field.
const LENGTH_BYTES: usize = 4;

/// What a block of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// How it goes on.
    Told = b't',
    /// What came of it; the last block.
    Done = b'd',
    /// Why nothing did; the last block.
    Failed = b'f',
}

impl Kind {
    pub(super) const fn of(byte: u8) -> Option<Self> {
        match byte {
            b't' => Some(Self::Told),
            b'd' => Some(Self::Done),
            b'f' => Some(Self::Failed),
            _ => None,
        }
    }
}

/// Adds a block to `bytes`: its length, and what `write` makes.
pub(super) fn push_block<E>(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E>
where
    E: From<TooLong>,
{
    let start = bytes.len();
    bytes.extend_from_slice(&[0; LENGTH_BYTES]);
    write(bytes)?;
    let length = u32::try_from(bytes.len() - start - LENGTH_BYTES).map_err(|_| TooLong)?;
    bytes[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// More than a block can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than a block holds")]
pub(super) struct TooLong;

impl From<TooLong> for io::Error {
    fn from(too_long: TooLong) -> Self {
        Self::new(io::ErrorKind::InvalidData, too_long)
    }
}

/// Why there is no next block.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBlock {
    /// The body ended, or its connection did.
    #[error("it was cut off")]
    CutOff,
    /// Nothing of it was read.
    #[error("{bytes} bytes, of which at most {bytes_max} are taken")]
    TooLarge {
        /// As it says of itself.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The connection failed.
    #[error("{0}")]
    Broken(hyper::Error),
}

/// The blocks of a body, one after the other.
pub(super) struct Blocks<B> {
    body: B,
    ahead: Bytes,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Blocks<B> {
    pub(super) const fn new(body: B) -> Self {
        Self { body, ahead: Bytes::new() }
    }

    /// The next block, of at most `bytes_max` bytes. Memory grows with what comes, not with what is announced.
    pub(super) async fn next(&mut self, bytes_max: u64) -> Result<Bytes, NoBlock> {
        let length = u64::from(self.exactly(LENGTH_BYTES).await?.get_u32());
        match usize::try_from(length) {
            Ok(bytes) if length <= bytes_max => self.exactly(bytes).await,
            _ => Err(NoBlock::TooLarge { bytes: length, bytes_max }),
        }
    }

    /// Passes over whatever comes, so that the other side is not cut off while it still sends.
    pub(super) async fn drain(mut self) {
        while let Some(Ok(_)) = self.body.frame().await {}
    }

    async fn exactly(&mut self, count: usize) -> Result<Bytes, NoBlock> {
        if self.ahead.len() >= count {
            return Ok(self.ahead.split_to(count));
        }
        let mut gathered = BytesMut::from(std::mem::take(&mut self.ahead));
        while gathered.len() < count {
            let frame = self.body.frame().await.ok_or(NoBlock::CutOff)?.map_err(NoBlock::Broken)?;
            let Ok(data) = frame.into_data() else { continue };
            let missing = count - gathered.len();
            self.ahead = data;
            gathered.extend_from_slice(&self.ahead.split_to(missing.min(self.ahead.len())));
        }
        Ok(gathered.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_block::<io::Error>(&mut bytes, |bytes| {
            bytes.extend_from_slice(content);
            Ok(())
        })
        .unwrap();
        bytes
    }

    /// A body that comes in pieces of so many bytes.
    fn in_pieces(bytes: &[u8], piece: usize) -> Blocks<impl Body<Data = Bytes, Error = hyper::Error> + Unpin> {
        let pieces: Vec<_> =
            bytes.chunks(piece).map(|piece| Ok(hyper::body::Frame::data(Bytes::copy_from_slice(piece)))).collect();
        Blocks::new(http_body_util::StreamBody::new(futures_util::stream::iter(pieces)))
    }

    #[tokio::test]
    async fn blocks_come_as_they_were_sent_however_the_body_is_cut_into_pieces() {
        let bytes = [block(b"one"), block(b""), block(&[7; 1_000])].concat();
        for piece in [1, 2, 3, 5, 7, 64, 2_000] {
            let mut blocks = in_pieces(&bytes, piece);
            assert_eq!(blocks.next(3).await.unwrap(), &b"one"[..]);
            assert!(blocks.next(0).await.unwrap().is_empty());
            assert_eq!(blocks.next(1_000).await.unwrap(), &[7; 1_000][..]);
            assert!(matches!(blocks.next(1_000).await, Err(NoBlock::CutOff)));
        }
    }

    #[tokio::test]
    async fn a_block_that_ends_early_is_none() {
        let bytes = block(&[7; 10]);
        for cut in 0..bytes.len() {
            assert!(matches!(in_pieces(&bytes[..cut], 4).next(10).await, Err(NoBlock::CutOff)), "{cut}");
        }
        assert!(matches!(in_pieces(&bytes, 4).next(9).await, Err(NoBlock::TooLarge { bytes: 10, bytes_max: 9 })));
    }
}
