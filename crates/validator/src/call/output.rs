//! Results: step 8 of what `invoke` does (spec page 1). A guest may return anything; what passes here is a
//! payload of the contract that its own manifest announced.
//!
//! What never happens here: trusting a size, a hash or a name that a guest claims.

use std::collections::BTreeMap;
use std::fmt::Display;

use omega_contract::limits::NOTES_BYTES_MAX;
use omega_contract::manifest::Direction;
use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload, Encoding, JsonPayload, TextPayload};
use omega_contract::ports::{GuestOutput, GuestPayload};
use omega_contract::strict_json::JsonError;
use omega_contract::{Capability, CapabilitySet, ErrorCode, IoDescriptor, JsonData, Payload, PayloadKind, Sha256Hex};

use super::Ceilings;
use crate::field_path::shown;
use crate::package::Package;
use crate::refusal::Refusal;
use crate::schema::CompiledSchema;
use crate::verified::Verified;

/// What a cut text ends in.
const CUT_MARK: &str = " […cut]";

/// What OMEGA holds: the only things that a result may refer to.
pub trait HeldData {
    /// The SHA-256 of the artifact of this id; none where OMEGA holds no such artifact.
    ///
    /// # Errors
    /// Why it cannot be found out; the result is then refused.
    fn artifact_hash(&self, artifact_id: &str) -> Result<Option<Sha256Hex>, Refusal>;

    /// True where a dataset of this name is registered.
    ///
    /// # Errors
    /// Why it cannot be found out; the result is then refused.
    fn has_dataset(&self, source: &str) -> Result<bool, Refusal>;
}

/// A result that may be released; always seen through [`Verified`].
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    payload: Payload,
    hash: Sha256Hex,
    canonical_bytes: u64,
    notes: String,
}

impl Output {
    /// The result.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// `hash(result)`.
    pub fn output_hash(&self) -> Sha256Hex {
        self.hash
    }

    /// The length of the result's canonical form.
    pub fn canonical_bytes(&self) -> u64 {
        self.canonical_bytes
    }

    /// The plugin's notes, at most [`NOTES_BYTES_MAX`] bytes, without control characters.
    pub fn notes(&self) -> &str {
        &self.notes
    }

    /// The result and the notes.
    pub fn into_parts(self) -> (Payload, String) {
        (self.payload, self.notes)
    }
}

/// Checks what a guest returned.
///
/// In order: an output of this kind (and `schema_ref`) is declared; the size as handed over; strict JSON; the
/// canonical size; the schema; the `write_*` capability; that OMEGA holds what the result refers to.
///
/// # Errors
/// [`Refusal`] with `output_schema_mismatch`, `output_too_large`, `output_not_json`, `capability_denied`,
/// `artifact_unknown` or `artifact_hash_mismatch`.
pub fn check_output(
    package: &Verified<Package>,
    output: GuestOutput,
    held: &CapabilitySet,
    ceilings: Ceilings,
    data: &dyn HeldData,
) -> Result<Verified<Output>, Refusal> {
    let GuestOutput { payload, notes } = output;
    let (descriptor, schema) = declared(package, &payload)?;
    let bytes_max = ceilings.bytes_max(package.manifest(), descriptor);
    too_large(bytes_as_handed_over(&payload), bytes_max)?;
    let payload = shaped(payload, bytes_max)?;
    let (hash, canonical_bytes) = payload.hash_and_length();
    too_large(canonical_bytes, bytes_max)?;
    schema
        .check_payload(&payload, canonical_bytes)
        .map_err(|mismatch| Refusal::new(mismatch.output_code(), format!("result: {mismatch}")))?;
    let needed = Capability::to_write(payload.kind());
    if !held.contains(&needed) {
        return Err(Refusal::new(ErrorCode::CapabilityDenied, format!("the plugin does not hold {needed}")));
    }
    refers_to_what_is_held(&payload, data)?;
    Ok(Verified::new(Output { payload, hash, canonical_bytes, notes: plain_notes(&notes) }))
}

fn not_json(message: impl Display) -> Refusal {
    Refusal::new(ErrorCode::OutputNotJson, format!("result: {message}"))
}

fn mismatch(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::OutputSchemaMismatch, message)
}

fn too_large(bytes: u64, bytes_max: u64) -> Result<(), Refusal> {
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::OutputTooLarge, format!("the result has {bytes} bytes; at most {bytes_max} are taken")))
}

fn declared<'p>(
    package: &'p Package,
    payload: &GuestPayload,
) -> Result<(&'p IoDescriptor, &'p CompiledSchema), Refusal> {
    let (kind, schema_ref) = match payload {
        GuestPayload::Text { .. } => (PayloadKind::Text, None),
        GuestPayload::Json { schema_ref, .. } => (PayloadKind::Json, Some(schema_ref.as_str())),
        GuestPayload::BinaryRef { .. } => (PayloadKind::BinaryRef, None),
        GuestPayload::DatasetSlice { .. } => (PayloadKind::DatasetSlice, None),
    };
    package.descriptor(Direction::Output, kind, schema_ref).ok_or_else(|| match schema_ref {
        Some(_) => mismatch("result.schema_ref: is one of the json outputs that the manifest declares"),
        None => mismatch(format!("result.kind: the manifest declares no output of kind {kind}")),
    })
}

