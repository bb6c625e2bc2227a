//! Adding a dataset: every row is read, written in its canonical form and indexed, or nothing is kept.

use std::io::{BufReader, Read};

use omega_contract::{Sha256Hex, canonical_bytes, strict_json};
use serde_json::{Map, Value};

use super::csv_rows::CsvRows;
use super::index::{self, IndexEntry};
use super::ndjson_rows::NdjsonRows;
use super::store::{DatasetInfo, DatasetSource, DatasetStore};
use super::{DatasetFault, DatasetForm, KEY_FIELD_BYTES_MAX, LineFault, ROW_BYTES_MAX, SourceRow, SourceRows, row_key};
use crate::artifact::{ArtifactLabel, ArtifactWriter};
use crate::content::HashingReader;
use crate::error::{StoreError, io_error};
use crate::name::StoreName;
use crate::records::{self, Created};

const ROWS_MEDIA_TYPE: &str = "application/x-ndjson";
const INDEX_MEDIA_TYPE: &str = "application/vnd.omega.dataset-index";

impl DatasetStore {
    /// Reads a file as a dataset. Nothing is kept unless every row is right. The same rows under the same
    /// name again change nothing.
    ///
    /// # Errors
    /// [`StoreError::InvalidDataset`] with the line, [`StoreError::NameTaken`], [`StoreError::TooLarge`], [`StoreError::Io`].
    pub fn add(
        &self,
        name: &StoreName,
        file: impl Read,
        form: DatasetForm,
        key_field: &str,
    ) -> Result<DatasetInfo, StoreError> {
        if key_field.len() > KEY_FIELD_BYTES_MAX {
            return Err(DatasetFault::KeyFieldTooLong.into());
        }
        let mut file = HashingReader::new(file);
        let mut rows = self.artifacts.begin()?;
        let rows_max = self.artifacts.limits().dataset_rows_max;
        let mut entries = match form {
            DatasetForm::Ndjson => {
                gather(&mut NdjsonRows::new(BufReader::new(&mut file)), key_field, rows_max, &mut rows)?
            }
            DatasetForm::Csv => gather(&mut CsvRows::new(&mut file, key_field)?, key_field, rows_max, &mut rows)?,
        };
        if entries.is_empty() {
            return Err(DatasetFault::NoRows.into());
        }
        if let Err((first, second)) = index::sort(&mut entries) {
            return Err(duplicate_fault(rows, key_field, first, second)?.into());
        }
        let (digest, size_bytes) = file.finish();
        let made_from = DatasetSource { digest, form, size_bytes };
        self.keep(name, rows, &entries, key_field, made_from)
    }

    fn keep(
        &self,
        name: &StoreName,
        rows: ArtifactWriter<'_>,
        entries: &[IndexEntry],
        key_field: &str,
        made_from: DatasetSource,
    ) -> Result<DatasetInfo, StoreError> {
        let mut index = self.artifacts.begin()?;
        index::write(&mut index, entries)?;
        let (rows, index) = (rows.close()?, index.close()?);
        let info = DatasetInfo {
            name: name.clone(),
            digest: rows.digest(),
            index_digest: index.digest(),
            key_field: key_field.to_owned(),
            rows: entries.len() as u64,
            size_bytes: rows.size_bytes(),
            made_from,
        };
        // Before anything gets its final name: what is refused leaves nothing.
        if let Some(before) = self.read(name)? {
            require_same(&before, &info)?;
        }
        rows.keep(&labelled(ROWS_MEDIA_TYPE)?)?;
        index.keep(&labelled(INDEX_MEDIA_TYPE)?)?;
        match records::create(&self.artifacts.incoming(), &self.record_path(name), &info)? {
            Created::Now => Ok(info),
            Created::Before => match self.read(name)? {
                Some(before) => require_same(&before, &info).map(|()| before),
                None => Err(StoreError::NameTaken { name: name.to_string() }),
            },
        }
    }
}

/// The same rows, found by the same field, are the same dataset; the file they came from may differ.
fn require_same(before: &DatasetInfo, now: &DatasetInfo) -> Result<(), StoreError> {
    let of = |info: &DatasetInfo| (info.digest, info.index_digest, info.key_field.clone());
    if of(before) == of(now) { Ok(()) } else { Err(StoreError::NameTaken { name: now.name.to_string() }) }
}

fn labelled(media_type: &str) -> Result<ArtifactLabel, StoreError> {
    Ok(ArtifactLabel { name: None, media_type: Some(media_type.parse()?) })
}

/// Writes each row in its canonical form and notes where.
fn gather(
    source: &mut impl SourceRows,
    key_field: &str,
    rows_max: u64,
    rows: &mut ArtifactWriter<'_>,
) -> Result<Vec<IndexEntry>, StoreError> {
    let mut entries = Vec::new();
    while let Some(SourceRow { line, fields }) = source.next_row()? {
        if entries.len() as u64 == rows_max {
            return Err(DatasetFault::TooManyRows { rows_max }.into());
        }
        let key = row_key(&fields, key_field).map_err(|fault| fault.at(line))?;
        let mut text = canonical_bytes(&fields).map_err(|e| io_error("write a row")(e.into()))?;
        let length_bytes = u32::try_from(text.len()).ok().filter(|_| text.len() <= ROW_BYTES_MAX);
        entries.push(IndexEntry {
            key_hash: Sha256Hex::of(key.as_bytes()),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            offset_bytes: rows.size_bytes(),
            length_bytes: length_bytes.ok_or_else(|| LineFault::TooLong.at(line))?,
        });
        text.push(b'\n');
        rows.push(&text)?;
    }
    Ok(entries)
}

/// Reads the key of the second row back, so that the message can show it.
fn duplicate_fault(
    rows: ArtifactWriter<'_>,
    key_field: &str,
    first: IndexEntry,
    second: IndexEntry,
) -> Result<DatasetFault, StoreError> {
    let text = rows.read_back(second.offset_bytes, second.length_bytes as usize)?;
    let fields = strict_json::parse_as::<Map<String, Value>>(&text, ROW_BYTES_MAX as u64).unwrap_or_default();
    let key = row_key(&fields, key_field).unwrap_or_default();
    Ok(index::duplicate(first, second, &key))
}
