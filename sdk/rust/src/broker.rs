//! The way out of the sandbox: four questions to the gateway's brokers and the log. On wasm they are the world's imports;
//! elsewhere the test harness answers them. Each is linked into a component only if the plugin uses it.

use std::fmt;

/// Why a broker said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerError {
    /// The capability is not held, or what was asked for is not what this request names.
    Denied(String),
    /// OMEGA does not hold such bytes or rows.
    Unknown(String),
    /// The bytes held do not have the hash that the payload states.
    HashMismatch(String),
    /// A limit on calls or bytes is used up.
    LimitExceeded(String),
    /// The host could not do it.
    Failed(String),
}

impl BrokerError {
    /// The code of the [`Refusal`](crate::Refusal) that this becomes with `?`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "broker_denied",
            Self::Unknown(_) => "broker_unknown",
            Self::HashMismatch(_) => "broker_hash_mismatch",
            Self::LimitExceeded(_) => "broker_limit_exceeded",
            Self::Failed(_) => "broker_failed",
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Denied(why) => ("the broker denied it", why),
            Self::Unknown(why) => ("OMEGA does not hold it", why),
            Self::HashMismatch(why) => ("the bytes do not have the stated hash", why),
            Self::LimitExceeded(why) => ("a broker limit is used up", why),
            Self::Failed(why) => ("the broker failed", why),
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for BrokerError {}

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::host::{artifact_read, artifact_size, dataset_count, dataset_read, log};

#[cfg(target_family = "wasm")]
pub(crate) use imports::{artifact_read, artifact_size, dataset_count, dataset_read, log};

#[cfg(target_family = "wasm")]
mod imports {
    use super::BrokerError;
    use crate::bindings::omega::plugin::{artifacts, broker, datasets, log as sink};
    use crate::log::Level;

    impl From<broker::BrokerError> for BrokerError {
        fn from(error: broker::BrokerError) -> Self {
            match error {
                broker::BrokerError::Denied(why) => Self::Denied(why),
                broker::BrokerError::Unknown(why) => Self::Unknown(why),
                broker::BrokerError::HashMismatch(why) => Self::HashMismatch(why),
                broker::BrokerError::LimitExceeded(why) => Self::LimitExceeded(why),
                broker::BrokerError::Failed(why) => Self::Failed(why),
            }
        }
    }

    pub(crate) fn artifact_size(artifact_id: &str) -> Result<u64, BrokerError> {
        Ok(artifacts::size(artifact_id)?)
    }

    pub(crate) fn artifact_read(artifact_id: &str, offset: u64, length_bytes: u32) -> Result<Vec<u8>, BrokerError> {
        Ok(artifacts::read(artifact_id, offset, length_bytes)?)
    }

    pub(crate) fn dataset_count() -> Result<u64, BrokerError> {
        Ok(datasets::count()?)
    }

    pub(crate) fn dataset_read(first: u64, rows_max: u32) -> Result<Vec<String>, BrokerError> {
        Ok(datasets::read(first, rows_max)?)
    }

    pub(crate) fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => sink::Level::Debug,
            Level::Info => sink::Level::Info,
            Level::Warn => sink::Level::Warn,
            Level::Error => sink::Level::Error,
        };
        sink::write(level, message);
    }
}
