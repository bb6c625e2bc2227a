//! Adding, describing, listing and opening datasets.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

use omega_contract::payload::DatasetSlicePayload;
use omega_contract::{Sha256Hex, strict_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::index::{ENTRY_BYTES, Index, RowPlace};
use super::slice::Slice;
use super::{DatasetForm, ROW_BYTES_MAX, row_key};
use crate::artifact::{ArtifactStore, LIST_PAGE_MAX};
use crate::content::VerifiedContent;
use crate::error::{StoreError, io_error, shown};
use crate::name::StoreName;
use crate::records;

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
    pub(super) artifacts: Arc<ArtifactStore>,
}

impl DatasetStore {
    /// The datasets whose content lies in `artifacts`.
    pub fn new(artifacts: Arc<ArtifactStore>) -> Self {
        Self { artifacts }
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
            let is_ours = |stem: &OsStr| stem.to_str().is_some_and(|stem| stem.parse::<Sha256Hex>().is_ok());
            if !path.file_stem().is_some_and(is_ours) {
                continue;
            }
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
            .map_or(0, |info| info.size_bytes.saturating_add(info.rows.saturating_mul(ENTRY_BYTES as u64)));
        files.saturating_add(payload.slice_ids.len() as u64 * ID_BYTES)
    }

    pub(super) fn record_path(&self, name: &StoreName) -> std::path::PathBuf {
        self.artifacts.dataset_records().join(name.record_file())
    }

    pub(super) fn read(&self, name: &StoreName) -> Result<Option<DatasetInfo>, StoreError> {
        match records::read::<DatasetInfo>(&self.record_path(name), RECORD)? {
            Some(info) if info.name != *name => {
                Err(StoreError::RecordDamaged { record: RECORD, cause: format!("it is not that of {name}") })
            }
            info => Ok(info),
        }
    }
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
