//! Takes its input and keeps it until it is stopped: for how much memory a call holds while it lives.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    let text = work::echo(text.content);
    while std::hint::black_box(text.len()) != usize::MAX {}
    Ok(Text::new(text))
}
