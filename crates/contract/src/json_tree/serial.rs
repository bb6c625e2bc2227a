//! A tree through serde, as the `serde_json` tree of the same value would go.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{JsonKind, JsonNode, JsonNumber};

impl Serialize for JsonNode<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.kind() {
            JsonKind::Null => serializer.serialize_unit(),
            JsonKind::Bool(value) => serializer.serialize_bool(value),
            JsonKind::Number(JsonNumber::Integer(value)) => serializer.serialize_i64(value),
            JsonKind::Number(JsonNumber::Float(value)) => serializer.serialize_f64(value),
            JsonKind::Text(text) => serializer.serialize_str(text),
            JsonKind::Array(items) => serializer.collect_seq(items.iter()),
            JsonKind::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, member) in members.iter() {
                    map.serialize_entry(name, &member)?;
                }
                map.end()
            }
        }
    }
}
