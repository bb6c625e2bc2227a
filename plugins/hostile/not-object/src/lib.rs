//! Hostile: JSON, but an array and not an object.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"[{"count":1}]"#.to_owned(),
        schema_ref: "omega:hostile-not-object:output:report:v1.0.0".to_owned(),
    })
}
