//! Text in, how many vowels it has out.

use omega_plugin::{Json, Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Json<work::Vowels>, Refusal> {
    Ok(Json::with_schema_ref(work::count_vowels(&text.content), "omega:count-vowels:output:vowels:v1.0.0"))
}
