//! The hand-written JSON Schemas (draft 2020-12) of the contract, as text.
//!
//! They say the same as the types of this crate; `omega-validator`'s tests keep the two in step.
//! Nothing is compiled or checked here.

/// One of the contract's JSON Schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractSchema {
    /// The file's name, such as `plugin-request.schema.json`.
    pub file_name: &'static str,
    /// The schema as JSON text, self-contained: it refers to nothing outside itself.
    pub text: &'static str,
}

/// A manifest of API 1.0, frozen.
pub const PLUGIN_MANIFEST: ContractSchema = ContractSchema {
    file_name: "plugin-manifest.schema.json",
    text: include_str!("../schemas/plugin-manifest.schema.json"),
};

/// A manifest of API 1.1.
pub const PLUGIN_MANIFEST_1_1: ContractSchema = ContractSchema {
    file_name: "plugin-manifest-1.1.schema.json",
    text: include_str!("../schemas/plugin-manifest-1.1.schema.json"),
};

/// A request.
pub const PLUGIN_REQUEST: ContractSchema = ContractSchema {
    file_name: "plugin-request.schema.json",
    text: include_str!("../schemas/plugin-request.schema.json"),
};

/// A response.
pub const PLUGIN_RESPONSE: ContractSchema = ContractSchema {
    file_name: "plugin-response.schema.json",
    text: include_str!("../schemas/plugin-response.schema.json"),
};

/// An event of the ledger.
pub const GATEWAY_EVENT: ContractSchema = ContractSchema {
    file_name: "gateway-event.schema.json",
    text: include_str!("../schemas/gateway-event.schema.json"),
};

/// Every schema of the contract.
pub const ALL: [ContractSchema; 5] =
    [PLUGIN_MANIFEST, PLUGIN_MANIFEST_1_1, PLUGIN_REQUEST, PLUGIN_RESPONSE, GATEWAY_EVENT];
