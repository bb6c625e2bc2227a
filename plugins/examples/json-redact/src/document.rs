//! Walks a document. Its shape stays, except that a value under a secret's key becomes one string.

use serde_json::{Map, Value};

use crate::{
    finding::{Counts, Finding},
    key, rules, scan,
};

/// The object with everything redacted, its keys included.
pub(crate) fn redact(object: Map<String, Value>, counts: &mut Counts) -> Map<String, Value> {
    let mut redacted = Map::new();
    for (name, value) in object {
        let value = if key::names_a_secret(&name) { secret(value, counts) } else { redact_value(value, counts) };
        let name = scan::redact(&name, counts).unwrap_or(name);
        redacted.insert(unused(&redacted, name), value);
    }
    redacted
}

/// Two addresses as keys both become `[email]`; the second is told apart by a number, so that its value is not lost.
fn unused(object: &Map<String, Value>, name: String) -> String {
    if !object.contains_key(&name) {
        return name;
    }
    let numbered = |number: u64| format!("{name} ({number})");
    let mut number = 2;
    while object.contains_key(&numbered(number)) {
        number += 1;
    }
    numbered(number)
}

/// A secret's value is gone whatever it is. `null`, `true` and `false` stay: there is nothing in them to keep.
fn secret(value: Value, counts: &mut Counts) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => found(Finding::Secret, counts),
    }
}

fn redact_value(value: Value, counts: &mut Counts) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(ref number) => match number.as_u64() {
            Some(digits) if rules::card::is_card(&digits.to_string()) => found(Finding::Card, counts),
            _ => value,
        },
        Value::String(text) => Value::String(scan::redact(&text, counts).unwrap_or(text)),
        Value::Array(items) => items.into_iter().map(|item| redact_value(item, counts)).collect(),
        Value::Object(object) => Value::Object(redact(object, counts)),
    }
}

fn found(finding: Finding, counts: &mut Counts) -> Value {
    counts.add(finding);
    Value::String(finding.mark().to_owned())
}
