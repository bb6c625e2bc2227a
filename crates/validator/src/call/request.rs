//! Requests: steps 2 and 3 of what `invoke` does (spec page 1).
//!
//! A request is hashed once, however many plugins it goes to; each plugin then checks it against its own
//! manifest, schema and capabilities. What never happens here: changing a request.

use std::sync::{Arc, LazyLock};

use jsonschema::{ValidationError, Validator};
use omega_contract::limits::{
    CONTEXT_BYTES_MAX, CONTEXT_ENTRIES_MAX, REQUEST_BYTES_MAX, RETRIES_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN,
};
use omega_contract::manifest::Direction;
use omega_contract::schemas::PLUGIN_REQUEST;
use omega_contract::strict_json;
use omega_contract::{
    Capability, CapabilitySet, DeterminismMode, ErrorCode, IoDescriptor, Payload, PayloadKind, PluginRequest, Sha256Hex,
};
use serde_json::Value;

use super::Ceilings;
use crate::package::Package;
use crate::refusal::Refusal;
use crate::schema::faults;
use crate::verified::Verified;

/// Faults of a request that are named at once.
const FAULTS_NAMED_MAX: usize = 5;
/// Bytes of a request up to which more than its first fault is looked for.
const EXPLAINED_BYTES_MAX: usize = 64 * 1024;

/// Reads a request, strictly.
///
/// # Errors
/// `request_invalid`, naming each field that is wrong.
pub fn parse_request(bytes: &[u8]) -> Result<PluginRequest, Refusal> {
    let invalid = |message: String| Refusal::new(ErrorCode::RequestInvalid, message);
    let value = strict_json::parse(bytes, REQUEST_BYTES_MAX).map_err(|error| invalid(error.to_string()))?;
    if !REQUEST_SCHEMA.is_valid(&value) {
        return Err(invalid(faults_of(&value, bytes.len())));
    }
    match serde_json::from_value(value) {
        Ok(request) => Ok(request),
        // `100.0` is an integer to the schema; in canonical form it is one to Rust too.
        Err(first) => strict_json::parse(bytes, REQUEST_BYTES_MAX)
            .ok()
            .and_then(|value| omega_contract::canonical_bytes(&value).ok())
            .and_then(|canonical| serde_json::from_slice(&canonical).ok())
            .ok_or_else(|| invalid(first.to_string())),
    }
}

static REQUEST_SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let value: Value = serde_json::from_str(PLUGIN_REQUEST.text).expect("the contract's own schema is JSON");
    jsonschema::options().offline().build(&value).expect("the contract's own schema compiles")
});

/// What is wrong with a request. Every fault is gathered before the first is told, and a large request may
/// have millions: then it is the first alone.
fn faults_of(request: &Value, bytes: usize) -> String {
    let errors: Vec<ValidationError<'_>> = if bytes <= EXPLAINED_BYTES_MAX {
        REQUEST_SCHEMA.iter_errors(request).collect()
    } else {
        REQUEST_SCHEMA.validate(request).err().into_iter().collect()
    };
    let named = errors.iter().flat_map(faults).take(FAULTS_NAMED_MAX);
    let named = named.map(|fault| format!("{}: {}", whole(&fault.path), fault.expected));
    named.collect::<Vec<_>>().join("; ")
}

fn whole(path: &str) -> &str {
    if path.is_empty() { "the request" } else { path }
}

/// A request with its hash, shared by every plugin and attempt that it goes to.
#[derive(Debug)]
pub struct HashedRequest {
    request: PluginRequest,
    input_hash: Sha256Hex,
    canonical_bytes: u64,
}

impl HashedRequest {
    /// Hashes the payload. Whether anybody takes it is not checked here.
    pub fn new(request: PluginRequest) -> Self {
        let (input_hash, canonical_bytes) = request.payload.hash_and_length();
        Self { request, input_hash, canonical_bytes }
    }

    /// The request as it came.
    pub fn request(&self) -> &PluginRequest {
        &self.request
    }

    /// `hash(payload)`.
    pub fn input_hash(&self) -> Sha256Hex {
        self.input_hash
    }

    /// The length of the payload's canonical form.
    pub fn canonical_bytes(&self) -> u64 {
        self.canonical_bytes
    }
}

/// A request that one plugin may be called with; always seen through [`Verified`].
#[derive(Debug, Clone)]
pub struct Call {
    request: Arc<HashedRequest>,
    descriptor: IoDescriptor,
}

impl Call {
    /// The request with its hash.
    pub fn request(&self) -> &Arc<HashedRequest> {
        &self.request
    }

    /// `hash(payload)`.
    pub fn input_hash(&self) -> Sha256Hex {
        self.request.input_hash
    }

