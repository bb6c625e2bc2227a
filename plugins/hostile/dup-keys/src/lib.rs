//! Hostile: a key twice: one reader takes the first value, another the last.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":1,"count":2}"#.to_owned(),
        schema_ref: "omega:hostile-dup-keys:output:report:v1.0.0".to_owned(),
    })
}
