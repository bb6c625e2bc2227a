//! The rules over `io`: kinds, capabilities, schema references. What never happens here: opening a schema.

use std::collections::BTreeSet;

use omega_contract::manifest::Direction;
use omega_contract::{Capability, ErrorCode, PayloadKind, PluginId, SchemaRef};
use serde_json::Value;

use super::Findings;

pub(super) fn check(manifest: &Value, capabilities: &[Capability], findings: &mut Findings) {
    let plugin_id = manifest.get("plugin_id").and_then(Value::as_str).and_then(|text| text.parse::<PluginId>().ok());
    let payload_bytes_max = manifest.pointer("/limits/max_bytes").and_then(Value::as_u64);
    for (direction, word) in [(Direction::Input, "inputs"), (Direction::Output, "outputs")] {
        let list = manifest.pointer(&format!("/io/{word}")).and_then(Value::as_array);
        if list.is_some_and(Vec::is_empty) {
            findings.warning(
                format!("io.{word}"),
                format!(
                    "is empty: no call of this plugin can have {}",
                    match direction {
                        Direction::Input => "an input",
                        Direction::Output => "a result",
                    }
                ),
            );
        }
        let mut seen = Seen::default();
        for (index, descriptor) in list.into_iter().flatten().enumerate() {
            let base = format!("io.{word}[{index}]");
            let kind = descriptor.get("kind").cloned().and_then(|kind| serde_json::from_value(kind).ok());
            let schema_ref = descriptor.get("schema_ref").and_then(Value::as_str);
            if let Some(kind) = kind {
                capability(direction, kind, capabilities, &base, findings);
                seen.check(kind, schema_ref, &base, findings);
            }
            if let (Some(text), Some(plugin_id)) = (schema_ref, &plugin_id)
                && let Err(error) = SchemaRef(text.to_owned()).package_path(plugin_id, direction)
            {
                findings.error(ErrorCode::ManifestInvalid, format!("{base}.schema_ref"), error.to_string());
            }
            let bytes_max = descriptor.pointer("/limits/max_bytes").and_then(Value::as_u64);
            if let (Some(own), Some(whole)) = (bytes_max, payload_bytes_max)
                && own > whole
            {
                let message = format!("is over limits.max_bytes ({whole}), which is the one that counts");
                findings.warning(format!("{base}.limits.max_bytes"), message);
            }
        }
    }
}

/// An input of kind K needs `read_K`; an output needs what writing it needs, or no call could ever end well.
fn capability(direction: Direction, kind: PayloadKind, held: &[Capability], base: &str, findings: &mut Findings) {
    let (needed, what) = match direction {
        Direction::Input => (Capability::to_read(kind), "an input"),
        Direction::Output => (Capability::to_write(kind), "an output"),
    };
    if !held.contains(&needed) {
        let message = format!("{what} of kind {kind} needs the capability {needed} in capabilities");
        findings.error(ErrorCode::ManifestInvalid, format!("{base}.kind"), message);
    }
}

/// At most one descriptor per kind, except `json`, which is chosen by its `schema_ref`.
#[derive(Default)]
struct Seen<'m> {
    kinds: BTreeSet<PayloadKind>,
    json_refs: BTreeSet<&'m str>,
}

impl<'m> Seen<'m> {
    fn check(&mut self, kind: PayloadKind, schema_ref: Option<&'m str>, base: &str, findings: &mut Findings) {
        if kind != PayloadKind::Json {
            if !self.kinds.insert(kind) {
                let message = format!("is the second of kind {kind}; there is at most one per kind, except json");
                findings.error(ErrorCode::ManifestInvalid, format!("{base}.kind"), message);
            }
        } else if let Some(schema_ref) = schema_ref
            && !self.json_refs.insert(schema_ref)
        {
            let message = "is that of another json descriptor; a json payload is told apart by its schema_ref";
            findings.error(ErrorCode::ManifestInvalid, format!("{base}.schema_ref"), message);
        }
    }
}
