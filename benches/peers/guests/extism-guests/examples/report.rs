//! Rows in JSON in, what is in them out.

use extism_pdk::{FnResult, Json, plugin_fn};

#[plugin_fn]
pub fn handle(Json(rows): Json<work::Rows>) -> FnResult<Json<work::Report>> {
    Ok(Json(work::report(&rows)))
}
