//! Rows from CSV (RFC 4180): a header line, then one object of strings a record.

use std::collections::BTreeSet;
use std::io::Read;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::csv_form::StrictCsv;
use super::{DatasetFault, LineFault, SourceRow, SourceRows};
use crate::error::{StoreError, io_error, shown};

pub(crate) struct CsvRows<R> {
    reader: Reader<StrictCsv<R>>,
    columns: Vec<String>,
    record: ByteRecord,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header, which must name `key_field`.
    pub(crate) fn new(source: R, key_field: &str) -> Result<Self, StoreError> {
        let mut reader = ReaderBuilder::new().has_headers(false).from_reader(StrictCsv::new(source));
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(fault)? {
            return Err(DatasetFault::NoHeader.into());
        }
        let columns = record.iter().map(|name| text(name, 1)).collect::<Result<Vec<_>, _>>()?;
        check_columns(&columns, key_field)?;
        Ok(Self { reader, columns, record })
    }
}

impl<R: Read> SourceRows for CsvRows<R> {
    fn next_row(&mut self) -> Result<Option<SourceRow>, StoreError> {
        if !self.reader.read_byte_record(&mut self.record).map_err(fault)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let mut fields = Map::new();
        for (column, field) in self.columns.iter().zip(&self.record) {
            fields.insert(column.clone(), Value::String(text(field, line)?));
        }
        Ok(Some(SourceRow { line, fields }))
    }
}

fn text(field: &[u8], line: u64) -> Result<String, StoreError> {
    let text = std::str::from_utf8(field).map_err(|e| LineFault::NotUtf8 { offset: e.valid_up_to() }.at(line))?;
    Ok(text.to_owned())
}

fn check_columns(columns: &[String], key_field: &str) -> Result<(), DatasetFault> {
    let mut seen = BTreeSet::new();
    for (index, name) in columns.iter().enumerate() {
        if name.is_empty() {
            return Err(DatasetFault::UnnamedColumn { column: index + 1 });
        }
        if !seen.insert(name) {
            return Err(DatasetFault::DuplicateColumn { shown: shown(name) });
        }
    }
    if columns.iter().any(|name| name == key_field) {
        Ok(())
    } else {
        Err(DatasetFault::NoKeyColumn { shown: shown(key_field) })
    }
}

fn fault(error: csv::Error) -> StoreError {
    match error.into_kind() {
        ErrorKind::Io(error) => match error.downcast::<DatasetFault>() {
            Ok(fault) => fault.into(),
            Err(error) => io_error("read the dataset's file")(error),
        },
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map_or(0, |pos| pos.line());
            LineFault::FieldCount { expected: expected_len, found: len }.at(line).into()
        }
        other => io_error("read the dataset's file")(std::io::Error::other(format!("{other:?}"))),
    }
}
