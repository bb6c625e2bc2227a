//! Text in, the same text out.

use omega_plugin::{Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    Ok(Text::new(work::echo(text.content)))
}
