//! Hostile: data that is not JSON at all.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: "this is not JSON".to_owned(),
        schema_ref: "omega:hostile-not-json:output:report:v1.0.0".to_owned(),
    })
}
