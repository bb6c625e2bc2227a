//! Redaction commitments (spec page 2, "Hashes").
//!
//! Where a manifest's `evidence.redactions` names a field, what is hashed and stored has its value
//! replaced by `{"redacted":"hmac-sha256:<hex>"}`. Deleting the salt makes the value unrecoverable;
//! keeping it lets it be disclosed later.

use hmac::{Hmac, Mac as _};
use omega_contract::{Payload, canonical_bytes};
use serde_json::{Value, json};
use sha2::Sha256;

/// The random key of one request's commitments.
#[derive(Clone, Copy)]
pub struct Salt(pub [u8; 32]);

/// `payload` as JSON with each named field's value replaced by its commitment: HMAC-SHA256 (RFC 2104)
/// with the salt over the value's RFC 8785 form. A pointer (RFC 6901) that names nothing is passed over.
///
/// # Errors
/// Where the payload has no JSON form; none of the contract's lacks one.
pub fn redact(payload: &Payload, pointers: &[String], salt: &Salt) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(payload)?;
    for pointer in pointers {
        if let Some(field) = value.pointer_mut(pointer) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&salt.0).expect("HMAC takes a key of any length");
            mac.update(&canonical_bytes(field)?);
            let digest = omega_contract::Sha256Hex::from_bytes(mac.finalize().into_bytes().into());
            *field = json!({"redacted": format!("hmac-sha256:{digest}")});
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_gone_and_the_commitment_can_be_recomputed() {
        let payload = Payload::text("my secret");
        let salt = Salt([7; 32]);
        let redacted = redact(&payload, &["/content".into(), "/nothing/here".into()], &salt).unwrap();
        assert!(!redacted.to_string().contains("secret"));
        // Python: hmac.new(bytes([7] * 32), b"\"my secret\"", "sha256").hexdigest()
        let expect = "hmac-sha256:0a4706d5ffb6183d3c04d62bc8f6e457df57cd90f1a9b8217335d8eaf4461b99";
        assert_eq!(redacted["content"]["redacted"], expect);
        assert_eq!(redacted["kind"], "text", "the rest stays");
        let other = redact(&payload, &["/content".into()], &Salt([8; 32])).unwrap();
        assert_ne!(other, redacted, "the salt keys it");
    }

    #[test]
    fn without_pointers_nothing_changes() {
        let payload = Payload::text("a");
        assert_eq!(redact(&payload, &[], &Salt([0; 32])).unwrap(), serde_json::to_value(&payload).unwrap());
    }
}
