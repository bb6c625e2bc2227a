//! Hostile: uses the datasets broker, though its manifest does not ask for `read_dataset_slice`.

use std::collections::BTreeMap;

use omega_plugin::{DatasetSlice, Refusal, Text, plugin};

#[plugin]
fn handle(text: Text) -> Result<Text, Refusal> {
    let slice = DatasetSlice { slice_ids: vec![text.content], source: "any".to_owned(), filters: BTreeMap::new() };
    Ok(Text::new(format!("{} rows", slice.count()?)))
}
