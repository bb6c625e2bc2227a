//! The contract schema over a manifest. What never happens here: rules between fields.

use std::sync::LazyLock;

use jsonschema::Validator;
use omega_contract::ErrorCode;
use omega_contract::schemas::{ContractSchema, PLUGIN_MANIFEST, PLUGIN_MANIFEST_1_1};
use serde_json::Value;

use super::{Findings, has_api_1_1};
use crate::schema::faults;

static V1_0: LazyLock<Validator> = LazyLock::new(|| compile(PLUGIN_MANIFEST));
static V1_1: LazyLock<Validator> = LazyLock::new(|| compile(PLUGIN_MANIFEST_1_1));

/// Fields that API 1.1 added.
const ADDED_IN_1_1: [&str; 5] = ["config_schema", "publisher", "homepage", "license", "authors"];

pub(super) fn check(manifest: &Value, findings: &mut Findings) {
    let api_1_1 = has_api_1_1(manifest);
    let validator = if api_1_1 { &*V1_1 } else { &*V1_0 };
    for fault in validator.iter_errors(manifest).flat_map(|error| faults(&error)) {
        // What a capability is, or why it is none, is told by the rules.
        if fault.path.starts_with("capabilities[") && fault.keyword == "enum" {
            continue;
        }
        let message = if !api_1_1 && ADDED_IN_1_1.contains(&fault.path.as_str()) {
            "is a field of API 1.1; raise api_version to 1.1.0 or remove it".to_owned()
        } else {
            fault.expected
        };
        findings.error(ErrorCode::ManifestInvalid, fault.path, message);
    }
}

fn compile(schema: ContractSchema) -> Validator {
    let value: Value = serde_json::from_str(schema.text).expect("the contract's own schema is JSON");
    jsonschema::options().offline().build(&value).expect("the contract's own schema compiles")
}
