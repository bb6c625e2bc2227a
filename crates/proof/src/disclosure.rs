//! Disclosures: what a redacted field held, for who may know it (spec page 2, "Hashes").
//!
//! The ledger's event holds the hash of a payload or result whose secret fields are replaced by commitments. A
//! disclosure carries that redacted document, the salt, and the values to disclose; each must be what the document
//! commits to, and the document what the event commits to.
//!
//! What never happens here: belief in the event itself. Whether the ledger has it is shown by a proof, with which
//! [`Checked::is_in`] compares.

use omega_contract::commitment::{Commitment, Salt};
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{Event, EventKind, RequestId, RunId, Sha256Hex, hash};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The format of a disclosure.
pub const DISCLOSURE_FORMAT: &str = "omega.disclosure/v1";
/// Bytes of a disclosure as it is read: a payload, its redacted form, and what is around them.
pub const DISCLOSURE_BYTES_MAX: u64 = 160 * 1024 * 1024;
/// Fields of one disclosure.
const FIELDS_MAX: usize = 10_000;

/// Which side of a call a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What went in: an INVOKE commits to it by `input_hash`.
    Payload,
    /// What came out: a RESULT commits to it by `output_hash`.
    Result,
}

impl Part {
    /// The word in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Result => "result",
        }
    }

    /// The kind of event that commits to it.
    pub const fn event_kind(self) -> EventKind {
        match self {
            Self::Payload => EventKind::Invoke,
            Self::Result => EventKind::Result,
        }
    }

    /// The hash by which an event commits to it.
    pub fn hash_in(self, event: &Event) -> &str {
        match self {
            Self::Payload => &event.input_hash,
            Self::Result => &event.output_hash,
        }
    }
}

/// A file that discloses fields of one payload or result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// [`DISCLOSURE_FORMAT`].
    pub format: String,
    /// The run.
    pub run_id: RunId,
    /// The request.
    pub request_id: RequestId,
    /// Its step of a pipeline; 0 outside one.
    pub step: u32,
    /// Which side of the call.
    pub part: Part,
    /// The event that commits to the document.
    pub event_hash: Sha256Hex,
    /// The payload or result with its commitments.
    pub document: Value,
    /// `hash(document)`, as the event holds it.
    pub document_hash: Sha256Hex,
    /// 64 lower-case hex digits.
    pub salt: String,
    /// What is disclosed.
    pub fields: Vec<DisclosedField>,
}

/// One value, and what commits to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedField {
    /// Where it stood (RFC 6901).
    pub pointer: String,
    /// The value.
    pub value: Value,
    /// `hmac-sha256:<hex>`, as the document holds it.
    pub commitment: String,
}

/// A disclosure that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    disclosure: Disclosure,
    /// Commitments of the document that are not disclosed.
    pub undisclosed: usize,
}

/// Why a disclosure does not hold (`disclosure_invalid`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureFault {
    /// Not JSON that the contract takes, or not of a disclosure's shape.
    #[error("not a disclosure: {0}")]
    NotADisclosure(#[from] JsonError),
    /// A format that this verifier does not know.
    #[error("the format is \"{0}\", this verifier knows \"{DISCLOSURE_FORMAT}\"")]
    Format(String),
    /// The salt is not one.
    #[error("the salt is not 64 lower-case hex digits")]
    Salt,
    /// It discloses nothing, or more than anybody looks through.
    #[error("{0} fields; 1 to {FIELDS_MAX} are taken")]
    Fields(usize),
    /// The document does not have the hash that is stated for it.
    #[error("the document hashes to {computed}, and {stated} is stated")]
    DocumentHash {
        /// What it says.
        stated: Sha256Hex,
        /// What it is.
        computed: Sha256Hex,
    },
    /// There is no commitment where a field is said to be.
    #[error("the document has no commitment at \"{pointer}\"")]
    NoCommitment {
        /// Where.
        pointer: String,
    },
    /// The document commits to something else there.
    #[error("the commitment at \"{pointer}\" is not the document's")]
    OtherCommitment {
        /// Where.
        pointer: String,
    },
    /// The value is not what was committed to.
    #[error("the value at \"{pointer}\" is not the one that was committed to")]
    OtherValue {
        /// Where.
        pointer: String,
    },
    /// The proof's events have none that commits to this document.
    #[error("the proof has no event that commits to this document")]
    NotInProof,
}

