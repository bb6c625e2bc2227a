//! The two clocks of WASI and waiting for them.
//!
//! A deterministic plugin sees both stand still at zero, and waiting takes no time, so that it learns
//! nothing of the real time. Any other sees real time; waiting is bounded by the call's deadline.
//!
//! What never happens here: a guest that waits holds a thread.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use omega_contract::manifest::DeterminismMode;
use wasmtime_wasi::p2::Pollable;

/// What a guest's clocks show.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GuestClocks {
    /// Zero, for ever.
    Constant,
    /// The wall clock, and the time since the call started.
    Real {
        /// When the call started.
        started: Instant,
    },
}

/// Something to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Past already, or a clock that stands still.
    Now,
    /// At this time.
    At(tokio::time::Instant),
    /// So far away that the call's deadline comes first.
    Never,
}

impl GuestClocks {
    pub(crate) fn new(determinism: DeterminismMode, started: Instant) -> Self {
        match determinism {
            DeterminismMode::Deterministic => Self::Constant,
            DeterminismMode::Probabilistic => Self::Real { started },
        }
    }

    /// Time since 1970-01-01T00:00:00Z.
    pub(crate) fn wall(self) -> Duration {
        match self {
            Self::Constant => Duration::ZERO,
            // A clock before 1970 is shown as 1970.
            Self::Real { .. } => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Nanoseconds since the call started.
    pub(crate) fn monotonic_ns(self) -> u64 {
        match self {
            Self::Constant => 0,
            Self::Real { started } => u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// The moment in `wait_ns` nanoseconds.
    pub(crate) fn after(self, wait_ns: u64) -> Moment {
        match self {
            Self::Real { .. } if wait_ns > 0 => {
                tokio::time::Instant::now().checked_add(Duration::from_nanos(wait_ns)).map_or(Moment::Never, Moment::At)
            }
            _ => Moment::Now,
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Moment {
    async fn ready(&mut self) {
        match self {
            Self::Now => {}
            Self::At(when) => tokio::time::sleep_until(*when).await,
            Self::Never => std::future::pending().await,
        }
    }
}
