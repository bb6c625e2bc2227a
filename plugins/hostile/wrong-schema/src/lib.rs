//! Hostile: JSON that breaks its own schema in three ways: a negative count, a property too many, a wrong type.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":-1,"extra":true,"count_text":7}"#.to_owned(),
        schema_ref: "omega:hostile-wrong-schema:output:report:v1.0.0".to_owned(),
    })
}
