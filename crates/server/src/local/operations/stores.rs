//! Artifacts and datasets.

use omega_gateway::broker::{ArtifactInfo, ArtifactLabel, DatasetForm, DatasetInfo, StoreError, StoreName};
use omega_gateway::{Gateway, GatewayError};
use serde::{Deserialize, Serialize};

use crate::local::operation::{Attachment, Operation, apart};

/// Stores bytes as an artifact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutArtifact {
    /// What a person says of it.
    pub label: ArtifactLabel,
    /// The bytes.
    #[serde(skip)]
    pub content: Attachment,
}

impl Operation for PutArtifact {
    type Reply = ArtifactInfo;
    const NAME: &'static str = "put_artifact";

    async fn perform(self, gateway: &Gateway) -> Result<ArtifactInfo, GatewayError> {
        let Self { label, mut content } = self;
        let admin = gateway.admin();
        apart(move || admin.artifacts().put(&mut content, &label).map_err(|error| refused(&error))).await
    }

    fn attachment(&mut self) -> Option<&mut Attachment> {
        Some(&mut self.content)
    }
}

/// Reads rows as a dataset.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddDataset {
    /// Its name.
    pub name: StoreName,
    /// In which form the rows are written.
    pub form: DatasetForm,
    /// The field that identifies a row.
    pub key_field: String,
    /// The rows.
    #[serde(skip)]
    pub rows: Attachment,
}

impl Operation for AddDataset {
    type Reply = DatasetInfo;
    const NAME: &'static str = "add_dataset";

    async fn perform(self, gateway: &Gateway) -> Result<DatasetInfo, GatewayError> {
        let Self { name, form, key_field, rows } = self;
        let admin = gateway.admin();
        apart(move || admin.datasets().add(&name, rows, form, &key_field).map_err(|error| refused(&error))).await
    }

    fn attachment(&mut self) -> Option<&mut Attachment> {
        Some(&mut self.rows)
    }
}

fn refused(error: &StoreError) -> GatewayError {
    GatewayError::new(error.code(), error.to_string())
}
