//! Whom the operator trusts to sign what. What never happens here: believing a name without its key.

use omega_contract::{ErrorCode, Manifest, TrustedKey, glob_matches};
use omega_proof::dsse::DsseError;
use omega_proof::key::PublicKey;
use omega_proof::package::{FileDigests, PackageSignatureError, VerifiedSignature, verify_package_signature};

use crate::refusal::Refusal;

/// Verifies that a key which may sign this plugin signed exactly these files.
pub(super) fn verify(
    files: &FileDigests,
    envelope: &[u8],
    manifest: &Manifest,
    trust: &[TrustedKey],
) -> Result<VerifiedSignature, Refusal> {
    let keys = usable(trust);
    let allowed: Vec<&PublicKey> =
        keys.iter().filter(|(entry, _)| narrowing(entry, manifest).is_none()).map(|(_, key)| key).collect();
    let error = match verify_package_signature(files, envelope, &allowed) {
        Ok(signature) => return agrees(signature, manifest),
        Err(error) => error,
    };
    // A key that is trusted, but not for this: then that is what to say.
    if let PackageSignatureError::Dsse(DsseError::UnknownKey { .. }) = error {
        let all: Vec<&PublicKey> = keys.iter().map(|(_, key)| key).collect();
        if let Ok(signature) = verify_package_signature(files, envelope, &all) {
            let entry = keys.iter().find(|(entry, _)| entry.key_id == signature.key_id);
            if let Some(why) = entry.and_then(|(entry, _)| narrowing(entry, manifest)) {
                return Err(Refusal::new(ErrorCode::KeyUntrusted, format!("the key {} {why}", signature.key_id)));
            }
        }
    }
    Err(Refusal::new(error.code(), error.to_string()))
}

/// The keys that may speak of this plugin: those whose trust entry covers its id and what it asks for.
pub fn keys_that_cover(trust: &[TrustedKey], manifest: &Manifest) -> Vec<PublicKey> {
    let covering = usable(trust).into_iter().filter(|(entry, _)| narrowing(entry, manifest).is_none());
    covering.map(|(_, key)| key).collect()
}

/// The entries whose key can be read. One whose id is not that of its key is nobody's approval.
fn usable(trust: &[TrustedKey]) -> Vec<(&TrustedKey, PublicKey)> {
    trust
        .iter()
        .filter_map(|entry| Some((entry, PublicKey::from_pem(&entry.public_key_pem).ok()?)))
        .filter(|(entry, key)| entry.key_id == key.key_id())
        .collect()
}

/// Why a trust entry does not cover this plugin, if it does not.
fn narrowing(entry: &TrustedKey, manifest: &Manifest) -> Option<String> {
    let id = manifest.plugin_id.as_str();
    if !entry.plugins.is_empty() && !entry.plugins.iter().any(|glob| glob_matches(glob, id)) {
        return Some(format!("is trusted, but not for the plugin id {id} (only for {})", entry.plugins.join(", ")));
    }
    let most = entry.max_capabilities.as_ref()?;
    let beyond = manifest.capabilities.iter().find(|capability| !most.contains(capability))?;
    Some(format!("is trusted, but not for plugins that ask for {beyond}"))
}

/// The signed predicate must speak of the manifest that was signed with it.
fn agrees(signature: VerifiedSignature, manifest: &Manifest) -> Result<VerifiedSignature, Refusal> {
    let said = &signature.predicate;
    if said.plugin_id == manifest.plugin_id && said.version == manifest.version {
        return Ok(signature);
    }
    let message = format!(
        "the signature is for {}@{} and the manifest says {}@{}",
        said.plugin_id, said.version, manifest.plugin_id, manifest.version
    );
    Err(Refusal::new(ErrorCode::SignatureInvalid, message))
}
