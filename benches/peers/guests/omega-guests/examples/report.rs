//! Rows in JSON in, what is in them out.

use omega_plugin::{Json, Refusal, plugin};

#[plugin]
fn handle(rows: Json<work::Rows>) -> Result<Json<work::Report>, Refusal> {
    Ok(Json::with_schema_ref(work::report(&rows.data), "omega:report:output:report:v1.0.0"))
}
