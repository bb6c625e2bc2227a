//! Hostile: a good document and then another: a reader that stops at the first does not see the second.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":1}{"count":2}"#.to_owned(),
        schema_ref: "omega:hostile-two-documents:output:report:v1.0.0".to_owned(),
    })
}
