//! Some rows of a dataset: those whose keys a payload names, in its order, that pass its filters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::index::RowPlace;
use super::store::{Dataset, DatasetInfo};
use crate::error::StoreError;

/// Bytes of rows in one answer: more rows come with the next one. A row alone may be longer.
pub const SLICE_ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// An open slice. It looks each row up when it is first needed and remembers where it lies.
#[derive(Debug)]
pub struct Slice {
    dataset: Dataset,
    ids: Arc<[String]>,
    filters: BTreeMap<String, String>,
    /// How many of `ids` were looked at.
    scanned: usize,
    /// Which of them passed, and where they lie.
    passed: Vec<(usize, RowPlace)>,
}

impl Slice {
    pub(crate) fn new(dataset: Dataset, ids: Arc<[String]>, filters: BTreeMap<String, String>) -> Self {
        Self { dataset, ids, filters, scanned: 0, passed: Vec::new() }
    }

    /// The dataset it is of.
    pub fn dataset(&self) -> &DatasetInfo {
        self.dataset.info()
    }

    /// How many rows it has after its filters.
    ///
    /// # Errors
    /// [`StoreError::UnknownRow`], [`StoreError::HashMismatch`], [`StoreError::RecordDamaged`], [`StoreError::Io`],
    /// [`StoreError::OutOfTime`] where `deadline` comes first.
    pub fn count(&mut self, deadline: Instant) -> Result<u64, StoreError> {
        self.scan(usize::MAX, deadline)?;
        Ok(self.passed.len() as u64)
    }

    /// Bytes of all its rows, as the index states them; filters are not applied.
    ///
    /// # Errors
    /// As [`Slice::count`].
    pub fn unfiltered_bytes(&mut self, deadline: Instant) -> Result<u64, StoreError> {
        let mut bytes = 0_u64;
        for id in &*Arc::clone(&self.ids) {
            require_time(deadline)?;
            bytes = bytes.saturating_add(self.dataset.find(id)?.length_bytes.into());
        }
        Ok(bytes)
    }

    /// Up to `rows_max` rows from row `first` on, of [`SLICE_ANSWER_BYTES_MAX`] and at most `bytes_max` bytes
    /// together. Fewer do not mean the end; none does.
    ///
    /// # Errors
    /// As [`Slice::count`], and [`StoreError::TooLarge`] where not even one row fits in `bytes_max`.
    pub fn read(
        &mut self,
        first: u64,
        rows_max: u32,
        bytes_max: u64,
        deadline: Instant,
    ) -> Result<Vec<String>, StoreError> {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let end = first.saturating_add(usize::try_from(rows_max).unwrap_or(usize::MAX));
        let (mut rows, mut bytes) = (Vec::new(), 0_u64);
        for row in first..end {
            self.scan(row.saturating_add(1), deadline)?;
            let Some(&(id, place)) = self.passed.get(row) else { break };
            bytes = bytes.saturating_add(place.length_bytes.into());
            if bytes > bytes_max.min(SLICE_ANSWER_BYTES_MAX) && !rows.is_empty() {
                break;
            }
            if bytes > bytes_max {
                return Err(StoreError::TooLarge { bytes_max });
            }
            rows.push(self.row(id, place)?.0);
        }
        Ok(rows)
    }

    fn row(&mut self, id: usize, place: RowPlace) -> Result<(String, Map<String, Value>), StoreError> {
        let ids = Arc::clone(&self.ids);
        self.dataset.row(ids.get(id).map(String::as_str).unwrap_or_default(), place)
    }

    /// Looks at ids until `passed_min` rows passed or there are no more.
    fn scan(&mut self, passed_min: usize, deadline: Instant) -> Result<(), StoreError> {
        let ids = Arc::clone(&self.ids);
        while self.passed.len() < passed_min
            && let Some(id) = ids.get(self.scanned)
        {
            require_time(deadline)?;
            let place = self.dataset.find(id)?;
            if self.filters.is_empty() || self.passes(id, place)? {
                self.passed.push((self.scanned, place));
            }
            self.scanned += 1;
        }
        Ok(())
    }

    /// A row without the field, or where it is no string, does not pass.
    fn passes(&mut self, id: &str, place: RowPlace) -> Result<bool, StoreError> {
        let (_, fields) = self.dataset.row(id, place)?;
        let equal = |(field, value): (&String, &String)| {
            fields.get(field).and_then(Value::as_str).is_some_and(|found| found == value)
        };
        Ok(self.filters.iter().all(equal))
    }
}

fn require_time(deadline: Instant) -> Result<(), StoreError> {
    if Instant::now() < deadline { Ok(()) } else { Err(StoreError::OutOfTime) }
}
