//! Why the host ended a guest. Carried through wasmtime as an error and read back afterwards.
//!
//! What never happens here: a guess; each variant is made at one place that knows.

/// Why the host ended a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuestStop {
    /// Its deadline passed.
    #[error("the deadline passed")]
    Deadline,
    /// It called WASI's `exit`.
    #[error("it called exit({code})")]
    Exit {
        /// The code that it gave.
        code: u8,
    },
    /// It called its host too often.
    #[error("it made more than {max} calls to its host")]
    HostCalls {
        /// How often it may.
        max: u64,
    },
    /// It asked for too many random bytes at once.
    #[error("it asked for {asked} random bytes at once, at most {max} are given")]
    RandomBytes {
        /// What it asked for.
        asked: u64,
        /// What is given.
        max: u64,
    },
}
