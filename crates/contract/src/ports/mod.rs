//! The four ports: what one room asks of another without knowing it.

mod clock;
mod host;
mod lane;
mod recorder;

use std::future::Future;
use std::pin::Pin;

pub use clock::Clock;
pub use host::{BrokerError, GuestLogLevel, Host, Progress};
pub use lane::{
    Enforcement, GuestOutput, GuestPayload, Lane, LaneCall, LaneDescription, LaneEnding, LaneLimits, LaneProgram,
    LaneRefusal, LaneReport, LaneRequest, Layer, LayerState, ProgramEnvironment, ProgramExit, ReadyProgram,
};
pub use recorder::{CallKey, ClaimError, Recorded, Recorder, RecorderError};

/// A boxed future, as the ports return them so that they stay object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