/// Checks a disclosure as it was read: the values against the document, and the document against its hash.
///
/// # Errors
/// [`DisclosureFault`]; never panics, on any bytes.
pub fn check_disclosure(bytes: &[u8]) -> Result<Checked, DisclosureFault> {
    let disclosure: Disclosure = strict_json::parse_as(bytes, DISCLOSURE_BYTES_MAX)?;
    Checked::new(disclosure)
}

impl Checked {
    /// As [`check_disclosure`], of one that was parsed or made.
    ///
    /// # Errors
    /// [`DisclosureFault`].
    pub fn new(disclosure: Disclosure) -> Result<Self, DisclosureFault> {
        if disclosure.format != DISCLOSURE_FORMAT {
            return Err(DisclosureFault::Format(disclosure.format.chars().take(64).collect()));
        }
        if !(1..=FIELDS_MAX).contains(&disclosure.fields.len()) {
            return Err(DisclosureFault::Fields(disclosure.fields.len()));
        }
        let salt: Salt = disclosure.salt.parse().map_err(|_| DisclosureFault::Salt)?;
        let no_form = |error: serde_json::Error| DisclosureFault::NotADisclosure(JsonError::Shape(error.to_string()));
        let (computed, stated) = (hash(&disclosure.document).map_err(no_form)?, disclosure.document_hash);
        if computed != stated {
            return Err(DisclosureFault::DocumentHash { stated, computed });
        }
        for field in &disclosure.fields {
            let pointer = || field.pointer.chars().take(256).collect::<String>();
            let stands = disclosure.document.pointer(&field.pointer).and_then(Commitment::of_value);
            let stands = stands.ok_or_else(|| DisclosureFault::NoCommitment { pointer: pointer() })?;
            if field.commitment.parse() != Ok(stands) {
                return Err(DisclosureFault::OtherCommitment { pointer: pointer() });
            }
            if Commitment::to(&field.value, salt).map_err(no_form)? != stands {
                return Err(DisclosureFault::OtherValue { pointer: pointer() });
            }
        }
        let mut disclosed: Vec<&str> = disclosure.fields.iter().map(|field| field.pointer.as_str()).collect();
        disclosed.sort_unstable();
        disclosed.dedup();
        let undisclosed = commitments_in(&disclosure.document).saturating_sub(disclosed.len());
        Ok(Self { disclosure, undisclosed })
    }

    /// What was checked.
    pub fn disclosure(&self) -> &Disclosure {
        &self.disclosure
    }

    /// Whether one of these events, of a proof that was verified, commits to the document; gives its place among them.
    ///
    /// # Errors
    /// [`DisclosureFault::NotInProof`].
    pub fn is_in<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Result<usize, DisclosureFault> {
        let said = &self.disclosure;
        let step = said.step.to_string();
        let document_hash = said.document_hash.to_string();
        let commits = |event: &&Event| {
            event.event_hash == said.event_hash
                && event.kind == said.part.event_kind()
                && event.run_id == said.run_id.as_str()
                && event.request_id == said.request_id.as_str()
                && event.meta.get("step").map_or("0", String::as_str) == step
                && said.part.hash_in(event) == document_hash
        };
        events.into_iter().position(|event| commits(&event)).ok_or(DisclosureFault::NotInProof)
    }
}

