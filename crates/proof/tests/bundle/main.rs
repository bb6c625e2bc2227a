//! Proof bundles from the outside: made, verified, and tampered with (spec page 3, "Proof bundle").
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../desk/mod.rs"]
mod desk;
mod keys;
mod sealed;
mod tamper;

use omega_contract::{ProofBundle, canonical_bytes};
use omega_proof::bundle::{BundleFault, BundleVerdict, verify_bundle};

/// What somebody says who trusts the log's first key.
fn verify(bundle: &ProofBundle) -> Result<BundleVerdict, BundleFault> {
    verify_bundle(&canonical_bytes(bundle).unwrap(), &[desk::Desk::vkey()], &[])
}