    /// The length of the payload's canonical form.
    pub fn canonical_bytes(&self) -> u64 {
        self.request.canonical_bytes
    }

    /// The input of the manifest that was chosen for it.
    pub fn descriptor(&self) -> &IoDescriptor {
        &self.descriptor
    }
}

/// Checks a request against one plugin, whose effective capabilities are `held`.
///
/// In order: bounds of context and policy; the payload's kind is one that the manifest lists; its size; its
/// schema; the `read_*` capability; `deterministic_only`. A json payload whose `schema_ref` the manifest does
/// not list is a `payload_schema_mismatch`: its kind is taken, but there is no schema that it could match.
///
/// # Errors
/// [`Refusal`] with `request_invalid`, `payload_kind_refused`, `payload_too_large`,
/// `payload_schema_mismatch`, `capability_denied` or `determinism_required`.
pub fn check_request(
    package: &Verified<Package>,
    request: &Arc<HashedRequest>,
    held: &CapabilitySet,
    ceilings: Ceilings,
) -> Result<Verified<Call>, Refusal> {
    check_bounds(&request.request)?;
    let manifest = package.manifest();
    let payload = &request.request.payload;
    let Some((descriptor, schema)) = package.descriptor_of(Direction::Input, payload) else {
        return Err(no_descriptor(package, payload));
    };
    let bytes_max = ceilings.bytes_max(manifest, descriptor);
    if request.canonical_bytes > bytes_max {
        let message =
            format!("the payload has {} canonical bytes; at most {bytes_max} are taken", request.canonical_bytes);
        return Err(Refusal::new(ErrorCode::PayloadTooLarge, message));
    }
    schema
        .check_payload(payload, request.canonical_bytes)
        .map_err(|mismatch| Refusal::new(mismatch.payload_code(), format!("payload: {mismatch}")))?;
    let needed = Capability::to_read(payload.kind());
    if !held.contains(&needed) {
        return Err(Refusal::new(ErrorCode::CapabilityDenied, format!("the plugin does not hold {needed}")));
    }
    let deterministic_only = request.request.policy.is_some_and(|policy| policy.deterministic_only);
    if deterministic_only && manifest.determinism.mode != DeterminismMode::Deterministic {
        return Err(Refusal::new(ErrorCode::DeterminismRequired, ErrorCode::DeterminismRequired.sentence()));
    }
    Ok(Verified::new(Call { request: Arc::clone(request), descriptor: descriptor.clone() }))
}

/// What bounds every request, whatever plugin it is for: its context and its policy.
///
/// # Errors
/// `request_invalid`.
pub fn check_bounds(request: &PluginRequest) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new(ErrorCode::RequestInvalid, message));
    if request.context.len() > CONTEXT_ENTRIES_MAX {
        return invalid(format!(
            "context: has {} entries; at most {CONTEXT_ENTRIES_MAX} are taken",
            request.context.len()
        ));
    }
    let context_bytes: usize = request.context.iter().map(|(key, value)| key.len() + value.len()).sum();
    if context_bytes > CONTEXT_BYTES_MAX {
        return invalid(format!("context: has {context_bytes} bytes; at most {CONTEXT_BYTES_MAX} are taken"));
    }
    if let Some(policy) = &request.policy {
        if !(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&policy.timeout_ms) {
            return invalid(format!("policy.timeout_ms: is {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX}"));
        }
        if policy.max_retries > RETRIES_MAX {
            return invalid(format!("policy.max_retries: is 0 to {RETRIES_MAX}"));
        }
    }
    match &request.payload {
        Payload::DatasetSlice(slice) if slice.slice_ids.is_empty() => {
            invalid("payload.slice_ids: has at least one id".to_owned())
        }
        _ => Ok(()),
    }
}

#[cold]
fn no_descriptor(package: &Package, payload: &Payload) -> Refusal {
    let inputs = &package.manifest().io.inputs;
    if payload.kind() == PayloadKind::Json && inputs.iter().any(|input| input.kind == PayloadKind::Json) {
        let refs: Vec<&str> =
            inputs.iter().filter(|input| input.kind == PayloadKind::Json).map(|input| &*input.schema_ref.0).collect();
        let message = format!("payload.schema_ref: is one of the plugin's json inputs: {}", refs.join(", "));
        return Refusal::new(ErrorCode::PayloadSchemaMismatch, message);
    }
    let mut kinds: Vec<&str> = inputs.iter().map(|input| input.kind.as_str()).collect();
    kinds.dedup();
    let message = format!(
        "the plugin takes {}, not {}",
        if kinds.is_empty() { "nothing".into() } else { kinds.join(", ") },
        payload.kind()
    );
    Refusal::new(ErrorCode::PayloadKindRefused, message)
}
