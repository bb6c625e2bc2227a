//! Whether the contract and a plugin's own schemas take a payload: asked of the validator, apart from any gateway.

use omega_contract::manifest::Direction;
use omega_contract::{Manifest, Payload};
use omega_validator::{CompiledSchema, PackageFiles};
use serde_json::Value;

/// The inputs of one plugin with their schemas.
pub(crate) struct Judge {
    inputs: Vec<Input>,
}

struct Input {
    kind: omega_contract::PayloadKind,
    schema_ref: String,
    bytes_max: u64,
    schema: CompiledSchema,
}

impl Judge {
    pub(crate) fn new(manifest: &Manifest, files: &PackageFiles) -> Self {
        let input = |descriptor: &omega_contract::IoDescriptor| {
            let path = descriptor.schema_ref.package_path(&manifest.plugin_id, Direction::Input).ok()?;
            Some(Input {
                kind: descriptor.kind,
                schema_ref: descriptor.schema_ref.0.clone(),
                bytes_max: descriptor.limits.max_bytes.min(manifest.limits.max_bytes),
                schema: CompiledSchema::compile(files.get(&path)?).ok()?,
            })
        };
        Self { inputs: manifest.io.inputs.iter().filter_map(input).collect() }
    }

    /// Whether the plugin has to put up with it.
    pub(crate) fn takes(&self, payload: &Value) -> bool {
        let Ok(payload) = serde_json::from_value::<Payload>(payload.clone()) else { return false };
        let (_, canonical_bytes) = payload.hash_and_length();
        let fits = |input: &Input| {
            input.kind == payload.kind()
                && payload.schema_ref().is_none_or(|schema_ref| schema_ref == input.schema_ref)
                && canonical_bytes <= input.bytes_max
                && input.schema.check_payload(&payload, canonical_bytes).is_ok()
        };
        self.inputs.iter().any(fits)
    }
}
