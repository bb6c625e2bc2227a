//! Time, as a port: so that tests can turn it back.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time; may jump, also backwards.
    fn now(&self) -> Timestamp;

    /// Time since some fixed start; never goes backwards.
    fn monotonic(&self) -> Duration;
}
