//! Verifier keys (C2SP signed-note, tlog-cosignature) as a command line names them.
//!
//! What never happens here: a key taken from the evidence that it is to verify.

use std::path::Path;
use std::str::FromStr;

use omega_proof::note::VkeyFault;

use crate::fault::Fault;
use crate::input;

/// Bytes of a file that holds a verifier key.
const VKEY_FILE_BYTES_MAX: u64 = 4 * 1024;

/// Keys, each given as its text or as a file that holds it.
pub(crate) fn all<K: FromStr<Err = VkeyFault>>(given: &[String]) -> Result<Vec<K>, Fault> {
    given.iter().map(|text| one(text)).collect()
}

/// A key, given as its text or as a file that holds it.
pub(crate) fn one<K: FromStr<Err = VkeyFault>>(text: &str) -> Result<K, Fault> {
    match text.parse() {
        Ok(key) => Ok(key),
        // A name and an id: it was meant as a key, and is a wrong one.
        Err(wrong) if text.matches('+').count() >= 2 && !Path::new(text).exists() => Err(unusable(wrong, text)),
        Err(_) => {
            let content = input::read_text(Path::new(text), VKEY_FILE_BYTES_MAX)?;
            content.strip_suffix('\n').unwrap_or(&content).parse().map_err(|wrong| unusable(wrong, text))
        }
    }
}

fn unusable(wrong: VkeyFault, given: &str) -> Fault {
    let hint = "A log's key is what `omega ledger key` prints; a witness's is handed out by whoever runs it.";
    Fault::new(wrong.code()).with("key", given).because(wrong).hint(hint)
}
