//! Reads what the command line names: files, standard input, JSON. Every size is bounded before anything is parsed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use omega_gateway::contract::strict_json::{self, JsonError};
use omega_gateway::contract::{ErrorCode, JsonData};
use serde::de::DeserializeOwned;

use crate::fault::{Exit, Fault};

/// Whether a path means standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The whole of a file, or of standard input for `-`, of at most `bytes_max` bytes.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let bytes = if is_standard_input(path) {
        read_bounded(io::stdin().lock(), bytes_max)
    } else {
        File::open(path).and_then(|file| read_bounded(file, bytes_max))
    };
    let bytes = bytes.map_err(|error| Fault::file(path, &error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large(path, bytes_max));
    }
    Ok(bytes)
}

/// The first `bytes_max` bytes of a file.
pub(crate) fn read_beginning(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max as u64).read_to_end(&mut bytes))
        .map_err(|error| Fault::file(path, &error))?;
    Ok(bytes)
}

/// The whole of a text file.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> Result<String, Fault> {
    let bytes = read(path, bytes_max)?;
    String::from_utf8(bytes).map_err(|error| {
        Fault::new(ErrorCode::RequestInvalid)
            .with("file", path.display())
            .because(format!("not UTF-8, at byte {}", error.utf8_error().valid_up_to()))
    })
}

/// A JSON document of the contract, read strictly. What does not fit is `code`.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, bytes_max: u64, code: ErrorCode) -> Result<T, Fault> {
    let bytes = read(path, bytes_max)?;
    strict_json::parse_as(&bytes, bytes_max).map_err(|error| invalid_json(code, &error).with("file", path.display()))
}

/// The data of a json payload. What does not fit is `code`.
pub(crate) fn read_data(path: &Path, bytes_max: u64, code: ErrorCode) -> Result<JsonData, Fault> {
    let data = match String::from_utf8(read(path, bytes_max)?) {
        Ok(text) => JsonData::read(text, bytes_max),
        Err(error) => Err(JsonError::NotUtf8 { offset: error.utf8_error().valid_up_to() }),
    };
    data.map_err(|error| invalid_json(code, &error).with("file", path.display()))
}

/// Why a JSON text is not taken.
pub(crate) fn invalid_json(code: ErrorCode, error: &JsonError) -> Fault {
    Fault::new(code).because(error).exit(Exit::No)
}

fn too_large(path: &Path, bytes_max: u64) -> Fault {
    Fault::new(ErrorCode::PayloadTooLarge).with("file", path.display()).because(format!("more than {bytes_max} bytes"))
}

/// At most one byte more than allowed, so that the caller sees that it was more.
fn read_bounded(source: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
