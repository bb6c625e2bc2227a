//! What can be wrong with a file that is offered as a dataset: one variant per cause, with its line.

use omega_contract::strict_json::JsonError;

use super::{KEY_BYTES_MAX, KEY_FIELD_BYTES_MAX, ROW_BYTES_MAX};

/// Why a file cannot be a dataset. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetFault {
    /// One line is wrong.
    #[error("line {line}: {fault}")]
    Line {
        /// From 1; of a row over several lines, the first, or where the fault was seen.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Two rows have one key.
    #[error("line {line}: the key {shown:?} is that of line {first_line} already")]
    DuplicateKey {
        /// The later row.
        line: u64,
        /// The earlier row.
        first_line: u64,
        /// The beginning of the key.
        shown: String,
    },
    /// A CSV file without a first line.
    #[error("there is no header line")]
    NoHeader,
    /// Two columns have one name.
    #[error("the header names the column {shown:?} twice")]
    DuplicateColumn {
        /// The beginning of the name.
        shown: String,
    },
    /// A column has no name.
    #[error("column {column} has no name in the header")]
    UnnamedColumn {
        /// From 1.
        column: usize,
    },
    /// The key field is none of the columns.
    #[error("the header has no column {shown:?}, which is to be the key")]
    NoKeyColumn {
        /// The beginning of its name.
        shown: String,
    },
    /// The key field's name is longer than it may be.
    #[error("the name of the key field has more than {KEY_FIELD_BYTES_MAX} bytes")]
    KeyFieldTooLong,
    /// Not a single row.
    #[error("there are no rows")]
    NoRows,
    /// More rows than a dataset may have.
    #[error("more than {rows_max} rows")]
    TooManyRows {
        /// The limit.
        rows_max: u64,
    },
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Nothing on it.
    #[error("the line is empty")]
    Empty,
    /// Longer than a row may be.
    #[error("the row has more than {ROW_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8 (byte {offset} of the row); save the file as UTF-8")]
    NotUtf8 {
        /// From the start of the row, or of the field of a CSV file.
        offset: usize,
    },
    /// A byte order mark before JSON.
    #[error("the file starts with a byte order mark; save it as UTF-8 without one")]
    ByteOrderMark,
    /// Not JSON that the contract takes.
    #[error("{0}")]
    Json(JsonError),
    /// JSON, but no object.
    #[error("a row must be a JSON object")]
    NotObject,
    /// The row lacks the key field.
    #[error("the row has no key field")]
    KeyMissing,
    /// The key field is neither a string nor an integer.
    #[error("the key must be a string or an integer")]
    KeyNotText,
    /// The key is the empty string.
    #[error("the key is empty")]
    KeyEmpty,
    /// The key is too long.
    #[error("the key has more than {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
    /// A CSV row with more or fewer fields than the header.
    #[error("{found} fields where the header has {expected}")]
    FieldCount {
        /// The header's.
        expected: u64,
        /// The row's.
        found: u64,
    },
    /// A quote inside a field that did not start with one.
    #[error("a quote inside an unquoted field; quote the field and double the quote")]
    StrayQuote,
    /// Something between a closing quote and the next comma.
    #[error("text after a closing quote; double a quote that belongs to the field")]
    TextAfterQuote,
    /// A quoted field that never ends.
    #[error("a quoted field that starts here is never closed")]
    UnclosedQuote,
    /// A carriage return that no line feed follows.
    #[error("a carriage return without a line feed outside quotes")]
    LoneCarriageReturn,
}

impl LineFault {
    pub(crate) fn at(self, line: u64) -> DatasetFault {
        DatasetFault::Line { line, fault: self }
    }
}
