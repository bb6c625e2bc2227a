//! Redaction (spec page 2, "Hashes").
//!
//! Where a manifest's `evidence.redactions` names a field, what is hashed and stored has its value
//! replaced by `{"redacted":"hmac-sha256:<hex>"}`. Deleting the salt makes the value unrecoverable;
//! keeping it lets it be disclosed later.

use omega_contract::Payload;
use omega_contract::commitment::{Commitment, Salt};
use serde_json::Value;

/// A payload with commitments in the place of what is not to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Redacted {
    /// The payload as JSON, redacted: what is hashed and stored.
    pub document: Value,
    /// What was taken out, in the order of the manifest.
    pub fields: Vec<RedactedField>,
}

/// A value that was taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct RedactedField {
    /// Where it stood (RFC 6901).
    pub pointer: String,
    /// The value.
    pub value: Value,
    /// What stands there now.
    pub commitment: Commitment,
}

/// Replaces each named field's value by its commitment. A pointer (RFC 6901) that names nothing is passed over.
///
/// # Errors
/// Where the payload has no JSON form; none of the contract's lacks one.
pub fn redact(payload: &Payload, pointers: &[String], salt: Salt) -> Result<Redacted, serde_json::Error> {
    let mut document = serde_json::to_value(payload)?;
    let mut fields = Vec::new();
    for pointer in pointers {
        if let Some(field) = document.pointer_mut(pointer) {
            let commitment = Commitment::to(field, salt)?;
            let value = std::mem::replace(field, commitment.to_value());
            fields.push(RedactedField { pointer: pointer.clone(), value, commitment });
        }
    }
    Ok(Redacted { document, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_gone_and_the_commitment_can_be_recomputed() {
        let payload = Payload::text("my secret");
        let redacted = redact(&payload, &["/content".into(), "/nothing/here".into()], Salt([7; 32])).unwrap();
        assert!(!redacted.document.to_string().contains("secret"));
        // Python: hmac.new(bytes([7] * 32), b"\"my secret\"", "sha256").hexdigest()
        let expect = "hmac-sha256:0a4706d5ffb6183d3c04d62bc8f6e457df57cd90f1a9b8217335d8eaf4461b99";
        assert_eq!(redacted.document["content"]["redacted"], expect);
        assert_eq!(redacted.document["kind"], "text", "the rest stays");
        assert_eq!(redacted.fields.len(), 1);
        assert_eq!((redacted.fields[0].pointer.as_str(), &redacted.fields[0].value), ("/content", &"my secret".into()));
    }

    #[test]
    fn without_pointers_nothing_changes() {
        let payload = Payload::text("a");
        let redacted = redact(&payload, &[], Salt([0; 32])).unwrap();
        assert_eq!((redacted.document, redacted.fields), (serde_json::to_value(&payload).unwrap(), Vec::new()));
    }
}
