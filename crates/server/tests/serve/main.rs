//! A server in a temporary home, met by clients that mean no good: over real connections.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test says what it shows by its name, and stops where it cannot go on"
)]

mod crowd;
mod events;
mod slow;
mod tls;
mod world;
