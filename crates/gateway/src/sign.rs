//! Signing a package with a key of this machine.

use std::sync::Arc;

use omega_contract::manifest::{MANIFEST_FILE, SIGNATURE_FILE};
use omega_contract::{ErrorCode, Manifest};
use omega_proof::package::sign_package as sign;
use omega_validator::{PackageFiles, check_manifest};

use crate::error::GatewayError;
use crate::home::OperatorKey;

/// The signature envelope of a package: the content of `SIGNATURE.dsse.json` (DSSE over an in-toto
/// Statement v1 whose subjects are every file, spec page 2).
///
/// # Errors
/// `manifest_invalid` where the package has no manifest that can be read: nobody should sign what has
/// no name. Other faults do not hinder signing; registration will tell them.
pub fn sign_package(files: &PackageFiles, key: &OperatorKey) -> Result<Vec<u8>, GatewayError> {
    let manifest = readable_manifest(files)?;
    Ok(sign(&files.digests(), &manifest.plugin_id, &manifest.version, key.secret()))
}

/// The manifest, where it can be read.
pub(crate) fn readable_manifest(files: &PackageFiles) -> Result<Manifest, GatewayError> {
    let invalid = |message: String| GatewayError::new(ErrorCode::ManifestInvalid, message);
    let bytes = files.get(MANIFEST_FILE).ok_or_else(|| invalid(format!("the package has no {MANIFEST_FILE}")))?;
    let check = check_manifest(bytes);
    check.manifest.ok_or_else(|| {
        let first = check.issues.first().map(|issue| format!("{}: {}", issue.field, issue.message));
        invalid(first.unwrap_or_else(|| "the manifest could not be read".to_owned()))
    })
}

/// The package with its signature in it, in place of any that was there.
///
/// # Errors
/// As [`sign_package`].
pub fn signed_package(files: PackageFiles, key: &OperatorKey) -> Result<PackageFiles, GatewayError> {
    let envelope: Arc<[u8]> = Arc::from(sign_package(&files, key)?);
    let others = files.iter().filter(|(path, _)| *path != SIGNATURE_FILE);
    let all = others.map(|(path, bytes)| (path.to_owned(), Arc::clone(bytes)));
    PackageFiles::new(all.chain([(SIGNATURE_FILE.to_owned(), envelope)]))
        .map_err(|error| GatewayError::new(error.code(), error.to_string()))
}
