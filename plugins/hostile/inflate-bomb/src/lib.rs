//! Hostile: unpacks what stands for far more than there is. Forty kilobytes of instructions, each of which doubles what was
//! unpacked so far, as nested archives do.

use std::hint::black_box;

use omega_plugin::{Refusal, Text, plugin};

const PACKED_BYTES: usize = 40 * 1024;

#[plugin]
fn handle(_: Text) -> Result<Text, Refusal> {
    let packed = black_box(vec![2_u8; PACKED_BYTES]);
    let mut unpacked = packed.clone();
    for times in &packed {
        for _ in 1..*times {
            // Aborts where there is no more memory, as most programs do.
            unpacked.extend_from_within(..);
        }
    }
    Ok(Text::new(format!("{} bytes", unpacked.len())))
}
