//! `csv-profile`: an artifact with CSV in, a JSON report on each of its columns out. It reads the artifact as a stream and
//! keeps a bounded summary per column, so the file may be larger than the sandbox's memory.

mod cell;
mod column;
mod dialect;
mod distinct;
mod profile;
#[cfg(test)]
mod tests;

use omega_plugin::{BinaryRef, Json, Refusal, plugin};
use profile::Profile;

/// Profiles a CSV file.
///
/// # Errors
/// Declines an artifact without any record (`empty`), with too many columns (`too_many_columns`), or that is not UTF-8
/// (`not_utf8`); what the artifacts broker refuses is declined with its reason.
#[plugin]
fn handle(file: BinaryRef) -> Result<Json<Profile>, Refusal> {
    Ok(Json::new(Profile::read(file.reader())?))
}
