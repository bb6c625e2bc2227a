//! A home in a temporary folder, with what tests need to put into it and to damage in it.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::new_without_default, reason = "a test fails by it, and makes a home only so")]
#![allow(unreachable_pub, reason = "shared between test binaries")]

use std::path::PathBuf;

use omega_broker::{ArtifactLabel, Brokers, DatasetForm, DatasetInfo, StoreLimits};
use omega_contract::payload::{BinaryRefPayload, DatasetSlicePayload};
use omega_contract::{Capability, CapabilitySet, Payload, Sha256Hex};

pub struct Home {
    pub folder: tempfile::TempDir,
    pub brokers: Brokers,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let brokers = Brokers::open(folder.path(), StoreLimits::default()).unwrap();
        Self { folder, brokers }
    }

    /// As another process would see it: nothing is remembered as verified.
    pub fn reopen(&self) -> Brokers {
        Brokers::open(self.folder.path(), StoreLimits::default()).unwrap()
    }

    pub fn path(&self, below: &str) -> PathBuf {
        let root = self.folder.path().join("artifacts");
        if below.is_empty() { root } else { root.join(below) }
    }

    pub fn content_path(&self, digest: &Sha256Hex) -> PathBuf {
        self.path("sha256").join(digest.to_string())
    }

    /// How many entries a folder of the store has.
    pub fn count(&self, folder: &str) -> usize {
        std::fs::read_dir(self.path(folder)).unwrap().count()
    }

    pub fn only_file(&self, folder: &str) -> PathBuf {
        let files: Vec<_> = std::fs::read_dir(self.path(folder)).unwrap().collect();
        assert_eq!(files.len(), 1, "{folder}");
        files.into_iter().next().unwrap().unwrap().path()
    }

    /// Puts bytes and gives the payload that names them: by name where there is one.
    pub fn put(&self, bytes: &[u8], name: Option<&str>) -> Payload {
        let label = ArtifactLabel { name: name.map(|name| name.parse().unwrap()), media_type: None };
        let info = self.brokers.artifacts().put(&mut &*bytes, &label).unwrap();
        Payload::BinaryRef(BinaryRefPayload {
            artifact_id: name.map_or_else(|| info.digest.to_string(), ToOwned::to_owned),
            artifact_hash: info.digest,
            mime_type: "application/octet-stream".into(),
        })
    }

    pub fn add(&self, name: &str, text: &str, form: DatasetForm, key_field: &str) -> DatasetInfo {
        self.brokers.datasets().add(&name.parse().unwrap(), text.as_bytes(), form, key_field).unwrap()
    }

    /// Changes a stored file in place, behind the store's back.
    pub fn change_content(&self, digest: &Sha256Hex, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.content_path(digest);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }
}

pub fn capabilities(held: &[Capability]) -> CapabilitySet {
    held.iter().copied().collect()
}

pub fn slice_of(source: &str, ids: &[&str]) -> Payload {
    Payload::DatasetSlice(slice(source, ids, &[]))
}

pub fn slice(source: &str, ids: &[&str], filters: &[(&str, &str)]) -> DatasetSlicePayload {
    DatasetSlicePayload {
        slice_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        source: source.to_owned(),
        filters: filters.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
    }
}

pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * 7 + i / 251) % 256).unwrap()).collect()
}
