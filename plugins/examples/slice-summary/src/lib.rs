//! `slice-summary`: rows of a dataset in, a JSON report on each of their fields out. Rows are read page by page and only
//! bounded summaries are kept.

mod field;
mod summary;
#[cfg(test)]
mod tests;

use omega_plugin::{DatasetSlice, Json, Refusal, plugin};
use summary::Summary;

/// Summarises the rows of a slice.
///
/// # Errors
/// Declines a slice without rows (`no_rows`) or with too many different fields (`too_many_fields`); what the datasets broker
/// refuses is declined with its reason.
#[plugin]
fn handle(slice: DatasetSlice) -> Result<Json<Summary>, Refusal> {
    Ok(Json::new(Summary::of(&slice)?))
}
