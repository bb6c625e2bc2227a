//! Disclosing what a request's redactions hide.

use omega_contract::commitment::{Commitment, Salt};
use omega_contract::manifest::MANIFEST_FILE;
use omega_contract::{ErrorCode, Event, Payload, RequestId, RunId, Sha256Hex, hash, strict_json};
use omega_proof::disclosure::{Checked, DISCLOSURE_FORMAT, DisclosedField, Disclosure, Part};
use omega_registry::PackageStore;
use omega_router::redact;
use omega_validator::check_manifest;
use serde_json::Value;

use super::{decisions_on, is_redacted, request_events, step_of};
use crate::error::GatewayError;
use crate::reader::HomeReader;
use crate::salts::Salts;

/// Bytes of a stored payload or result.
const STORED_BYTES_MAX: u64 = omega_contract::limits::REQUEST_BYTES_MAX;

/// One payload or result of which the ledger holds commitments.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// The request's run.
    pub run_id: RunId,
    /// The request.
    pub request_id: RequestId,
    /// Its step of a pipeline; 0 outside one.
    pub step: u32,
    /// Which side of the call.
    pub part: Part,
    /// The event that commits to it.
    pub event_index: u64,
    /// Its hash.
    pub event_hash: Sha256Hex,
    /// What it commits to: `hash` of the redacted document.
    pub document_hash: Sha256Hex,
    /// The fields that the plugin's manifest redacts, present or not.
    pub pointers: Vec<String>,
    /// The redacted document, where the plugin's log level kept it.
    pub document: Option<Value>,
    /// Whether its values can still be disclosed.
    pub salt: SaltState,
}

/// Whether the salt of a request's redactions is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaltState {
    /// It is.
    Kept,
    /// A person decided to forget it.
    Forgotten {
        /// The decision's event.
        event_index: u64,
    },
    /// It is not, and nobody decided so.
    Missing,
}

/// What is said to have been redacted.
#[derive(Debug, Clone, PartialEq)]
pub enum Alleged {
    /// The payload as it was sent, or the result as it was given: all of its redacted fields are disclosed.
    Whole(Payload),
    /// Values by their pointers. Possible where the redacted document was kept.
    Fields(Vec<(String, Value)>),
}

impl Committed {
    /// The commitments that stand in the document, by pointer.
    pub fn commitments(&self) -> Vec<(&str, Commitment)> {
        let Some(document) = &self.document else { return Vec::new() };
        let stands = |pointer: &String| document.pointer(pointer).and_then(Commitment::of_value);
        self.pointers.iter().filter_map(|pointer| Some((pointer.as_str(), stands(pointer)?))).collect()
    }
}

impl HomeReader {
    /// What the ledger commits to of a request, payload and result of each step. Without a run the whole ledger is
    /// looked through for it.
    ///
    /// # Errors
    /// `not_found` where there is no such request or nothing of it was redacted; `request_invalid` where several runs
    /// have it; `package_digest_mismatch` where the package that says which fields are redacted is gone or changed.
    pub fn committed(&self, run_id: Option<&RunId>, request_id: &RequestId) -> Result<Vec<Committed>, GatewayError> {
        let (run_id, events) = request_events(self.ledger(), run_id, request_id)?;
        let decided = decisions_on(self.ledger(), &run_id, request_id)?;
        let mut found = Vec::new();
        for placed in events.iter().filter(|placed| is_redacted(&placed.event)) {
            let event = &placed.event;
            let Some(part) = [Part::Payload, Part::Result].into_iter().find(|part| part.event_kind() == event.kind)
            else {
                continue;
            };
            let step = step_of(event);
            // A payload that was tried again is committed to by each attempt alike: the first one is enough.
            if found.iter().any(|one: &Committed| (one.step, one.part) == (step, part)) {
                continue;
            }
            let unsaid =
                |what| GatewayError::new(ErrorCode::NotFound, format!("event {} names no {what}", placed.index));
            let forgotten = decided.iter().find(|decision| decision.steps.contains(&step));
            let salt = match forgotten {
                Some(decision) => SaltState::Forgotten { event_index: decision.event_index },
                None if self.salt(&run_id, request_id, step)?.is_some() => SaltState::Kept,
                None => SaltState::Missing,
            };
            found.push(Committed {
                run_id: run_id.clone(),
                request_id: request_id.clone(),
                step,
                part,
                event_index: placed.index,
                event_hash: event.event_hash,
                document_hash: part.hash_in(event).parse().map_err(|_| unsaid("hash"))?,
                pointers: self.redactions(event)?,
                document: self.kept(event, part)?,
                salt,
            });
        }
        if found.is_empty() {
            let message = format!("nothing of request {request_id} of run {run_id} was redacted");
            return Err(GatewayError::new(ErrorCode::NotFound, message));
        }
        Ok(found)
    }

