//! Hostile: a string that is not UTF-8, under a type that promises it is.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
#[allow(unsafe_code, reason = "the promise is broken on purpose")]
fn handle(_: Text) -> Result<Text, Refusal> {
    // SAFETY: none. The host must check what crosses the boundary, because a guest can write any bytes there.
    let content = unsafe { String::from_utf8_unchecked(vec![b'o', b'k', 0xff, 0xfe, 0xc0, 0x80]) };
    Ok(Text { content, ..Text::default() })
}
