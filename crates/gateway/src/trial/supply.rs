//! Puts a package's `samples/` into the trial's home, so that its examples can name them.
//!
//! Every sample is an artifact, under its SHA-256. A sample of rows (`.ndjson`, `.csv`) is a dataset, too, named as the file is
//! without its ending; its key is the first field that identifies every row.

use std::path::Path;

use omega_broker::{ArtifactLabel, DatasetForm};
use omega_contract::ErrorCode;
use omega_validator::PackageFiles;

use crate::error::GatewayError;
use crate::gateway::Gateway;

const FOLDER: &str = "samples/";
/// Fields that are tried as a dataset's key.
const FIELDS_MAX: usize = 64;

pub(super) fn samples(gateway: &Gateway, files: &PackageFiles) -> Result<(), GatewayError> {
    let admin = gateway.admin();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with(FOLDER)) {
        let put = admin.artifacts().put_bytes(bytes, &ArtifactLabel::default());
        put.map_err(|error| GatewayError::new(error.code(), format!("{path}: {error}")))?;
        let file = Path::new(path);
        let form = match file.extension().and_then(|ending| ending.to_str()) {
            Some("ndjson") => DatasetForm::Ndjson,
            Some("csv") => DatasetForm::Csv,
            _ => continue,
        };
        let Some(Ok(name)) = file.file_stem().and_then(|stem| stem.to_str()).map(str::parse) else { continue };
        for field in fields(form, bytes).into_iter().take(FIELDS_MAX) {
            match admin.datasets().add(&name, &**bytes, form, &field) {
                Ok(_) => break,
                // Not its key. A sample may also be no table that the store takes: then examples cannot name it.
                Err(error) if error.code() == ErrorCode::DatasetInvalid => {}
                Err(error) => return Err(GatewayError::new(error.code(), format!("{path}: {error}"))),
            }
        }
    }
    Ok(())
}

/// The names of the first row's fields: in their order, or by name where JSON has none.
fn fields(form: DatasetForm, bytes: &[u8]) -> Vec<String> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    match form {
        DatasetForm::Csv => first.trim_end().split(',').map(|name| name.trim_matches('"').to_owned()).collect(),
        DatasetForm::Ndjson => {
            let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&first).unwrap_or_default();
            row.into_iter().map(|(name, _)| name).collect()
        }
    }
}