    /// Makes a disclosure of what is alleged, which was checked against what the ledger commits to. Whoever gets it
    /// gets the salt too, and can test guesses at every other value that the same request redacts.
    ///
    /// # Errors
    /// `disclosure_invalid` where a value is not the one that was committed to; `evidence_forgotten`; `not_found` where
    /// the salt or the redacted document is not there.
    pub fn disclose(&self, committed: &Committed, alleged: Alleged) -> Result<Disclosure, GatewayError> {
        let salt = match committed.salt {
            SaltState::Forgotten { event_index } => {
                let message = format!("request {} was forgotten", committed.request_id);
                return Err(GatewayError::new(ErrorCode::EvidenceForgotten, message).recorded(event_index));
            }
            SaltState::Kept | SaltState::Missing => {
                let salt = self.salt(&committed.run_id, &committed.request_id, committed.step)?;
                salt.ok_or_else(|| GatewayError::new(ErrorCode::NotFound, "the salt of this request is not there"))?
            }
        };
        let (document, fields) = match alleged {
            Alleged::Whole(payload) => whole(committed, &payload, salt)?,
            Alleged::Fields(values) => by_field(committed, values)?,
        };
        let disclosure = Disclosure {
            format: DISCLOSURE_FORMAT.to_owned(),
            run_id: committed.run_id.clone(),
            request_id: committed.request_id.clone(),
            step: committed.step,
            part: committed.part,
            event_hash: committed.event_hash,
            document,
            document_hash: committed.document_hash,
            salt: salt.to_hex(),
            fields,
        };
        // What does not hold is never handed out.
        let checked = Checked::new(disclosure).map_err(|fault| invalid(fault.to_string()))?;
        Ok(checked.disclosure().clone())
    }

    fn salt(&self, run_id: &RunId, request_id: &RequestId, step: u32) -> Result<Option<Salt>, GatewayError> {
        let salts = Salts::in_folder(self.home().salts_dir());
        salts
            .read(run_id, request_id, step)
            .map_err(|error| GatewayError::new(ErrorCode::Io, format!("a redaction salt: {}", error.kind())))
    }

    /// The fields that the package which ran redacts.
    fn redactions(&self, event: &Event) -> Result<Vec<String>, GatewayError> {
        let gone = || GatewayError::new(ErrorCode::PackageDigestMismatch, "the event names no package");
        let digest: Sha256Hex = event.meta.get("package_digest").and_then(|text| text.parse().ok()).ok_or_else(gone)?;
        let files = PackageStore::open(&self.home().store_dir())?.load(&digest)?;
        let manifest = files.get(MANIFEST_FILE).and_then(|bytes| check_manifest(bytes).manifest);
        Ok(manifest.ok_or_else(gone)?.evidence.redactions)
    }

    /// The redacted document, where it was kept and is still what the event commits to.
    fn kept(&self, event: &Event, part: Part) -> Result<Option<Value>, GatewayError> {
        let key = match part {
            Part::Payload => "payload_artifact",
            Part::Result => "result_artifact",
        };
        let Some(digest) = event.meta.get(key) else { return Ok(None) };
        let brokers = self.brokers();
        let mut bytes = Vec::new();
        match brokers.artifacts().copy_to(digest, &mut bytes) {
            Ok(_) => {}
            Err(error) if error.code() == ErrorCode::ArtifactUnknown => return Ok(None),
            Err(error) => return Err(GatewayError::new(error.code(), error.to_string())),
        }
        let document = strict_json::parse(&bytes, STORED_BYTES_MAX)
            .map_err(|error| GatewayError::new(ErrorCode::ArtifactHashMismatch, error.to_string()))?;
        Ok(Some(document))
    }
}

fn invalid(message: impl Into<String>) -> GatewayError {
    GatewayError::new(ErrorCode::DisclosureInvalid, message)
}

/// Redacts the alleged document once more: it is the right one if that gives what the event commits to.
fn whole(committed: &Committed, payload: &Payload, salt: Salt) -> Result<(Value, Vec<DisclosedField>), GatewayError> {
    let no_form = |error: serde_json::Error| invalid(error.to_string());
    let redacted = redact(payload, &committed.pointers, salt).map_err(no_form)?;
    if hash(&redacted.document).map_err(no_form)? != committed.document_hash {
        let (part, index) = (committed.part.as_str(), committed.event_index);
        return Err(invalid(format!("this is not the {part} that event {index} commits to")));
    }
    let document = redacted.document;
    let stands = |pointer: &str| document.pointer(pointer).and_then(Commitment::of_value);
    // A field inside another redacted one has no commitment of its own left to disclose.
    let fields = redacted.fields.into_iter().filter(|field| stands(&field.pointer) == Some(field.commitment));
    let fields = fields
        .map(|field| DisclosedField {
            pointer: field.pointer,
            value: field.value,
            commitment: field.commitment.to_string(),
        })
        .collect();
    Ok((document, fields))
}

fn by_field(committed: &Committed, values: Vec<(String, Value)>) -> Result<(Value, Vec<DisclosedField>), GatewayError> {
    let Some(document) = committed.document.clone() else {
        let message = format!("the redacted {} was not kept; it takes the whole of it", committed.part.as_str());
        return Err(GatewayError::new(ErrorCode::NotFound, message));
    };
    let commitments = committed.commitments();
    let fields = values.into_iter().map(|(pointer, value)| {
        let stands = commitments.iter().find(|(at, _)| *at == pointer);
        let (_, commitment) = stands.ok_or_else(|| invalid(format!("nothing was redacted at \"{pointer}\"")))?;
        Ok(DisclosedField { pointer, value, commitment: commitment.to_string() })
    });
    Ok((document, fields.collect::<Result<_, GatewayError>>()?))
}
