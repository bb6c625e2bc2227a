//! `omega serve`: the same [`Gateway`](omega_gateway::Gateway) and [`Admin`](omega_gateway::Admin) behind two doors
//! (spec page 9).
//!
//! [`local`] is the unix socket in the home, for whoever owns the home: every operation that the command line has.
//! [`http`] is the HTTP API, for whoever has a token: no token can widen trust or grants.
//!
//! What never happens here: a decision of the server's own. It translates, authenticates, and bounds what comes in.

mod behind;
mod events;
pub mod http;
mod listen;
pub mod local;
mod serve;
mod stopping;
mod telemetry;

pub use listen::TlsFiles;
pub use serve::{ServeOptions, Server, StopReport, Tell};
