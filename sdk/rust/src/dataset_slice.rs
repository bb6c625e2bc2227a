//! The `dataset_slice` payload: names for rows that OMEGA holds, read through the datasets broker.

use std::{collections::BTreeMap, marker::PhantomData, vec};

use serde::de::DeserializeOwned;

use crate::{BrokerError, FromPayload, IntoPayload, Payload, PayloadKind, Refusal, broker};

/// How many rows one question to the broker asks for.
pub(crate) const READ_ROWS: u32 = 256;

/// A `dataset_slice` payload, in or out. Reading needs the capability `read_dataset_slice`, and works only for what the
/// request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSlice {
    /// The keys of the rows, at least one.
    pub slice_ids: Vec<String>,
    /// The name of the dataset.
    pub source: String,
    /// Equalities on string fields that a row must satisfy.
    pub filters: BTreeMap<String, String>,
}

impl DatasetSlice {
    /// How many rows there are after the filters.
    ///
    /// # Errors
    /// What the broker says.
    pub fn count(&self) -> Result<u64, BrokerError> {
        broker::dataset_count()
    }

    /// The rows, in the order of `slice_ids`, each as a `T`: a struct with serde's derive, or `serde_json::Value`. A few
    /// hundred are in memory at a time.
    pub fn rows<T: DeserializeOwned>(&self) -> Rows<T> {
        Rows { next: 0, page: Vec::new().into_iter(), ended: false, row: PhantomData }
    }
}

impl FromPayload for DatasetSlice {
    fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        match payload {
            Payload::DatasetSlice(slice) => Ok(slice),
            other => Err(Refusal::wrong_kind(PayloadKind::DatasetSlice, other.kind())),
        }
    }
}

impl IntoPayload for DatasetSlice {
    fn into_payload(self) -> Payload {
        Payload::DatasetSlice(self)
    }
}

/// The rows of a slice, one after the other. After an error it is at its end.
#[derive(Debug)]
pub struct Rows<T> {
    /// The first row of the next page.
    next: u64,
    page: vec::IntoIter<String>,
    ended: bool,
    row: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Rows<T> {
    fn advance(&mut self) -> Result<Option<T>, Refusal> {
        if self.page.as_slice().is_empty() {
            let page = broker::dataset_read(self.next, READ_ROWS)?;
            self.next += page.len() as u64;
            self.page = page.into_iter();
        }
        let row = self.next - self.page.as_slice().len() as u64;
        let Some(text) = self.page.next() else {
            return Ok(None);
        };
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Refusal::new(
                Refusal::INVALID_ROW,
                format!("row {row} of the slice is not what this plugin reads: {error}"),
            )),
        }
    }
}

impl<T: DeserializeOwned> Iterator for Rows<T> {
    type Item = Result<T, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let advanced = self.advance().transpose();
        self.ended = !matches!(advanced, Some(Ok(_)));
        advanced
    }
}
