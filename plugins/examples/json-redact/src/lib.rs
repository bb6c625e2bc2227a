//! `json-redact`: JSON in, the same JSON out without what should not be passed on: e-mail addresses, phone numbers, card
//! numbers, IBANs, and whatever stands under a key that is named like a secret. In doubt it redacts too much.

mod document;
mod finding;
mod key;
mod rules;
mod scan;
#[cfg(test)]
mod tests;

use finding::Counts;
use omega_plugin::{Json, JsonPayload, Refusal, Reply, plugin};
use serde::Serialize;
use serde_json::{Map, Value};

/// The document without what was found in it.
#[derive(Serialize)]
struct Redacted {
    document: Map<String, Value>,
    counts: Counts,
    total: u64,
}

impl JsonPayload for Redacted {
    const SCHEMA_REF: &'static str = "omega:json-redact:output:redacted:v1.0.0";
}

/// Redacts a document.
///
/// # Errors
/// Only what the SDK declines: another kind of payload, data that is no JSON object.
#[plugin]
fn handle(input: Json<Map<String, Value>>) -> Result<Reply<Json<Redacted>>, Refusal> {
    let mut counts = Counts::default();
    let document = document::redact(input.data, &mut counts);
    let total = counts.total();
    let notes = match total {
        0 => "nothing to redact".to_owned(),
        1 => "1 value redacted".to_owned(),
        _ => format!("{total} values redacted"),
    };
    Ok(Reply::new(Json::new(Redacted { document, counts, total })).with_notes(notes))
}
