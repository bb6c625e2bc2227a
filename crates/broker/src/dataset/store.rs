//! Adding, describing, listing and opening datasets.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;

use omega_contract::payload::DatasetSlicePayload;
use omega_contract::{Sha256Hex, canonical_bytes, strict_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::csv_rows::CsvRows;
use super::index::{self, Index, IndexEntry, RowPlace};
use super::ndjson_rows::NdjsonRows;
use super::slice::Slice;
use super::{DATASET_ROWS_MAX, DatasetFault, DatasetForm, LineFault, ROW_BYTES_MAX, SourceRow, SourceRows, row_key};
use crate::artifact::{ArtifactLabel, ArtifactStore, ArtifactWriter, LIST_PAGE_MAX};
use crate::content::{HashingReader, VerifiedContent};
use crate::error::{StoreError, io_error, shown};
use crate::name::StoreName;
use crate::records::{self, Created};

const ROWS_MEDIA_TYPE: &str = "application/x-ndjson";
const INDEX_MEDIA_TYPE: &str = "application/vnd.omega.dataset-index";
const RECORD: &str = "a dataset";

/// A dataset of the home. This is also its record on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetInfo {
    /// Its name, which payloads give as `source`.
    pub name: StoreName,
    /// The artifact that holds its rows as canonical JSON lines: what the dataset is.
    pub digest: Sha256Hex,
    /// The artifact that holds its index.
    pub index_digest: Sha256Hex,
    /// The field that identifies a row.
    pub key_field: String,
    /// How many rows.
    pub rows: u64,
    /// Bytes of the rows' artifact.
    pub size_bytes: u64,
    /// The file it was made from, which is not kept.
    pub made_from: DatasetSource,
}

/// The file a dataset was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetSource {
    /// The SHA-256 of the file.
    pub digest: Sha256Hex,
    /// Its form.
    pub form: DatasetForm,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// A part of the list of datasets, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetPage {
    /// The datasets.
    pub datasets: Vec<DatasetInfo>,
    /// Where the next page starts: hand it to [`DatasetStore::list`] as `after`. None: this was the last.
    pub next_after: Option<StoreName>,
}

/// The datasets of one home. Its methods block on the file system.
#[derive(Debug)]
pub struct DatasetStore {
    artifacts: Arc<ArtifactStore>,
}

impl DatasetStore {
    /// The datasets whose content lies in `artifacts`.
    pub fn new(artifacts: Arc<ArtifactStore>) -> Self {
        Self { artifacts }
    }

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
        let mut file = HashingReader::new(file);
        let mut rows = self.artifacts.begin()?;
        let mut entries = Vec::new();
        match form {
            DatasetForm::Ndjson => {
                gather(&mut NdjsonRows::new(BufReader::new(&mut file)), key_field, &mut rows, &mut entries)?;
            }
            DatasetForm::Csv => gather(&mut CsvRows::new(&mut file, key_field)?, key_field, &mut rows, &mut entries)?,
        }
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
        // Before anything is stored under its final name: a taken name is the likeliest mistake here.
        let taken = || StoreError::NameTaken { name: name.to_string() };
        let before = self.read(name)?;
        let mut index = self.artifacts.begin()?;
        index::write(&mut index, entries)?;
        if before.as_ref().is_some_and(|before| before.key_field != key_field) {
            return Err(taken());
        }
        let rows = rows.finish(&labelled(ROWS_MEDIA_TYPE)?)?;
        let index = index.finish(&labelled(INDEX_MEDIA_TYPE)?)?;
        let info = DatasetInfo {
            name: name.clone(),
            digest: rows.digest,
            index_digest: index.digest,
            key_field: key_field.to_owned(),
            rows: entries.len() as u64,
            size_bytes: rows.size_bytes,
            made_from,
        };
        match records::create(&self.artifacts.incoming(), &self.record_path(name), &info)? {
            Created::Now => Ok(info),
            Created::Before => match self.read(name)? {
                Some(before) if before.digest == info.digest && before.key_field == key_field => Ok(before),
                _ => Err(taken()),
            },
        }
    }

    /// What is known of a dataset.
    ///
    /// # Errors
    /// [`StoreError::UnknownDataset`], [`StoreError::RecordDamaged`], [`StoreError::Io`].
    pub fn describe(&self, name: &str) -> Result<DatasetInfo, StoreError> {
        let unknown = || StoreError::UnknownDataset { shown: shown(name) };
        let parsed: StoreName = name.parse().map_err(|_| unknown())?;
        self.read(&parsed)?.ok_or_else(unknown)
    }

    /// A page of at most `count_max` (and [`LIST_PAGE_MAX`]) datasets whose name is greater than `after`.
    ///
    /// # Errors
    /// [`StoreError::RecordDamaged`], [`StoreError::Io`].
    pub fn list(&self, after: Option<&StoreName>, count_max: usize) -> Result<DatasetPage, StoreError> {
        let count_max = count_max.clamp(1, LIST_PAGE_MAX);
        let folder = self.artifacts.dataset_records();
        let mut page = BTreeMap::new();
        for entry in std::fs::read_dir(&folder).map_err(io_error("list the datasets"))? {
            let path = entry.map_err(io_error("list the datasets"))?.path();
            let Some(info) = records::read::<DatasetInfo>(&path, RECORD)? else { continue };
            if after.is_none_or(|after| info.name > *after) {
                page.insert(info.name.clone(), info);
            }
            if page.len() > count_max + 1 {
                page.pop_last();
            }
        }
        let more = page.len() > count_max;
        let datasets: Vec<_> = page.into_values().take(count_max).collect();
        let next_after = if more { datasets.last().map(|last| last.name.clone()) } else { None };
        Ok(DatasetPage { datasets, next_after })
    }

    /// Opens a dataset for reading rows. Rows and index are hashed as a whole the first time in this process.
    ///
    /// # Errors
    /// As [`DatasetStore::describe`], and [`StoreError::HashMismatch`].
    pub fn open(&self, name: &str) -> Result<Dataset, StoreError> {
        let info = self.describe(name)?;
        let index = Index::open(self.artifacts.open_content(&info.index_digest)?)?;
        let rows = self.artifacts.open_content(&info.digest)?;
        if index.rows() == info.rows && rows.size_bytes() == info.size_bytes {
            Ok(Dataset { info, index, rows })
        } else {
            Err(StoreError::RecordDamaged { record: RECORD, cause: "it does not fit its index".into() })
        }
    }

    /// Opens the slice that a payload names.
    ///
    /// # Errors
    /// As [`DatasetStore::open`].
    pub fn slice(&self, payload: &DatasetSlicePayload) -> Result<Slice, StoreError> {
        Ok(Slice::new(self.open(&payload.source)?, payload.slice_ids.as_slice().into(), payload.filters.clone()))
    }

    /// About how many bytes reading this slice touches, its first opening included: what a caller weighs
    /// before it does so on a thread that others wait for.
    pub(crate) fn slice_cost_bytes(&self, payload: &DatasetSlicePayload) -> u64 {
        const ID_BYTES: u64 = 256;
        let files = self
            .describe(&payload.source)
            .map_or(0, |info| info.size_bytes.saturating_add(info.rows.saturating_mul(48)));
        files.saturating_add(payload.slice_ids.len() as u64 * ID_BYTES)
    }

    fn record_path(&self, name: &StoreName) -> std::path::PathBuf {
        self.artifacts.dataset_records().join(name.record_file())
    }

    fn read(&self, name: &StoreName) -> Result<Option<DatasetInfo>, StoreError> {
        match records::read::<DatasetInfo>(&self.record_path(name), RECORD)? {
            Some(info) if info.name != *name => {
                Err(StoreError::RecordDamaged { record: RECORD, cause: "it is the record of another name".into() })
            }
            info => Ok(info),
        }
    }
}

