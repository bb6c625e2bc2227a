//! The signature of a package (spec page 2, "Signature"): one DSSE envelope around an in-toto
//! statement whose subjects are every file of the package but the envelope itself.
//!
//! What never happens here: reading files, and deciding whom to trust. The caller brings digests and keys.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use omega_contract::limits::{PACKAGE_FILES_MAX, SIGNATURE_BYTES_MAX};
use omega_contract::manifest::SIGNATURE_FILE;
use omega_contract::strict_json::{self, JsonError};
use omega_contract::{ErrorCode, KeyId, PluginId, Sha256Hex};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::dsse::{DsseError, Envelope, IN_TOTO_PAYLOAD_TYPE, STATEMENT_TYPE, Statement, Subject};
use crate::key::{PublicKey, SecretKey};

/// What our statements say of a package.
pub const PACKAGE_PREDICATE_TYPE: &str = "https://omega-project.github.io/attestation/plugin-package/v1";

/// The SHA-256 of each file of a package, by its path; the signature file is never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileDigests(BTreeMap<String, Sha256Hex>);

impl FileDigests {
    /// Hashes each file; [`SIGNATURE_FILE`] is passed over.
    pub fn of_files<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Self {
        files.into_iter().map(|(path, bytes)| (path.to_owned(), Sha256Hex::of(bytes))).collect()
    }

    /// Path and digest of each file, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Sha256Hex)> {
        self.0.iter().map(|(path, digest)| (path.as_str(), *digest))
    }

    /// `hash({path: sha256})` over every file but the signature: the package's name by content.
    pub fn package_digest(&self) -> Sha256Hex {
        omega_contract::hash(&self.0).expect("paths and digests are text")
    }
}

impl FromIterator<(String, Sha256Hex)> for FileDigests {
    fn from_iter<I: IntoIterator<Item = (String, Sha256Hex)>>(files: I) -> Self {
        Self(files.into_iter().filter(|(path, _)| path != SIGNATURE_FILE).collect())
    }
}

/// The predicate: which plugin the files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagePredicate {
    /// The manifest's id.
    pub plugin_id: PluginId,
    /// The manifest's version.
    pub version: Version,
    /// [`FileDigests::package_digest`].
    pub package_digest: Sha256Hex,
}

/// A signature that was verified, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// Who signed.
    pub key_id: KeyId,
    /// What was signed.
    pub predicate: PackagePredicate,
}

/// Why a package's signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageSignatureError {
    /// The envelope is broken, or no given key signed it.
    #[error(transparent)]
    Dsse(#[from] DsseError),
    /// The signed payload is not an in-toto Statement v1.
    #[error("the signed payload is not an in-toto statement: {0}")]
    Statement(JsonError),
    /// A statement of another type or about something else.
    #[error("the signed statement is {found:?} and not {expected:?}")]
    StatementType {
        /// What a package's statement has there.
        expected: &'static str,
        /// What this one has, at most 128 characters of it.
        found: String,
    },
    /// The predicate is not a package's.
    #[error("the signed statement does not say which package it is about: {0}")]
    Predicate(String),
    /// Two subjects of one name.
    #[error("the signature lists {path:?} twice")]
    DuplicateSubject {
        /// The name.
        path: String,
    },
    /// A subject without a SHA-256.
    #[error("the signature lists {path:?} without a SHA-256")]
    NoDigest {
        /// The name.
        path: String,
    },
    /// More subjects than a package may have files.
    #[error("the signature lists more than {PACKAGE_FILES_MAX} files")]
    TooManySubjects,
    /// A file that nobody signed.
    #[error("the file {path:?} is in the package but not in its signature")]
    ExtraFile {
        /// Its path.
        path: String,
    },
    /// A signed file that is not there.
    #[error("the file {path:?} is in the signature but not in the package")]
    MissingFile {
        /// Its path.
        path: String,
    },
    /// A file with other content.
    #[error("the file {path:?} is not the one that was signed")]
    ChangedFile {
        /// Its path.
        path: String,
    },
    /// The files agree and the digest over them does not: the statement contradicts itself.
    #[error("the signed package digest is not that of the signed files")]
    PackageDigest,
}

impl PackageSignatureError {
    /// The stable code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Dsse(DsseError::Unsigned) => ErrorCode::SignatureMissing,
            Self::Dsse(DsseError::UnknownKey { .. }) => ErrorCode::KeyUntrusted,
            Self::ExtraFile { .. } | Self::MissingFile { .. } | Self::ChangedFile { .. } | Self::PackageDigest => {
                ErrorCode::PackageDigestMismatch
            }
            _ => ErrorCode::SignatureInvalid,
        }
    }
}

