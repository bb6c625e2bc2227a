//! Hostile: an integer that two readers read as two numbers: 2^53 + 1.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":9007199254740993}"#.to_owned(),
        schema_ref: "omega:hostile-big-integer:output:report:v1.0.0".to_owned(),
    })
}
