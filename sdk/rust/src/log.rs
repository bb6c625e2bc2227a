//! Log lines, which the gateway keeps beside the call's evidence up to a bound and drops beyond it.
//!
//! ```
//! # let rows = 3;
//! omega_plugin::log::info("started");
//! omega_plugin::log::warn(format_args!("{rows} rows have no date"));
//! ```

use std::fmt::Display;

use crate::broker;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever works on the plugin.
    Debug,
    /// What happened.
    Info,
    /// What a person may want to look at.
    Warn,
    /// What went wrong.
    Error,
}

/// Writes a line for whoever works on the plugin.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// Writes a line about what happened.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// Writes a line that a person may want to look at.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// Writes a line about what went wrong.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}

fn write(level: Level, message: impl Display) {
    broker::log(level, &message.to_string());
}
