//! The local door: a unix socket in the home, mode 0600, for the user that owns it.
//!
//! [`Door`] is how the command line asks anything of a home: of the server that holds it, or of a gateway that it opens
//! itself. Both do the same [`Operation`]s, so that a command is the same with a server and without.
//!
//! ```text
//! POST /local/1/NAME            HTTP/1.1; `omega-version: X.Y.Z`, which must be the server's own
//! request   block{operation as JSON} block{bytes}… block{}     the bytes only where the operation has an attachment
//! reply     block{'t' told as JSON}… then block{'d' reply as JSON} or block{'f' GatewayError as JSON}
//! block     length in 4 bytes, big-endian, and so many bytes
//! ```
//!
//! Blocks, because a body of HTTP that was cut off looks like one that ended: a half upload must not become an artifact.
//! JSON is read by its types alone, which refuse unknown and repeated fields; the strict reader of the contract would refuse
//! a payload of the greatest depth that a plugin may take, because it stands deeper here, and integers beyond 2^53.
//!
//! What never happens here: a decision, an answer to another user, or an operation that one of the two ways does not have.

mod client;
mod door;
mod operation;
pub mod operations;
mod reply;
mod serve;
mod socket;
mod wire;

pub use client::Client;
pub use door::Door;
pub use operation::{Attachment, Operation, Told};
pub use serve::{Served, serve_local};
pub use socket::{LocalListener, SOCKET_FILE};
pub use wire::VERSION;

/// The user of the operating system that this process works for: the `actor` of what comes through the local door, which
/// only that user can open, and of a command without a server.
pub fn os_user() -> String {
    whoami::username().unwrap_or_else(|_| "unknown".to_owned())
}
