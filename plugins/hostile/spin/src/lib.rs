//! Hostile: an endless loop without a host call in it, so that only the epoch can stop it.

use std::hint::black_box;

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}
