//! Hostile: writes 64 MiB to stdout and as much to stderr, and carries on when they do not take it.

use std::io::{self, Write as _};

use omega_plugin::{Refusal, Text, plugin};

const WRITES: u32 = 1_024;
const WRITE_BYTES: usize = 64 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let bytes = vec![b'x'; WRITE_BYTES];
    let mut refused = 0_u32;
    for _ in 0..WRITES {
        refused += u32::from(io::stdout().write_all(&bytes).is_err());
        refused += u32::from(io::stderr().write_all(&bytes).is_err());
    }
    Ok(Text::new(format!("{refused} writes were refused")))
}
