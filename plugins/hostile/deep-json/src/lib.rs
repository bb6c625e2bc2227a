//! Hostile: arrays nested a thousand deep, for a recursive reader.

use omega_plugin::{RawJson, Refusal, Text, plugin};

const DEPTH: usize = 1_000;

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: format!(r#"{{"count":1,"deep":{}{}}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH)),
        schema_ref: "omega:hostile-deep-json:output:report:v1.0.0".to_owned(),
    })
}
