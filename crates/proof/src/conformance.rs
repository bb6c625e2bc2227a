//! Signed conformance reports: `CONFORMANCE.json` (spec page 10).
//!
//! The file shows the report in the open, for people and tools, and carries a DSSE envelope around an in-toto statement
//! whose predicate is the same report. What never happens here: believing what stands in the open where the envelope says
//! something else.

use std::borrow::Borrow;

use omega_contract::conformance::CONFORMANCE_BYTES_MAX;
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{ConformanceReport, ErrorCode, KeyId, Sha256Hex};
use serde_json::Value;

use crate::dsse::{DsseError, Envelope, IN_TOTO_PAYLOAD_TYPE, STATEMENT_TYPE, Statement, Subject};
use crate::key::{PublicKey, SecretKey};

/// What our statements say of a package that went through the gate.
pub const CONFORMANCE_PREDICATE_TYPE: &str = "https://omega-project.github.io/attestation/plugin-conformance/v1";
/// The member of the file that holds the envelope.
const SIGNATURE: &str = "signature";

/// A report that was verified, and by whose signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReport {
    /// What it says.
    pub report: ConformanceReport,
    /// Who signed it.
    pub key_id: KeyId,
    /// The file's own digest.
    pub sha256: Sha256Hex,
}

/// Why a report is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConformanceError {
    /// Not JSON of a report's shape.
    #[error("not a conformance report: {0}")]
    Json(#[from] JsonError),
    /// A report that nobody signed.
    #[error("the report has no signature")]
    Unsigned,
    /// The envelope is broken, or no given key signed it.
    #[error(transparent)]
    Dsse(#[from] DsseError),
    /// The signed payload is not a conformance statement.
    #[error("the signed payload is not a conformance statement: {0}")]
    Statement(String),
    /// What stands in the open was changed after it was signed.
    #[error("the report is not the one that was signed")]
    Changed,
    /// A report that counts its own checks wrongly.
    #[error("the report contradicts itself")]
    Contradiction,
    /// A report about something else.
    #[error("the report is about the package {found}, and this one is {package_digest}")]
    OtherPackage {
        /// The package that it is held against.
        package_digest: Sha256Hex,
        /// The one that it names.
        found: String,
    },
}

impl ConformanceError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::ConformanceInvalid
    }
}

/// Signs a report: the bytes of `CONFORMANCE.json`.
pub fn sign_report(report: &ConformanceReport, key: &SecretKey) -> Vec<u8> {
    let mut open = serde_json::to_value(report).expect("a report is text and numbers");
    let statement = Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        // Without a readable package there is nothing to speak of, and nobody takes such a statement.
        subject: report.package_digest.map(|digest| Subject::sha256(&report.plugin_id, digest)).into_iter().collect(),
        predicate_type: CONFORMANCE_PREDICATE_TYPE.to_owned(),
        predicate: open.clone(),
    };
    let payload = omega_contract::canonical_bytes(&statement).expect("a statement is text and numbers");
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, &payload, &[key]);
    open[SIGNATURE] = serde_json::to_value(envelope).expect("an envelope is text");
    let mut bytes = serde_json::to_vec_pretty(&open).expect("a report is text and numbers");
    bytes.push(b'\n');
    bytes
}

/// Verifies that one of `keys` signed this report, and that it is about the package of `package_digest`. Whether the package
/// passed is the caller's to ask.
///
/// # Errors
/// [`ConformanceError`].
pub fn verify_report<K: Borrow<PublicKey>>(
    bytes: &[u8],
    package_digest: &Sha256Hex,
    keys: &[K],
) -> Result<VerifiedReport, ConformanceError> {
    let mut open = strict_json::parse(bytes, CONFORMANCE_BYTES_MAX)?;
    let envelope = open.as_object_mut().and_then(|open| open.remove(SIGNATURE)).ok_or(ConformanceError::Unsigned)?;
    let envelope: Envelope = strict_json::value_as(&envelope)?;
    let signed = envelope.verify(IN_TOTO_PAYLOAD_TYPE, keys)?;
    let statement: Statement = strict_json::parse_as(&signed.bytes, CONFORMANCE_BYTES_MAX)
        .map_err(|error| ConformanceError::Statement(error.to_string()))?;
    for (expected, found) in
        [(STATEMENT_TYPE, &statement.statement_type), (CONFORMANCE_PREDICATE_TYPE, &statement.predicate_type)]
    {
        if expected != found {
            let found: String = found.chars().take(128).collect();
            return Err(ConformanceError::Statement(format!("it is {found:?} and not {expected:?}")));
        }
    }
    if !is_same(&open, &statement.predicate) {
        return Err(ConformanceError::Changed);
    }
    let report: ConformanceReport = strict_json::value_as(&open)?;
    if !report.is_whole() {
        return Err(ConformanceError::Contradiction);
    }
    let subjects: Vec<_> = statement.subject.iter().map(Subject::sha256_digest).collect();
    if report.package_digest != Some(*package_digest) || subjects != [Some(*package_digest)] {
        let found =
            report.package_digest.map_or_else(|| "that could not be read".to_owned(), |found| found.to_string());
        return Err(ConformanceError::OtherPackage { package_digest: *package_digest, found });
    }
    Ok(VerifiedReport { report, key_id: signed.key_id, sha256: Sha256Hex::of(bytes) })
}