/// Signs a package: the bytes of its [`SIGNATURE_FILE`].
pub fn sign_package(files: &FileDigests, plugin_id: &PluginId, version: &Version, key: &SecretKey) -> Vec<u8> {
    let predicate = PackagePredicate {
        plugin_id: plugin_id.clone(),
        version: version.clone(),
        package_digest: files.package_digest(),
    };
    let statement = Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: files.iter().map(|(path, digest)| Subject::sha256(path, digest)).collect(),
        predicate_type: PACKAGE_PREDICATE_TYPE.to_owned(),
        predicate: serde_json::to_value(predicate).expect("a predicate is text only"),
    };
    let payload = omega_contract::canonical_bytes(&statement).expect("a statement is text only");
    Envelope::sign(IN_TOTO_PAYLOAD_TYPE, &payload, &[key]).to_bytes()
}

/// Verifies that one of `keys` signed exactly `files`.
///
/// The signature is verified before the files are compared: what an unknown key lists tells nothing.
///
/// # Errors
/// [`PackageSignatureError`], naming the first file in path order where files differ.
pub fn verify_package_signature<K: Borrow<PublicKey>>(
    files: &FileDigests,
    envelope: &[u8],
    keys: &[K],
) -> Result<VerifiedSignature, PackageSignatureError> {
    let envelope = Envelope::parse(envelope, SIGNATURE_BYTES_MAX)?;
    let signed = envelope.verify(IN_TOTO_PAYLOAD_TYPE, keys)?;
    let statement: Statement =
        strict_json::parse_as(&signed.bytes, SIGNATURE_BYTES_MAX).map_err(PackageSignatureError::Statement)?;
    expect_type(STATEMENT_TYPE, &statement.statement_type)?;
    expect_type(PACKAGE_PREDICATE_TYPE, &statement.predicate_type)?;
    let predicate: PackagePredicate = strict_json::value_as(&statement.predicate)
        .map_err(|error| PackageSignatureError::Predicate(error.to_string()))?;
    compare(files, &subjects(&statement.subject)?)?;
    if predicate.package_digest != files.package_digest() {
        return Err(PackageSignatureError::PackageDigest);
    }
    Ok(VerifiedSignature { key_id: signed.key_id, predicate })
}

fn expect_type(expected: &'static str, found: &str) -> Result<(), PackageSignatureError> {
    if found == expected {
        return Ok(());
    }
    Err(PackageSignatureError::StatementType { expected, found: found.chars().take(128).collect() })
}

fn subjects(subjects: &[Subject]) -> Result<BTreeMap<&str, Sha256Hex>, PackageSignatureError> {
    if subjects.len() > PACKAGE_FILES_MAX {
        return Err(PackageSignatureError::TooManySubjects);
    }
    let mut signed = BTreeMap::new();
    for subject in subjects {
        let Some(digest) = subject.sha256_digest() else {
            return Err(PackageSignatureError::NoDigest { path: subject.name.clone() });
        };
        if signed.insert(subject.name.as_str(), digest).is_some() {
            return Err(PackageSignatureError::DuplicateSubject { path: subject.name.clone() });
        }
    }
    Ok(signed)
}

