//! Goes through the rows and hands each value to its field's summary.

use std::collections::BTreeMap;

use omega_plugin::{DatasetSlice, JsonPayload, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::field::Field;

/// How many different fields are summarised.
pub(crate) const FIELDS_MAX: usize = 512;

/// What is in the rows of a slice.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    source: String,
    rows: u64,
    /// Rows in which every field of the slice is present and not null.
    complete_rows: u64,
    /// In alphabetical order.
    fields: Vec<Field>,
}

impl JsonPayload for Summary {
    const SCHEMA_REF: &'static str = "omega:slice-summary:output:summary:v1.0.0";
}

impl Summary {
    pub(crate) fn of(slice: &DatasetSlice) -> Result<Self, Refusal> {
        let mut fields: BTreeMap<String, Field> = BTreeMap::new();
        // How many rows have so many values; which of these is "complete" is known only when all fields are.
        let mut rows_by_values: BTreeMap<usize, u64> = BTreeMap::new();
        let mut rows = 0;
        for row in slice.rows::<Map<String, Value>>() {
            let row = row?;
            rows += 1;
            let values = row.values().filter(|value| !value.is_null()).count();
            *rows_by_values.entry(values).or_insert(0) += 1;
            for (name, value) in row {
                if !fields.contains_key(&name) && fields.len() == FIELDS_MAX {
                    let message = format!("the rows have more than {FIELDS_MAX} different fields");
                    return Err(Refusal::new("too_many_fields", message));
                }
                let field = fields.entry(name).or_insert_with_key(|name| Field::new(name.clone()));
                field.add(value);
            }
        }
        if rows == 0 {
            return Err(Refusal::new("no_rows", "the slice has no rows after its filters"));
        }
        let complete_rows = rows_by_values.get(&fields.len()).copied().unwrap_or_default();
        let fields = fields.into_values().map(|field| field.finish(rows)).collect();
        Ok(Self { source: slice.source.clone(), rows, complete_rows, fields })
    }
}
