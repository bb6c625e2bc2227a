//! Why there is no environment.

use std::io;

use omega_contract::{ErrorCode, Sha256Hex};

/// Why an environment was not built, or is not used.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentFault {
    /// No interpreter, or one that is too old.
    #[error("{0}")]
    Interpreter(String),
    /// The installer said no, or what it made is not taken.
    #[error("{0}")]
    Unbuildable(String),
    /// The build took more than it may.
    #[error("the build was stopped: {0}")]
    Limit(String),
    /// Whoever asked for the build went away.
    #[error("the build was broken off")]
    Cancelled,
    /// The home has no such environment.
    #[error("the home has no environment {0}")]
    Missing(Sha256Hex),
    /// What the home has is something else.
    #[error("the environment {env_digest} was changed: {what}")]
    Changed {
        /// Which.
        env_digest: Sha256Hex,
        /// What of it.
        what: String,
    },
    /// A file of the home.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

impl EnvironmentFault {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Interpreter(_) => ErrorCode::LaneUnavailable,
            Self::Unbuildable(_) | Self::Limit(_) => ErrorCode::EnvironmentUnbuildable,
            Self::Cancelled => ErrorCode::Interrupted,
            Self::Missing(_) => ErrorCode::EnvironmentMissing,
            Self::Changed { .. } => ErrorCode::EnvironmentChanged,
            Self::Io { .. } => ErrorCode::Io,
        }
    }
}

/// Without the path that `tempfile` puts into its errors: ours reach callers.
pub(crate) fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> EnvironmentFault {
    move |error| {
        let source = if error.raw_os_error().is_some() { error } else { error.kind().into() };
        EnvironmentFault::Io { what, source }
    }
}
