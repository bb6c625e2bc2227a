//! Rows from NDJSON: one JSON object a line, read strictly.

use std::io::{BufRead, Read as _};

use omega_contract::strict_json::{self, JsonError};
use serde_json::Value;

use super::{LineFault, ROW_BYTES_MAX, SourceRow, SourceRows};
use crate::error::{StoreError, io_error};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) struct NdjsonRows<R> {
    source: R,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> NdjsonRows<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, line: 0, buffer: Vec::new() }
    }

    /// The next line without its line feed, never more than one byte over the limit in memory.
    fn next_line(&mut self) -> Result<Option<&[u8]>, StoreError> {
        self.buffer.clear();
        // One for the line feed, one to see that it is too long.
        let bytes_max = ROW_BYTES_MAX as u64 + 2;
        let mut limited = self.source.by_ref().take(bytes_max);
        if limited.read_until(b'\n', &mut self.buffer).map_err(io_error("read the dataset's file"))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

impl<R: BufRead> SourceRows for NdjsonRows<R> {
    fn next_row(&mut self) -> Result<Option<SourceRow>, StoreError> {
        let outcome = match self.next_line()? {
            Some(text) => object(text),
            None => return Ok(None),
        };
        let line = self.line;
        match outcome {
            Ok(fields) => Ok(Some(SourceRow { line, fields })),
            Err(LineFault::Json(_)) if line == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) => {
                Err(LineFault::ByteOrderMark.at(line).into())
            }
            Err(fault) => Err(fault.at(line).into()),
        }
    }
}

fn object(text: &[u8]) -> Result<serde_json::Map<String, Value>, LineFault> {
    if text.len() > ROW_BYTES_MAX {
        return Err(LineFault::TooLong);
    }
    if text.trim_ascii().is_empty() {
        return Err(LineFault::Empty);
    }
    match strict_json::parse(text, ROW_BYTES_MAX as u64) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(LineFault::NotObject),
        Err(JsonError::NotUtf8 { offset }) => Err(LineFault::NotUtf8 { offset }),
        Err(error) => Err(LineFault::Json(error)),
    }
}
