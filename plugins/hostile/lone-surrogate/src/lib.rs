//! Hostile: a string with half a surrogate pair, escaped so that the JSON itself is UTF-8.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":1,"text":"\ud800"}"#.to_owned(),
        schema_ref: "omega:hostile-lone-surrogate:output:report:v1.0.0".to_owned(),
    })
}
