//! The OpenAPI document: the golden copy, and that it says what the server does.

use std::path::Path;

use serde_json::Value;

/// Writes the golden copy anew where this is set.
const WRITE: &str = "OMEGA_WRITE_OPENAPI";

#[test]
fn the_golden_copy_is_current() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let served = omega_server::http::openapi_document();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&golden, served).unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap_or_default()).unwrap_or_default();
    let served: Value = serde_json::from_str(served).unwrap();
    assert!(
        golden == served,
        "docs/openapi.json is old; `{WRITE}=1 cargo test -p omega-server --test it` writes it anew"
    );
}
