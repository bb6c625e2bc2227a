//! Runs a plugin's function on the host: no wasm, no gateway, plain `cargo test`.
//!
//! ```
//! use omega_plugin::{Refusal, Text, testing::{Request, run}};
//!
//! fn greet(name: Text) -> Result<Text, Refusal> {
//!     match name.content.trim() {
//!         "" => Err(Refusal::new("no_name", "there is nobody to greet")),
//!         name => Ok(Text::new(format!("Hello, {name}!"))),
//!     }
//! }
//!
//! assert_eq!(run(greet, Request::text("OMEGA")).text(), "Hello, OMEGA!");
//! assert_eq!(run(greet, Request::text(" ")).refusal().code, "no_name");
//! ```
//!
//! The harness is a stand-in: it answers the brokers' questions from memory, by the gateway's rules for what a request
//! names. It checks no schema, no capability and no limit; `omega plugins check` and `try` do, with the real gateway.
//! [`conformance_gate!`](crate::conformance_gate) makes the gate that a package has to pass one of the tests.

mod gate;
pub(crate) mod host;
mod request;
mod run;

pub use gate::assert_conforms;
pub use request::Request;
pub use run::{LogLine, Run, run};
