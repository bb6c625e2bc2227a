//! DSSE v1 envelopes (secure-systems-lab/dsse, protocol and envelope) and the in-toto Statement v1 in them.
//!
//! The payload is handed out only after a signature over exactly its bytes was verified. What never
//! happens here: believing a `keyid`. It is a hint which key to try, and signed by nobody.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use base64::Engine as _;
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{KeyId, Sha256Hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base64_exact::{STANDARD, URL_SAFE};
use crate::key::{PublicKey, SecretKey};

/// The payload type of in-toto statements.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The `_type` of an in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Signatures in one envelope; more are refused, since each one costs a verification.
pub const ENVELOPE_SIGNATURES_MAX: usize = 16;

/// Why an envelope is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// Not JSON of an envelope's shape.
    #[error("not a DSSE envelope: {0}")]
    Envelope(#[from] JsonError),
    /// Another payload type than the one asked for.
    #[error("the payload type is {found:?} and not {expected:?}")]
    PayloadType {
        /// What was asked for.
        expected: String,
        /// What the envelope says, at most 128 characters of it.
        found: String,
    },
    /// Base64 that is not the one canonical encoding, in either of its alphabets.
    #[error("`{field}` is not canonical base64")]
    Base64 {
        /// `payload` or `sig`.
        field: &'static str,
    },
    /// No signature at all.
    #[error("the envelope has no signature")]
    Unsigned,
    /// More than [`ENVELOPE_SIGNATURES_MAX`].
    #[error("{count} signatures, of which at most {ENVELOPE_SIGNATURES_MAX} are looked at")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// A signature names a key that is known and does not verify under it.
    #[error("the signature by key {key_id} does not verify")]
    Mismatch {
        /// The key that the envelope names.
        key_id: KeyId,
    },
    /// No signature by any of the keys given.
    #[error("none of its signatures is by a key that is trusted here (it names {named})")]
    UnknownKey {
        /// The key ids that the envelope names, unverified, or `no key`.
        named: String,
    },
}

/// A DSSE envelope, not verified. Fields that DSSE does not define are ignored, as its text demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Base64 of the payload.
    pub payload: String,
    /// What the payload is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// One or more signatures over [`pae`].
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// A hint which key it is by; may be left out.
    #[serde(default)]
    pub keyid: String,
    /// Base64 of the signature.
    pub sig: String,
}

/// A payload and the key whose signature over it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPayload {
    /// The payload's bytes.
    pub bytes: Vec<u8>,
    /// The first of the given keys that signed it.
    pub key_id: KeyId,
}

/// The pre-authentication encoding: `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut bytes = Vec::with_capacity(head.len() + payload.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs `payload` with each of `keys`, in their order.
    pub fn sign(payload_type: &str, payload: &[u8], keys: &[&SecretKey]) -> Self {
        let message = pae(payload_type, payload);
        let sign = |key: &&SecretKey| EnvelopeSignature {
            keyid: key.public().key_id().to_string(),
            sig: STANDARD.encode(key.sign(&message)),
        };
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: keys.iter().map(sign).collect(),
        }
    }

    /// Reads an envelope of at most `bytes_max` bytes, strictly (no duplicate keys).
    ///
    /// # Errors
    /// [`DsseError::Envelope`].
    pub fn parse(bytes: &[u8], bytes_max: u64) -> Result<Self, DsseError> {
        Ok(strict_json::parse_as(bytes, bytes_max)?)
    }

    /// The envelope as the one line of JSON that goes into a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = omega_contract::canonical_bytes(self).expect("an envelope is text only");
        bytes.push(b'\n');
        bytes
    }

    /// The payload, if one of `keys` signed it: one good signature is enough, others may be by strangers.
    ///
    /// # Errors
    /// [`DsseError`]. Where several apply, a known key's bad signature is named before unknown keys.
    pub fn verify<K: Borrow<PublicKey>>(&self, payload_type: &str, keys: &[K]) -> Result<VerifiedPayload, DsseError> {
        if self.payload_type != payload_type {
            let found = self.payload_type.chars().take(128).collect();
            return Err(DsseError::PayloadType { expected: payload_type.to_owned(), found });
        }
        if self.signatures.is_empty() {
            return Err(DsseError::Unsigned);
        }
        if self.signatures.len() > ENVELOPE_SIGNATURES_MAX {
            return Err(DsseError::TooManySignatures { count: self.signatures.len() });
        }
        let bytes = decode("payload", &self.payload)?;
        let signatures =
            self.signatures.iter().map(|s| Ok((s, decode("sig", &s.sig)?))).collect::<Result<Vec<_>, DsseError>>()?;
        let message = pae(payload_type, &bytes);
        let mut mismatch = None;
        for (signature, raw) in &signatures {
            for key in keys.iter().map(Borrow::borrow) {
                let key_id = key.key_id();
                let named = key_id.to_string() == signature.keyid;
                // A hint that names another key saves the work; no hint means trying every key.
                if !named && !signature.keyid.is_empty() {
                    continue;
                }
                match key.verify(&message, raw) {
                    Ok(()) => return Ok(VerifiedPayload { bytes, key_id }),
                    Err(_) if named => mismatch = Some(key_id),
                    Err(_) => {}
                }
            }
        }
        match mismatch {
            Some(key_id) => Err(DsseError::Mismatch { key_id }),
            None => Err(DsseError::UnknownKey { named: self.named_keys() }),
        }
    }

    fn named_keys(&self) -> String {
        let named: Vec<String> =
            self.signatures.iter().filter_map(|s| s.keyid.parse::<KeyId>().ok()).map(|id| id.to_string()).collect();
        if named.is_empty() { "no key".to_owned() } else { named.join(", ") }
    }
}

