//! Not an attack, but what its outcome must not be mixed up with: declines every input with its own code.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    Err(Refusal::new("not_my_thing", "this plugin declines everything"))
}
