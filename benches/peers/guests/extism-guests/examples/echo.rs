//! Text in, the same text out.

use extism_pdk::{FnResult, plugin_fn};

#[plugin_fn]
pub fn handle(text: String) -> FnResult<String> {
    Ok(work::echo(text))
}
