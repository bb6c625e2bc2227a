//! Hostile: exits with status 0 in the middle of the call, as if that were success.

use std::process;

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    process::exit(0)
}
