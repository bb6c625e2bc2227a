//! A reply on its way out: what is told while the operation goes on, then what came of it.
//!
//! The operation is done while its reply is sent: when hyper drops the reply, because the client has gone, the operation
//! is dropped with it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use omega_gateway::GatewayError;
use omega_gateway::contract::ErrorCode;
use serde::Serialize;
use tokio::sync::mpsc;

use super::wire::{Kind, TooLong, push_block};

/// A block of a reply.
pub(super) fn block(kind: Kind, content: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = push_block(&mut bytes, |bytes| {
        bytes.push(kind as u8);
        serde_json::to_writer(bytes, content).map_err(Unwritable::Json)
    });
    match written {
        Ok(()) => bytes,
        Err(error) => failed(&GatewayError::new(ErrorCode::Io, format!("the reply cannot be sent: {error}"))),
    }
}

/// The last block of a reply that says why nothing came of it.
pub(super) fn failed(error: &GatewayError) -> Vec<u8> {
    block(Kind::Failed, error)
}

/// What an operation told, as a block.
pub(super) fn told(json: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(json.len() + 5);
    let written = push_block(&mut bytes, |bytes| {
        bytes.push(Kind::Told as u8);
        bytes.extend_from_slice(json);
        Ok::<_, TooLong>(())
    });
    if written.is_ok() { bytes } else { Vec::new() }
}

#[derive(Debug, thiserror::Error)]
enum Unwritable {
    #[error("{0}")]
    Json(serde_json::Error),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// An operation under way.
pub(super) type Work = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// The blocks of a reply: what is told through `lines`, as it comes, and then what `work` comes to.
pub(super) fn blocks(
    work: Work,
    lines: mpsc::UnboundedReceiver<Vec<u8>>,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    stream::unfold(Some((work, lines)), async |state| {
        let (mut work, mut lines) = state?;
        let bytes = tokio::select! {
            biased;
            Some(line) = lines.recv() => return Some((Ok(Frame::data(line.into())), Some((work, lines)))),
            last = &mut work => last,
        };
        // It may have told more in the moment in which it ended.
        let mut rest = Vec::new();
        while let Ok(line) = lines.try_recv() {
            rest.extend_from_slice(&line);
        }
        let bytes = if rest.is_empty() { bytes } else { [rest, bytes].concat() };
        Some((Ok(Frame::data(bytes.into())), None))
    })
}
