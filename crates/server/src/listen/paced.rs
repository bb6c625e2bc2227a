//! A request's body that has to come at a certain pace: whoever sends a byte now and then holds nothing for long.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// How long a body may take, however short it is.
const BODY_TIME_MIN: Duration = Duration::from_secs(20);
/// Bytes a second that a longer one has to come with on the average.
const BODY_BYTES_PER_SECOND_MIN: u64 = 64 * 1024;

/// The body came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body came too slowly: at least {BODY_BYTES_PER_SECOND_MIN} bytes a second")]
pub(crate) struct TooSlow;

/// A body with a deadline that each of its bytes moves on.
pub(crate) struct PacedBody {
    body: Incoming,
    received: u64,
    began: Option<Instant>,
    /// Made where one has to wait: most bodies are there with their head.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl PacedBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, received: 0, began: None, deadline: None }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        // The clock runs from when somebody wants the body: what the gateway does before is not the client's time.
        let began = *self.began.get_or_insert_with(Instant::now);
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let earned = Duration::from_secs(self.received / BODY_BYTES_PER_SECOND_MIN);
            let until = began + BODY_TIME_MIN + earned;
            let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if deadline.deadline() != until {
                deadline.as_mut().reset(until);
            }
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            self.received += frame.data_ref().map_or(0, |data| data.remaining() as u64);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