fn labelled(media_type: &str) -> Result<ArtifactLabel, StoreError> {
    Ok(ArtifactLabel { name: None, media_type: Some(media_type.parse()?) })
}

/// Writes each row in its canonical form and notes where.
fn gather(
    source: &mut impl SourceRows,
    key_field: &str,
    rows: &mut ArtifactWriter<'_>,
    entries: &mut Vec<IndexEntry>,
) -> Result<(), StoreError> {
    while let Some(SourceRow { line, fields }) = source.next_row()? {
        if entries.len() as u64 == DATASET_ROWS_MAX {
            return Err(DatasetFault::TooManyRows.into());
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
    Ok(())
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

/// An open dataset.
#[derive(Debug)]
pub struct Dataset {
    info: DatasetInfo,
    index: Index,
    rows: VerifiedContent,
}

impl Dataset {
    /// What it is.
    pub fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// Where the row of this key lies.
    ///
    /// # Errors
    /// [`StoreError::UnknownRow`], [`StoreError::HashMismatch`], [`StoreError::RecordDamaged`], [`StoreError::Io`].
    pub fn find(&mut self, key: &str) -> Result<RowPlace, StoreError> {
        let unknown = || StoreError::UnknownRow { dataset: self.info.name.to_string(), shown: shown(key) };
        self.index.find(key)?.ok_or_else(unknown)
    }

    /// The row of this key at the place that [`Dataset::find`] gave: its text, and what it says.
    ///
    /// # Errors
    /// As [`Dataset::find`].
    pub fn row(&mut self, key: &str, place: RowPlace) -> Result<(String, Map<String, Value>), StoreError> {
        let damaged = |cause: String| StoreError::RecordDamaged { record: "a dataset's index", cause };
        if place.length_bytes as usize > ROW_BYTES_MAX {
            return Err(damaged("a row is too long".into()));
        }
        let bytes = self.rows.read_at(place.offset_bytes, place.length_bytes as usize)?;
        let fields: Map<String, Value> =
            strict_json::parse_as(&bytes, ROW_BYTES_MAX as u64).map_err(|e| damaged(e.to_string()))?;
        if row_key(&fields, &self.info.key_field).as_deref() != Ok(key) {
            return Err(damaged("it points at another row".into()));
        }
        let text = String::from_utf8(bytes).map_err(|e| damaged(e.to_string()))?;
        Ok((text, fields))
    }
}