fn compare(files: &FileDigests, signed: &BTreeMap<&str, Sha256Hex>) -> Result<(), PackageSignatureError> {
    let present: BTreeMap<&str, Sha256Hex> = files.iter().collect();
    let paths: BTreeSet<&str> = present.keys().chain(signed.keys()).copied().collect();
    for path in paths {
        let path_owned = || path.to_owned();
        match (present.get(path), signed.get(path)) {
            (Some(here), Some(there)) if here == there => {}
            (Some(_), Some(_)) => return Err(PackageSignatureError::ChangedFile { path: path_owned() }),
            (Some(_), None) => return Err(PackageSignatureError::ExtraFile { path: path_owned() }),
            (None, _) => return Err(PackageSignatureError::MissingFile { path: path_owned() }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use serde_json::{Value, json};

    fn key() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    type Files = BTreeMap<&'static str, Vec<u8>>;

    fn files() -> Files {
        [("PLUGIN_MANIFEST.json", b"{}".to_vec()), ("a/b.wasm", b"code".to_vec()), (SIGNATURE_FILE, b"x".to_vec())]
            .into()
    }

    fn digests(files: &Files) -> FileDigests {
        FileDigests::of_files(files.iter().map(|(path, bytes)| (*path, bytes.as_slice())))
    }

    fn verify(files: &FileDigests, envelope: &[u8]) -> Result<VerifiedSignature, PackageSignatureError> {
        verify_package_signature(files, envelope, &[key().public()])
    }

    fn signed() -> Vec<u8> {
        sign_package(&digests(&files()), &"text-stats".parse().unwrap(), &Version::new(1, 2, 3), &key())
    }

    #[test]
    fn package_digest_is_the_hash_of_path_to_sha256() {
        let expect = json!({
            "PLUGIN_MANIFEST.json": Sha256Hex::of(b"{}").to_string(), "a/b.wasm": Sha256Hex::of(b"code").to_string()
        });
        assert_eq!(digests(&files()).package_digest(), omega_contract::hash(&expect).unwrap());
    }

    #[test]
    fn exactly_the_signed_files_verify() {
        let verified = verify(&digests(&files()), &signed()).unwrap();
        assert_eq!(verified.key_id, key().public().key_id());
        assert_eq!(verified.predicate.plugin_id.as_str(), "text-stats");
        assert_eq!(verified.predicate.version, Version::new(1, 2, 3));

        let check = |change: &dyn Fn(&mut Files), expect: &str| {
            let mut files = files();
            change(&mut files);
            let error = verify(&digests(&files), &signed()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::PackageDigestMismatch);
            assert_eq!(error.to_string(), expect);
        };
        check(&|f| drop(f.insert("c", vec![])), r#"the file "c" is in the package but not in its signature"#);
        check(&|f| drop(f.remove("a/b.wasm")), r#"the file "a/b.wasm" is in the signature but not in the package"#);
        check(&|f| f.get_mut("a/b.wasm").unwrap().push(0), r#"the file "a/b.wasm" is not the one that was signed"#);
    }

    /// Signs a changed statement with the trusted key: what a confused signer could make.
    fn check_statement(change: impl Fn(&mut Value), code: ErrorCode, expect: &str) {
        let envelope = Envelope::parse(&signed(), SIGNATURE_BYTES_MAX).unwrap();
        let payload = base64::engine::general_purpose::STANDARD.decode(envelope.payload).unwrap();
        let mut statement: Value = serde_json::from_slice(&payload).unwrap();
        change(&mut statement);
        let envelope = Envelope::sign(IN_TOTO_PAYLOAD_TYPE, statement.to_string().as_bytes(), &[&key()]);
        let error = verify(&digests(&files()), &envelope.to_bytes()).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert_eq!(error.code(), code, "{error}");
    }

    #[test]
    fn a_statement_must_be_a_package_s_and_agree_with_itself() {
        let invalid = ErrorCode::SignatureInvalid;
        check_statement(|s| s["_type"] = json!("https://in-toto.io/Statement/v0.1"), invalid, "statement is");
        check_statement(|s| s["predicateType"] = json!("https://slsa.dev/provenance/v1"), invalid, "statement is");
        check_statement(|s| s["predicate"]["extra"] = json!(1), invalid, "which package");
        check_statement(|s| s["predicate"] = json!({}), invalid, "which package");
        check_statement(|s| drop(s.as_object_mut().unwrap().remove("subject")), invalid, "not an in-toto statement");
        check_statement(
            |s| s["predicate"]["package_digest"] = json!(Sha256Hex::of(b"other")),
            ErrorCode::PackageDigestMismatch,
            "package digest",
        );
        let again = |s: &mut Value| {
            let first = s["subject"][0].clone();
            s["subject"].as_array_mut().unwrap().push(first);
        };
        check_statement(again, invalid, "twice");
        check_statement(|s| s["subject"][0]["digest"] = json!({"sha512": "00"}), invalid, "without a SHA-256");
        check_statement(|s| s["subject"][0]["digest"]["sha256"] = json!("AB"), invalid, "without a SHA-256");
        let many =
            |s: &mut Value| s["subject"] = (0..=PACKAGE_FILES_MAX).map(|_| json!({"name": "", "digest": {}})).collect();
        check_statement(many, invalid, "more than 4096");
    }

    #[test]
    fn envelopes_by_nobody_known_or_of_nothing() {
        let digests = digests(&files());
        let code = |envelope: &[u8]| verify(&digests, envelope).unwrap_err().code();
        let stranger = SecretKey::from_seed([2; 32]);
        let by_stranger = sign_package(&digests, &"text-stats".parse().unwrap(), &Version::new(1, 2, 3), &stranger);
        assert_eq!(code(&by_stranger), ErrorCode::KeyUntrusted);
        assert_eq!(code(b""), ErrorCode::SignatureInvalid);
        assert_eq!(code(b"[]"), ErrorCode::SignatureInvalid);
        assert_eq!(
            code(br#"{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[]}"#),
            ErrorCode::SignatureMissing
        );
        let other_type = Envelope::sign("application/json", b"{}", &[&key()]);
        assert_eq!(code(&other_type.to_bytes()), ErrorCode::SignatureInvalid);
    }
}
