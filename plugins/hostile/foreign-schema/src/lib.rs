//! Hostile: JSON that fits its own schema but claims to answer to another plugin's.

use omega_plugin::{RawJson, Refusal, Text, plugin};

#[plugin]
fn handle(_: Text) -> Result<RawJson, Refusal> {
    Ok(RawJson { data: r#"{"count":1}"#.to_owned(), schema_ref: "omega:text-stats:output:report:v1.0.0".to_owned() })
}
