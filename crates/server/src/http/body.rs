//! Bodies: bounded, each and all together, before anything is made of them. How slowly one may come, its connection says.
//!
//! What never happens here: a body that is held though no budget is left for it; the end of a body that broke off taken
//! for its end.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use omega_gateway::contract::ErrorCode;
use omega_gateway::contract::strict_json::{self, JsonError};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::problem::Problem;
use crate::listen::TooSlow;

/// What bounds bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes of all bodies that are held in memory at once.
    pub held_bytes_max: u64,
    /// Bytes of an artifact.
    pub artifact_bytes_max: u64,
    /// Packages that are taken in at once.
    pub packages_max: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { held_bytes_max: 512 << 20, artifact_bytes_max: 1 << 30, packages_max: 2 }
    }
}

/// Bytes of one permit of the budget.
const PERMIT_BYTES: u64 = 4 << 10;
/// Chunks between a connection and the thread that reads them.
const CHUNKS_AHEAD: usize = 4;

/// The memory that bodies may take, of all requests together.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new(held_bytes_max: u64) -> Self {
        let permits = usize::try_from(held_bytes_max / PERMIT_BYTES).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))))
    }
}

/// A body that was read, and its part of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    _budget: Option<OwnedSemaphorePermit>,
}

/// One body as it comes in.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Body,
    bytes_max: u64,
    received: u64,
}

impl Incoming {
    /// # Errors
    /// 413 where the client says itself that it is too large: not a byte is read then.
    pub(super) fn new(headers: &HeaderMap, body: Body, bytes_max: u64) -> Result<Self, Problem> {
        let stated = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|stated| stated > bytes_max) {
            return Err(too_large(bytes_max));
        }
        Ok(Self { body, bytes_max, received: 0 })
    }

    /// The next bytes; none at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(broken_off)?;
            // Trailers mean nothing here.
            let Ok(data) = frame.into_data() else { continue };
            self.received = self.received.saturating_add(data.len() as u64);
            if self.received > self.bytes_max {
                return Err(too_large(self.bytes_max));
            }
            return Ok(Some(data));
        }
    }

    /// All of it, in memory.
    pub(super) async fn read(mut self, budget: &Budget) -> Result<Held, Problem> {
        let (mut bytes, mut held, mut paid) = (Vec::new(), None::<OwnedSemaphorePermit>, 0_u64);
        while let Some(chunk) = self.chunk().await? {
            let needed = self.received.div_ceil(PERMIT_BYTES);
            if needed > paid {
                let more = u32::try_from(needed - paid).unwrap_or(u32::MAX);
                let permit = Arc::clone(&budget.0).try_acquire_many_owned(more).map_err(|_| busy())?;
                match &mut held {
                    Some(held) => held.merge(permit),
                    None => held = Some(permit),
                }
                paid = needed;
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Held { bytes, _budget: held })
    }

    /// Hands it to `work` on a thread that may block, chunk by chunk; nothing is held but a few chunks. What `work` left
    /// unread is not waited for.
    pub(super) async fn stream_to<T: Send + 'static>(
        mut self,
        work: impl FnOnce(ChunkReader) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
        let reader = ChunkReader { receiver, current: Bytes::new(), ended: false };
        let worker = tokio::task::spawn_blocking(move || work(reader));
        let mut fault = None;
        loop {
            let next = match self.chunk().await {
                Ok(Some(chunk)) => Ok(chunk),
                Ok(None) => break,
                Err(problem) => {
                    fault = Some(problem);
                    Err(io::ErrorKind::UnexpectedEof)
                }
            };
            let is_last = next.is_err();
            // The worker has seen enough.
            if sender.send(Some(next)).await.is_err() || is_last {
                break;
            }
        }
        // A reader that is dropped without this was cut off: the end of the body is said, never assumed.
        let _reader_is_done = sender.send(None).await;
        drop(sender);
        let outcome = worker.await.map_err(|_| Problem::new(ErrorCode::Io, "a worker ended early"))?;
        fault.map_or(Ok(outcome), Err)
    }
}

/// A body, for code that blocks.
pub(super) struct ChunkReader {
    /// `None` ends it.
    receiver: mpsc::Receiver<Option<Result<Bytes, io::ErrorKind>>>,
    current: Bytes,
    ended: bool,
}

impl io::Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.receiver.blocking_recv() {
                Some(Some(chunk)) => self.current = chunk.map_err(io::Error::from)?,
                Some(None) => {
                    self.ended = true;
                    return Ok(0);
                }
                // The client went away, or its request was dropped.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let count = buffer.len().min(self.current.len());
        let taken = self.current.split_to(count);
        if let Some(target) = buffer.get_mut(..count) {
            target.copy_from_slice(&taken);
        }
        Ok(count)
    }
}

fn broken_off(error: axum::Error) -> Problem {
    if error.into_inner().is::<TooSlow>() {
        return Problem::of_request(StatusCode::REQUEST_TIMEOUT, "the body came too slowly");
    }
    Problem::malformed("the body ended early")
}

fn too_large(bytes_max: u64) -> Problem {
    Problem::of_request(StatusCode::PAYLOAD_TOO_LARGE, &format!("at most {bytes_max} bytes are taken here"))
}

pub(super) fn busy() -> Problem {
    Problem::new(ErrorCode::Overloaded, "the server holds as many bodies as it can")
}

/// Refuses another media type than `expect`. Parameters, such as a charset, are passed over, as JSON is UTF-8 always.
pub(super) fn check_media_type(headers: &HeaderMap, body: &Body, expect: &'static str) -> Result<(), Problem> {
    let wrong = || Problem::of_request(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("the body is to be {expect}"));
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let found = match (values.next(), values.next()) {
        (None, _) if body.is_end_stream() => return Err(Problem::malformed("there is no body")),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => return Err(wrong()),
    };
    let found = found.split(';').next().unwrap_or_default().trim();
    if found.eq_ignore_ascii_case(expect) { Ok(()) } else { Err(wrong()) }
}

/// Reads a body as a JSON object by the contract's rules.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8], bytes_max: u64) -> Result<T, Problem> {
    strict_json::parse_as(bytes, bytes_max).map_err(|error| match error {
        JsonError::TooLarge { .. } => too_large(bytes_max),
        error => Problem::malformed(format!("the body: {error}")),
    })
}
