//! Datasets: named, immutable tables of JSON objects with a key, read row by row (spec page 2, `dataset_slice`).
//!
//! A dataset is kept as two artifacts: its rows as canonical JSON lines, whatever the form they came in,
//! and an index from keys to byte ranges. What never happens here: reading through the rows to find one,
//! or a row served whose bytes were not hashed.

mod add;
mod csv_form;
mod csv_rows;
mod fault;
mod index;
mod ndjson_rows;
mod slice;
mod store;

use serde_json::{Map, Value};

pub use fault::{DatasetFault, LineFault};
pub use index::RowPlace;
pub use slice::{SLICE_ANSWER_BYTES_MAX, Slice};
pub use store::{Dataset, DatasetInfo, DatasetPage, DatasetSource, DatasetStore};

use crate::error::StoreError;

/// Rows of a dataset, unless [`crate::StoreLimits`] says otherwise. Adding one keeps 48 bytes for each row in memory, reading one keeps none.
pub const DATASET_ROWS_MAX: u64 = 4_000_000;
/// Bytes of one row, both as it comes in and as canonical JSON.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a row's key.
pub const KEY_BYTES_MAX: usize = 1024;

/// Bytes of the name of the key field.
pub const KEY_FIELD_BYTES_MAX: usize = 1024;

/// In which form a file's rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetForm {
    /// One JSON object a line, read strictly (contract's `strict_json`).
    Ndjson,
    /// RFC 4180 with a header line, UTF-8; every field is a string.
    Csv,
}

/// A row as it was read, with the line of the file on which it starts, from 1.
pub(crate) struct SourceRow {
    pub(crate) line: u64,
    pub(crate) fields: Map<String, Value>,
}

/// Gives the rows of a file one after the other.
pub(crate) trait SourceRows {
    fn next_row(&mut self) -> Result<Option<SourceRow>, StoreError>;
}

/// The key of a row: the text of its key field, or the digits of an integer.
pub(crate) fn row_key(fields: &Map<String, Value>, key_field: &str) -> Result<String, LineFault> {
    let key = match fields.get(key_field) {
        None => return Err(LineFault::KeyMissing),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        Some(_) => return Err(LineFault::KeyNotText),
    };
    match key.len() {
        0 => Err(LineFault::KeyEmpty),
        length if length > KEY_BYTES_MAX => Err(LineFault::KeyTooLong),
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_texts_or_integers() {
        let check = |value: Value, expect: Result<&str, LineFault>| {
            let fields = json!({"id": value}).as_object().unwrap().clone();
            assert_eq!(row_key(&fields, "id"), expect.map(ToOwned::to_owned));
        };
        check(json!("a"), Ok("a"));
        check(json!("ключ 🦀"), Ok("ключ 🦀"));
        check(json!(7), Ok("7"));
        check(json!(-7), Ok("-7"));
        check(json!(7.5), Err(LineFault::KeyNotText));
        check(json!(-0.0), Err(LineFault::KeyNotText));
        check(json!(null), Err(LineFault::KeyNotText));
        check(json!(true), Err(LineFault::KeyNotText));
        check(json!(["a"]), Err(LineFault::KeyNotText));
        check(json!(""), Err(LineFault::KeyEmpty));
        let longest = "k".repeat(KEY_BYTES_MAX);
        check(json!(longest), Ok(&longest));
        check(json!("k".repeat(KEY_BYTES_MAX + 1)), Err(LineFault::KeyTooLong));
        assert_eq!(row_key(&Map::new(), "id"), Err(LineFault::KeyMissing));
    }
}
