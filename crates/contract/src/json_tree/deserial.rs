//! A tree read as a type, through serde.
//!
//! What never happens here: an array taken for a struct. What serde derives takes one, field by field without their
//! names, and no document of the contract says so.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};

use super::{JsonKind, JsonNode, JsonNumber, NEWTYPE_OF_DATA};

impl<'de> IntoDeserializer<'de, serde_json::Error> for JsonNode<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> JsonNode<'de> {
    /// An object: where members have names, nothing else has them. Some visitors take null for an empty object, an array for its members.
    fn by_name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        let found = match self.kind() {
            JsonKind::Object(_) => return self.deserialize_any(visitor),
            JsonKind::Array(_) => Unexpected::Seq,
            JsonKind::Null => Unexpected::Unit,
            JsonKind::Bool(value) => Unexpected::Bool(value),
            JsonKind::Number(JsonNumber::Integer(value)) => Unexpected::Signed(value),
            JsonKind::Number(JsonNumber::Float(value)) => Unexpected::Float(value),
            JsonKind::Text(text) => Unexpected::Str(text),
        };
        Err(serde_json::Error::invalid_type(found, &visitor))
    }
}

impl<'de> Deserializer<'de> for JsonNode<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.kind() {
            JsonKind::Null => visitor.visit_unit(),
            JsonKind::Bool(value) => visitor.visit_bool(value),
            JsonKind::Number(JsonNumber::Integer(value)) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(value),
            },
            JsonKind::Number(JsonNumber::Float(value)) => visitor.visit_f64(value),
            JsonKind::Text(text) => visitor.visit_borrowed_str(text),
            JsonKind::Array(items) => {
                let mut items = SeqDeserializer::new(items.iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            JsonKind::Object(members) => {
                let mut members = MapDeserializer::new(members.iter());
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.by_name(visitor)
    }

    /// What is in a variant with named fields comes through here too.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.by_name(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if let JsonKind::Null = self.kind() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.kind() {
            JsonKind::Object(_) if name == NEWTYPE_OF_DATA => visitor.visit_string(self.canonical_text()),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.kind() {
            JsonKind::Text(text) => visitor.visit_enum(text.into_deserializer()),
            JsonKind::Object(members) if members.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(members.iter())))
            }
            JsonKind::Object(_) => Err(Self::Error::invalid_value(Unexpected::Map, &"an object with one member")),
            _ => Err(Self::Error::custom("is neither a text nor an object")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}
