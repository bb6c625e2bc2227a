//! The words of the OMEGA Plugin Gateway.
//!
//! Types, limits, error codes, JSON Schemas, the WIT world, the canonical hash and the four ports
//! ([`Lane`], [`Host`], [`Recorder`], [`Clock`]) that the other rooms speak through.
//!
//! What never happens here: I/O of any kind. Nothing is read from a file, a clock, a socket or the
//! environment, so that the crate builds for every target, `wasm32-unknown-unknown` included.

pub mod caller;
pub mod canonical;
pub mod canonical_value;
pub mod capability;
pub mod commitment;
pub mod conformance;
pub mod digest;
pub mod error_code;
pub mod event;
pub mod exchange;
pub mod glob;
pub mod ids;
pub mod json_tree;
pub mod limits;
pub mod manifest;
pub mod payload;
pub mod pipeline;
pub mod plugin_info;
pub mod policy;
pub mod ports;
pub mod proof_bundle;
pub mod report;
pub mod schemas;
pub mod strict_json;
mod tagged;
pub mod timestamp;
pub mod token;

pub use caller::{Caller, TraceParent};
pub use canonical::{canonical_bytes, hash};
pub use canonical_value::canonical_value_bytes;
pub use capability::{Capability, CapabilitySet};
pub use conformance::{CheckId, CheckOutcome, ConformanceReport, ConformanceSummary};
pub use digest::Sha256Hex;
pub use error_code::ErrorCode;
pub use event::{Event, EventDraft, EventKind, Meta};
pub use exchange::{EvidenceHashes, PluginRequest, PluginResponse, RequestPolicy, Status};
pub use glob::glob_matches;
pub use ids::{KeyId, PluginId, PluginRef, RequestId, RunId};
pub use json_tree::{JsonData, JsonTree};
pub use manifest::{
    Determinism, DeterminismMode, Entrypoint, Evidence, IoDescriptor, LogLevel, Manifest, ManifestLimits, SchemaRef,
};
pub use payload::{Payload, PayloadKind};
pub use pipeline::{PipelinePolicy, PipelineResponse, PipelineStep, PipelineStrategy};
pub use plugin_info::{PluginInfo, PluginStatus};
pub use policy::{Grant, TrustedKey, Witness};
pub use ports::{Clock, Host, Lane, Recorder};
pub use proof_bundle::ProofBundle;
pub use report::{Issue, Severity, ValidationReport};
pub use timestamp::Timestamp;
pub use token::{ApiToken, Scope, TokenName};

/// The version of the plugin API that this gateway speaks (spec page 2).
pub const OMEGA_PLUGIN_API_VERSION: &str = "1.1.0";

/// Every API version that this gateway implements, oldest first (spec page 1, "Version contract").
pub const IMPLEMENTED_API_VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// The WIT package of the wasm lane, as text.
pub const PLUGIN_WIT: &str = include_str!("../wit/plugin.wit");
