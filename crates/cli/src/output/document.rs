//! JSON for programs: sorted keys, no control character, one line break at the end.

use omega_gateway::contract::canonical_bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::untrusted;
use crate::fault::Fault;

/// An indented document.
pub(super) fn pretty(value: &impl Serialize) -> Result<String, Fault> {
    let value = serde_json::to_value(value).map_err(|error| Fault::unwritable(&error))?;
    let text = serde_json::to_string_pretty(&sorted(value)).map_err(|error| Fault::unwritable(&error))?;
    Ok(format!("{}\n", untrusted::json(&text)))
}

/// A document on one line.
pub(super) fn line(value: &impl Serialize) -> Result<String, Fault> {
    let bytes = canonical_bytes(value).map_err(|error| Fault::unwritable(&error))?;
    Ok(format!("{}\n", untrusted::json(&String::from_utf8_lossy(&bytes))))
}

/// The same value with the keys of every object in order, however the map keeps them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        #[derive(Serialize)]
        struct Unsorted {
            z: u8,
            a: Vec<Inner>,
        }
        #[derive(Serialize)]
        struct Inner {
            y: u8,
            b: u8,
        }
        let value = Unsorted { z: 1, a: vec![Inner { y: 2, b: 3 }] };
        assert_eq!(line(&value).unwrap(), "{\"a\":[{\"b\":3,\"y\":2}],\"z\":1}\n");
        let text: String = pretty(&value).unwrap().split_whitespace().collect();
        assert_eq!(text, "{\"a\":[{\"b\":3,\"y\":2}],\"z\":1}");
    }
}
