//! Text in, how many vowels it has out.

use extism_pdk::{FnResult, Json, plugin_fn};

#[plugin_fn]
pub fn handle(text: String) -> FnResult<Json<work::Vowels>> {
    Ok(Json(work::count_vowels(&text)))
}
