//! Hostile: NaN and infinities, which are no JSON but which many readers take.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson {
        data: r#"{"count":NaN,"more":[Infinity,-Infinity]}"#.to_owned(),
        schema_ref: "omega:hostile-nan-json:output:report:v1.0.0".to_owned(),
    })
}
