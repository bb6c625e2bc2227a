//! Hostile: sleeps for an hour inside a host call, where no epoch reaches it.

use std::{thread, time::Duration};

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    thread::sleep(Duration::from_hours(1));
    Ok(text)
}