/// How many commitments stand in a document. Its depth is bounded: the strict reader took it.
pub fn commitments_in(document: &Value) -> usize {
    if Commitment::of_value(document).is_some() {
        return 1;
    }
    match document {
        Value::Array(items) => items.iter().map(commitments_in).sum(),
        Value::Object(fields) => fields.values().map(commitments_in).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use omega_contract::{Meta, canonical_bytes};
    use serde_json::json;

    use super::*;

    const SALT: Salt = Salt([9; 32]);

    fn disclosure() -> Disclosure {
        let commitment = |value: &Value| Commitment::to(value, SALT).unwrap();
        let (mail, name) = (json!("ada@example.org"), json!({"first": "Ada", "n": 1.5}));
        let document = json!({
            "kind": "json",
            "data": {"mail": commitment(&mail).to_value(), "who": [commitment(&name).to_value(), 2]},
        });
        let fields = vec![DisclosedField {
            pointer: "/data/who/0".into(),
            value: name.clone(),
            commitment: commitment(&name).to_string(),
        }];
        Disclosure {
            format: DISCLOSURE_FORMAT.into(),
            run_id: "r".parse().unwrap(),
            request_id: "q".parse().unwrap(),
            step: 0,
            part: Part::Payload,
            event_hash: Sha256Hex::of(b"event"),
            document_hash: hash(&document).unwrap(),
            document,
            salt: SALT.to_hex(),
            fields,
        }
    }

    fn check(change: impl FnOnce(&mut Disclosure), expect: &str) {
        let mut disclosure = disclosure();
        change(&mut disclosure);
        let bytes = canonical_bytes(&disclosure).unwrap();
        match check_disclosure(&bytes) {
            Ok(checked) => assert_eq!(expect, format!("{} undisclosed", checked.undisclosed)),
            Err(fault) => assert!(!expect.is_empty() && fault.to_string().contains(expect), "{expect}: {fault}"),
        }
    }

    #[test]
    fn a_disclosure_holds_or_says_why_not() {
        check(|_| {}, "1 undisclosed");
        check(|d| d.format = "omega.disclosure/v2".into(), "the format is");
        check(|d| d.salt = "ab".into(), "the salt is not");
        check(|d| d.salt = Salt([8; 32]).to_hex(), "not the one that was committed to");
        check(|d| d.fields.clear(), "0 fields");
        check(|d| d.fields = vec![d.fields[0].clone(); FIELDS_MAX + 1], "10001 fields");
        check(|d| d.fields = vec![d.fields[0].clone(); 3], "1 undisclosed");
        check(|d| d.fields[0].value = json!({"first": "Eve", "n": 1.5}), "not the one that was committed to");
        check(|d| d.fields[0].pointer = "/data/mail".into(), "is not the document's");
        check(|d| d.fields[0].pointer = "/kind".into(), "no commitment at \"/kind\"");
        check(|d| d.fields[0].pointer = "/data/none".into(), "no commitment at");
        check(|d| d.fields[0].commitment = "hmac-sha256:00".into(), "is not the document's");
        check(|d| d.document["kind"] = "text".into(), "the document hashes to");
        check(|d| d.document["data"]["who"][0] = json!("Ada"), "the document hashes to");
        check(
            |d| {
                d.document["data"]["who"][0] = json!("Ada");
                d.document_hash = hash(&d.document).unwrap();
            },
            "no commitment at",
        );
    }

    /// One character of the file at a time: what is accepted after a change says the same of the same event.
    #[test]
    fn no_byte_that_means_something_can_be_changed() {
        let disclosure = disclosure();
        let bytes = canonical_bytes(&disclosure).unwrap();
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                if let Ok(checked) = check_disclosure(&changed) {
                    // Which event, run and request is meant is not the file's to prove: a proof says that.
                    let read = checked.disclosure();
                    assert_eq!((&read.fields, &read.document), (&disclosure.fields, &disclosure.document));
                    let event = committing(&disclosure);
                    assert!(read == &disclosure || checked.is_in([&event]).is_err(), "byte {position}");
                }
            }
        }
    }

    fn committing(disclosure: &Disclosure) -> Event {
        let mut event = crate::line::tests::event(Meta::new());
        event.kind = EventKind::Invoke;
        event.run_id = disclosure.run_id.to_string();
        event.request_id = disclosure.request_id.to_string();
        event.input_hash = disclosure.document_hash.to_string();
        event.event_hash = disclosure.event_hash;
        event
    }

    #[test]
    fn it_is_confirmed_by_the_very_event_that_commits_to_it() {
        let disclosure = disclosure();
        let checked = Checked::new(disclosure.clone()).unwrap();
        let event = committing(&disclosure);
        let check = |change: &dyn Fn(&mut Event), expect: bool| {
            let mut event = event.clone();
            change(&mut event);
            assert_eq!(checked.is_in([&event]).is_ok(), expect, "{event:?}");
        };
        check(&|_| {}, true);
        check(&|event| drop(event.meta.insert("step".into(), "0".into())), true);
        check(&|event| drop(event.meta.insert("step".into(), "1".into())), false);
        check(&|event| event.kind = EventKind::Result, false);
        check(&|event| event.run_id = "other".into(), false);
        check(&|event| event.request_id = "other".into(), false);
        check(&|event| event.input_hash = event.event_hash.to_string(), false);
        check(&|event| event.event_hash = Sha256Hex::of(b"other"), false);
        assert_eq!(checked.is_in([]), Err(DisclosureFault::NotInProof));
    }
}
