//! What the tests of this room share: one log key, the same every time.

use std::sync::Arc;

use omega_proof::checkpoint::LogSigner;
use omega_proof::key::SecretKey;

/// The log key of every ledger that a test makes.
pub(crate) fn log_signer() -> Arc<LogSigner> {
    signer_of(7)
}

/// A key of the same log.
pub(crate) fn signer_of(seed: u8) -> Arc<LogSigner> {
    let origin = "example.com/test".parse().expect("an origin");
    Arc::new(LogSigner::new(origin, SecretKey::from_seed([seed; 32])))
}
