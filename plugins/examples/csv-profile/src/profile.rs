//! Reads a file record by record into the summaries of its columns.

use std::io::{self, BufRead};

use csv::{ReaderBuilder, StringRecord};
use omega_plugin::{JsonPayload, Refusal};
use serde::Serialize;

use crate::{
    column::Column,
    dialect::{delimiter, is_header},
};

/// How many columns are summarised; a file with more is another thing than a table.
pub(crate) const COLUMNS_MAX: usize = 512;

/// What is in a CSV file.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    /// What separates fields.
    delimiter: String,
    /// Whether the first record names the columns. If not, they are `column_1` and so on.
    has_header: bool,
    /// Records, without the header.
    rows: u64,
    /// Records with fewer or more fields than the first one.
    ragged_rows: u64,
    columns: Vec<Column>,
}

impl JsonPayload for Profile {
    const SCHEMA_REF: &'static str = "omega:csv-profile:output:profile:v1.0.0";
}

impl Profile {
    /// The profile of a file. The reader's own buffer is the sample that the delimiter is told from.
    pub(crate) fn read(mut file: impl BufRead) -> Result<Self, Refusal> {
        let delimiter = delimiter(file.fill_buf()?);
        let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(file);
        let mut record = StringRecord::new();
        if !read_record(&mut reader, &mut record)? {
            return Err(Refusal::new("empty", "the file has no records"));
        }
        if record.len() > COLUMNS_MAX {
            let message =
                format!("the file has {} columns, this plugin summarises at most {COLUMNS_MAX}", record.len());
            return Err(Refusal::new("too_many_columns", message));
        }
        let has_header = is_header(&record);
        let mut profile = Self {
            delimiter: char::from(delimiter).to_string(),
            has_header,
            rows: 0,
            ragged_rows: 0,
            columns: columns(&record, has_header),
        };
        if !has_header {
            profile.add(&record);
        }
        while read_record(&mut reader, &mut record)? {
            profile.add(&record);
        }
        profile.columns = profile.columns.into_iter().map(Column::finish).collect();
        Ok(profile)
    }

    fn add(&mut self, record: &StringRecord) {
        self.rows += 1;
        self.ragged_rows += u64::from(record.len() != self.columns.len());
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.add(record.get(at).unwrap_or_default());
        }
    }
}

fn columns(first: &StringRecord, has_header: bool) -> Vec<Column> {
    let names = first
        .iter()
        .zip(1..)
        .map(|(field, number)| if has_header { field.trim().to_owned() } else { format!("column_{number}") });
    names.map(Column::new).collect()
}

/// Reads the next record, unless the file is at its end. The `csv` crate drops a byte order mark itself.
fn read_record<R: io::Read>(reader: &mut csv::Reader<R>, record: &mut StringRecord) -> Result<bool, Refusal> {
    reader.read_record(record).map_err(|error| {
        let line = error.position().map(csv::Position::line).unwrap_or_default();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            csv::ErrorKind::Utf8 { .. } => Refusal::new("not_utf8", format!("line {line} is not UTF-8")),
            // The other causes belong to headers, seeking and serde, none of which is used here.
            _ => Refusal::new(Refusal::UNREADABLE, format!("line {line} cannot be read")),
        }
    })
}