/// By their canonical forms, in which `1.0` is `1`.
fn is_same(one: &Value, other: &Value) -> bool {
    let canonical = |value: &Value| omega_contract::canonical_bytes(value).ok();
    canonical(one).is_some_and(|bytes| Some(bytes) == canonical(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use omega_contract::{CheckId, CheckOutcome, ConformanceSummary, Timestamp};
    use serde_json::json;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed([seed; 32])
    }

    fn digest() -> Sha256Hex {
        Sha256Hex::of(b"package")
    }

    fn report() -> ConformanceReport {
        let outcome = |id: CheckId| CheckOutcome {
            id,
            name: id.name().into(),
            law: id.law().into(),
            passed: true,
            detail: "as it must".into(),
            duration_ms: 3,
        };
        ConformanceReport {
            plugin_id: "hello".into(),
            timestamp: Timestamp::EPOCH,
            passed: true,
            checks: CheckId::ALL.map(outcome).into(),
            summary: ConformanceSummary { total: 10, passed_count: 10, failed_count: 0 },
            package_digest: Some(digest()),
            gateway_version: "0.1.0".into(),
            lane: None,
            layers: vec!["a".into()],
        }
    }

    fn check(change: impl Fn(&mut Value), expect: Result<(), &str>) {
        let mut file: Value = serde_json::from_slice(&sign_report(&report(), &key(1))).unwrap();
        change(&mut file);
        let verified = verify_report(file.to_string().as_bytes(), &digest(), &[key(1).public()]);
        match (verified, expect) {
            (Ok(verified), Ok(())) => assert_eq!(verified.report, report()),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
            (got, _) => panic!("{got:?}"),
        }
    }

    #[test]
    fn a_report_is_what_was_signed_or_nothing() {
        check(|_| {}, Ok(()));
        check(|file| file["checks"][3]["detail"] = json!("other"), Err("not the one that was signed"));
        check(|file| file["package_digest"] = json!(Sha256Hex::of(b"x")), Err("not the one that was signed"));
        check(|file| file["extra"] = json!(1), Err("not the one that was signed"));
        check(|file| drop(file.as_object_mut().unwrap().remove("signature")), Err("no signature"));
        check(|file| file["signature"] = json!({}), Err("not a conformance report"));
        check(|file| file["signature"]["signatures"] = json!([]), Err("no signature"));
        check(|file| *file = json!([]), Err("no signature"));
    }

    #[test]
    fn a_report_by_a_stranger_of_another_package_or_against_itself_is_not_taken() {
        let verify = |bytes: &[u8], digest: &Sha256Hex| verify_report(bytes, digest, &[key(1).public()]);
        let signed = sign_report(&report(), &key(2));
        assert!(matches!(verify(&signed, &digest()), Err(ConformanceError::Dsse(DsseError::UnknownKey { .. }))));
        let other = Sha256Hex::of(b"other");
        let error = verify(&sign_report(&report(), &key(1)), &other).unwrap_err();
        assert!(matches!(error, ConformanceError::OtherPackage { .. }), "{error}");
        assert_eq!(error.code(), ErrorCode::ConformanceInvalid);
        let unread = ConformanceReport { package_digest: None, ..report() };
        let error = verify(&sign_report(&unread, &key(1)), &digest()).unwrap_err();
        assert!(error.to_string().contains("that could not be read"), "{error}");
        let boastful = ConformanceReport { checks: Vec::new(), ..report() };
        assert_eq!(verify(&sign_report(&boastful, &key(1)), &digest()), Err(ConformanceError::Contradiction));
    }

    /// What a confused signer could make: a good signature over another statement.
    #[test]
    fn a_statement_of_another_type_is_not_taken() {
        let mut open = serde_json::to_value(report()).unwrap();
        let statement = json!({
            "_type": STATEMENT_TYPE, "subject": [], "predicateType": "https://slsa.dev/provenance/v1", "predicate": open,
        });
        let envelope = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, statement.to_string().as_bytes(), &[&key(1)]);
        open["signature"] = serde_json::to_value(envelope).unwrap();
        let error = verify_report(open.to_string().as_bytes(), &digest(), &[key(1).public()]).unwrap_err();
        assert!(matches!(error, ConformanceError::Statement(_)), "{error}");
    }
}
