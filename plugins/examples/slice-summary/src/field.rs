//! The summary of one field, built value by value.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;
use serde_json::Value;

/// How many different values of a field are counted one by one. Beyond, the field is no category and has no top values.
pub(crate) const COUNTED_VALUES_MAX: usize = 1_000;

/// How many of the most frequent values are listed, and how much of each, in characters.
const TOP_VALUES_MAX: usize = 5;
const VALUE_CHARS_MAX: usize = 60;

/// How many values of each JSON type a field has.
#[derive(Debug, Default, Serialize)]
struct Types {
    null: u64,
    boolean: u64,
    number: u64,
    string: u64,
    array: u64,
    object: u64,
}

#[derive(Debug, Serialize)]
struct Range {
    min: f64,
    max: f64,
    mean: f64,
    #[serde(skip)]
    count: f64,
}

#[derive(Debug, Serialize)]
struct Lengths {
    min: u64,
    max: u64,
}

/// A value and how often it occurs.
#[derive(Debug, Serialize)]
struct TopValue {
    value: String,
    count: u64,
}

/// The summary of one field.
#[derive(Debug, Serialize)]
pub(crate) struct Field {
    name: String,
    /// Rows that do not have the field at all.
    missing: u64,
    types: Types,
    /// Different values that are strings, numbers or booleans; `null` where there are too many to count.
    distinct: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lengths: Option<Lengths>,
    /// The most frequent values, most frequent first, then alphabetically.
    top_values: Vec<TopValue>,
    #[serde(skip)]
    counted: Option<BTreeMap<String, u64>>,
    #[serde(skip)]
    present: u64,
}

impl Field {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            missing: 0,
            types: Types::default(),
            distinct: None,
            range: None,
            lengths: None,
            top_values: Vec::new(),
            counted: Some(BTreeMap::new()),
            present: 0,
        }
    }

    pub(crate) fn add(&mut self, value: Value) {
        self.present += 1;
        match value {
            Value::Null => self.types.null += 1,
            Value::Array(_) => self.types.array += 1,
            Value::Object(_) => self.types.object += 1,
            Value::Bool(value) => {
                self.types.boolean += 1;
                self.count(value.to_string());
            }
            Value::Number(number) => {
                self.types.number += 1;
                if let Some(value) = number.as_f64() {
                    self.measure(value);
                }
                self.count(number.to_string());
            }
            Value::String(text) => {
                self.types.string += 1;
                let length = text.chars().count() as u64;
                let lengths = self.lengths.get_or_insert(Lengths { min: length, max: length });
                lengths.min = lengths.min.min(length);
                lengths.max = lengths.max.max(length);
                self.count(text);
            }
        }
    }

    /// The mean is kept as a share of each value, so that no sum of large ones overflows.
    fn measure(&mut self, value: f64) {
        let range = self.range.get_or_insert(Range { min: value, max: value, mean: 0.0, count: 0.0 });
        range.min = range.min.min(value);
        range.max = range.max.max(value);
        range.count += 1.0;
        range.mean += value / range.count - range.mean / range.count;
    }

    fn count(&mut self, value: String) {
        let Some(counted) = &mut self.counted else { return };
        *counted.entry(value).or_insert(0) += 1;
        if counted.len() > COUNTED_VALUES_MAX {
            self.counted = None;
        }
    }

    /// The field with its counts settled, given how many rows there were.
    pub(crate) fn finish(mut self, rows: u64) -> Self {
        self.missing = rows - self.present;
        let Some(counted) = self.counted.take() else { return self };
        self.distinct = Some(counted.len() as u64);
        let mut entries: Vec<(String, u64)> = counted.into_iter().collect();
        // A stable sort keeps the map's alphabetical order among equals.
        entries.sort_by_key(|(_, count)| Reverse(*count));
        entries.truncate(TOP_VALUES_MAX);
        self.top_values =
            entries.into_iter().map(|(value, count)| TopValue { value: shortened(value), count }).collect();
        self
    }
}

fn shortened(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(VALUE_CHARS_MAX) {
        value.truncate(end);
        value.push('…');
    }
    value
}
