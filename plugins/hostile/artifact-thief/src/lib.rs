//! Hostile: asks the artifacts broker for everything but what its request names, and reports what it got.

use omega_plugin::{BinaryRef, Json, JsonPayload, Refusal, plugin};
use serde::Serialize;

#[derive(Serialize)]
struct Loot {
    attempts: Vec<Attempt>,
}

#[derive(Serialize)]
struct Attempt {
    artifact_id: String,
    size: String,
    read: String,
}

impl JsonPayload for Loot {
    const SCHEMA_REF: &'static str = "omega:hostile-artifact-thief:output:report:v1.0.0";
}

#[plugin]
fn handle(named: BinaryRef) -> Result<Json<Loot>, Refusal> {
    let own = &named.artifact_id;
    let others = [
        String::new(),
        ".".to_owned(),
        "other".to_owned(),
        named.artifact_hash.clone(),
        format!("sha256/{}", named.artifact_hash),
        format!("{own} "),
        format!("{own}\0"),
        format!("./{own}"),
        format!("../{own}"),
        own.to_uppercase() + "x",
        "../../ledger/00000000000000000000.ndjson".to_owned(),
        "/etc/passwd".to_owned(),
        "file:///etc/passwd".to_owned(),
        "x".repeat(1024 * 1024),
    ];
    Ok(Json::new(Loot { attempts: others.into_iter().map(attempt).collect() }))
}

fn attempt(artifact_id: String) -> Attempt {
    let other = BinaryRef { artifact_id, artifact_hash: String::new(), mime_type: String::new() };
    let said = |error: omega_plugin::BrokerError| error.code().to_owned();
    Attempt {
        size: other.size().map_or_else(said, |size| format!("{size} bytes")),
        read: other.read_at(0, 64).map_or_else(said, |bytes| format!("{bytes:02x?}")),
        artifact_id: other.artifact_id.chars().take(80).collect(),
    }
}
