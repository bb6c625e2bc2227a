//! The socket of a home: where it is, who may come, and when it goes.
//!
//! What never happens here: a moment in which somebody else could connect, or a socket removed that another server made.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as system;
#[cfg(unix)]
use unix as system;

pub use system::LocalListener;
pub(super) use system::{BlockingStream, Stream, adopt, connect};

/// The socket's name in the home.
pub const SOCKET_FILE: &str = "omega.sock";