/// Decodes either alphabet, as DSSE demands of verifiers, but only its canonical form.
fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, DsseError> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| DsseError::Base64 { field })
}

/// An in-toto Statement v1. Fields that in-toto does not define are ignored, as its text demands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What it speaks of.
    pub subject: Vec<Subject>,
    /// What the predicate is: a URI.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What it says of the subjects.
    pub predicate: Value,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name; for a package, the file's path.
    pub name: String,
    /// Its digests by algorithm, lower-case hex.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// A subject with a SHA-256 digest.
    pub fn sha256(name: impl Into<String>, digest: Sha256Hex) -> Self {
        Self { name: name.into(), digest: [("sha256".to_owned(), digest.to_string())].into() }
    }

    /// The SHA-256 digest, if it has one.
    pub fn sha256_digest(&self) -> Option<Sha256Hex> {
        self.digest.get("sha256")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "http://example.com/HelloWorld";

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed([seed; 32])
    }

    #[test]
    fn pae_is_the_one_of_the_dsse_text() {
        assert_eq!(pae(TYPE, b"hello world"), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    fn check(change: impl Fn(&mut Envelope), expect: Result<(), &str>) {
        let mut envelope = Envelope::sign(TYPE, b"hello world", &[&key(1), &key(2)]);
        change(&mut envelope);
        let trusted = [key(2).public(), key(3).public()];
        let read = Envelope::parse(&envelope.to_bytes(), 1 << 20).unwrap();
        match (read.verify(TYPE, &trusted), expect) {
            (Ok(payload), Ok(())) => {
                assert_eq!(payload, VerifiedPayload { bytes: b"hello world".into(), key_id: key(2).public().key_id() });
            }
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (got, _) => panic!("{got:?}"),
        }
    }

    #[test]
    fn one_trusted_signature_is_enough_and_nothing_less() {
        check(|_| {}, Ok(()));
        check(|e| e.signatures[1].keyid.clear(), Ok(()));
        check(|e| e.signatures.swap(0, 1), Ok(()));
        check(|e| e.signatures.truncate(1), Err("none of its signatures is by a key that is trusted"));
        check(|e| e.signatures.clear(), Err("no signature"));
        check(|e| e.payload = STANDARD.encode("hello worlds"), Err("does not verify"));
        check(|e| e.payload_type.push('x'), Err("the payload type is"));
        check(|e| e.signatures[1].sig = e.signatures[0].sig.clone(), Err("does not verify"));
        check(|e| e.signatures[1].sig = STANDARD.encode([0; 63]), Err("does not verify"));
        check(|e| e.signatures[1].keyid = key(3).public().key_id().to_string(), Err("does not verify"));
        check(|e| e.signatures[1].keyid = "somebody".into(), Err("none of its signatures"));
        check(|e| e.signatures = vec![e.signatures[1].clone(); ENVELOPE_SIGNATURES_MAX], Ok(()));
        check(|e| e.signatures = vec![e.signatures[1].clone(); ENVELOPE_SIGNATURES_MAX + 1], Err("17 signatures"));
    }

    #[test]
    fn base64_has_one_form_in_each_alphabet() {
        let url_safe = |e: &mut Envelope| e.signatures[1].sig = e.signatures[1].sig.replace('+', "-").replace('/', "_");
        check(url_safe, Ok(()));
        check(|e| e.payload = "aGVsbG8gd29ybGQ=".into(), Ok(()));
        for other in
            ["aGVsbG8gd29ybGQ", "aGVsbG8gd29ybGR=", "aGVsbG8gd29ybGQ=\n", " aGVsbG8gd29ybGQ=", "aGVs bG8gd29ybGQ="]
        {
            check(|e| e.payload = other.into(), Err("`payload` is not canonical base64"));
        }
        check(|e| e.signatures[0].sig.push('='), Err("`sig` is not canonical base64"));
    }

    #[test]
    fn an_envelope_is_read_strictly() {
        let check =
            |text: &str, valid: bool| assert_eq!(Envelope::parse(text.as_bytes(), 200).is_ok(), valid, "{text}");
        check(r#"{"payload":"","payloadType":"t","signatures":[{"sig":""}]}"#, true);
        check(r#"{"payload":"","payloadType":"t","signatures":[{"sig":"","keyid":"k"}],"extra":1}"#, true);
        check(r#"{"payload":"","payload":"","payloadType":"t","signatures":[]}"#, false);
        check(r#"{"payload":"","payloadType":"t"}"#, false);
        check(&" ".repeat(201), false);
    }
}