/// Bytes of every text in it. The canonical form is never much smaller: what is over here is refused unparsed.
fn bytes_as_handed_over(payload: &GuestPayload) -> u64 {
    let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let bytes = match payload {
        GuestPayload::Text { content, encoding, metadata } => content.len() + encoding.len() + pairs(metadata),
        GuestPayload::Json { data, schema_ref } => data.len() + schema_ref.len(),
        GuestPayload::BinaryRef { artifact_id, artifact_hash, mime_type } => {
            artifact_id.len() + artifact_hash.len() + mime_type.len()
        }
        GuestPayload::DatasetSlice { slice_ids, source, filters } => {
            slice_ids.iter().map(String::len).sum::<usize>() + source.len() + pairs(filters)
        }
    };
    bytes as u64
}

/// A payload of the contract, or why it is none.
fn shaped(payload: GuestPayload, bytes_max: u64) -> Result<Payload, Refusal> {
    Ok(match payload {
        GuestPayload::Text { content, encoding, metadata } => {
            if encoding != "utf-8" {
                return Err(mismatch("result.encoding: has to be \"utf-8\""));
            }
            Payload::Text(TextPayload { content, encoding: Encoding::Utf8, metadata: unique("metadata", metadata)? })
        }
        GuestPayload::Json { data, schema_ref } => {
            let data = match JsonData::read(data, bytes_max) {
                Ok(data) => data,
                Err(JsonError::TooLarge { bytes, bytes_max }) => {
                    too_large(bytes, bytes_max)?;
                    return Err(not_json("data: is too large"));
                }
                Err(error) => return Err(not_json(format!("data: {}", json_fault(&error)))),
            };
            Payload::Json(JsonPayload { data, schema_ref })
        }
        GuestPayload::BinaryRef { artifact_id, artifact_hash, mime_type } => {
            let artifact_hash = artifact_hash
                .parse()
                .map_err(|_| mismatch("result.artifact_hash: has to be 64 lower-case hex digits"))?;
            Payload::BinaryRef(BinaryRefPayload { artifact_id, artifact_hash, mime_type })
        }
        GuestPayload::DatasetSlice { slice_ids, source, filters } => {
            if slice_ids.is_empty() {
                return Err(mismatch("result.slice_ids: has at least one id"));
            }
            Payload::DatasetSlice(DatasetSlicePayload { slice_ids, source, filters: unique("filters", filters)? })
        }
    })
}

/// What is wrong with a text, without quoting it: a message of the JSON reader may hold a key.
fn json_fault(error: &JsonError) -> String {
    match error {
        JsonError::Syntax(message) if message.contains("duplicate key") => "has a key twice".to_owned(),
        other => other.to_string(),
    }
}

fn unique(field: &str, pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let count = pairs.len();
    let map: BTreeMap<String, String> = pairs.into_iter().collect();
    if map.len() == count { Ok(map) } else { Err(not_json(format!("{field}: has a key twice"))) }
}

fn refers_to_what_is_held(payload: &Payload, data: &dyn HeldData) -> Result<(), Refusal> {
    match payload {
        Payload::BinaryRef(reference) => match data.artifact_hash(&reference.artifact_id)? {
            None => {
                let message = format!(
                    "the result names the artifact {:?}, which OMEGA does not hold",
                    shown(&reference.artifact_id)
                );
                Err(Refusal::new(ErrorCode::ArtifactUnknown, message))
            }
            Some(hash) if hash != reference.artifact_hash => {
                let message =
                    format!("the artifact {:?} has another hash than the result states", shown(&reference.artifact_id));
                Err(Refusal::new(ErrorCode::ArtifactHashMismatch, message))
            }
            Some(_) => Ok(()),
        },
        Payload::DatasetSlice(slice) if !data.has_dataset(&slice.source)? => {
            let message = format!("the result names the dataset {:?}, which OMEGA does not hold", shown(&slice.source));
            Err(Refusal::new(ErrorCode::ArtifactUnknown, message))
        }
        _ => Ok(()),
    }
}

/// Notes as they are released: control characters and marks that turn the direction of text replaced, so that
/// a terminal shows what is there; cut at a character's end, with the cut marked.
pub fn plain_notes(notes: &str) -> String {
    let unseen = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = |c: char| if (c.is_control() && !matches!(c, '\n' | '\t')) || unseen(c) { '\u{fffd}' } else { c };
    // Each character takes a byte or more, so what is past this is cut in any case.
    let text: String = notes.chars().take(NOTES_BYTES_MAX + 1).map(plain).collect();
    if text.len() <= NOTES_BYTES_MAX {
        return text;
    }
    let mut end = NOTES_BYTES_MAX - CUT_MARK.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT_MARK}", &text[..end])
}
