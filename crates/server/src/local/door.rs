//! The one way to ask something of a home.

use omega_gateway::{Gateway, GatewayError};

use super::client::Client;
use super::operation::Operation;

/// A home's gateway: here in this process, or behind the local door of the server that holds the home. A clone is the same
/// door.
#[derive(Clone)]
pub enum Door {
    /// Opened by this process.
    Here(Gateway),
    /// Held by a server.
    There(Client),
}

impl Door {
    /// Has something done, and gives what came of it.
    ///
    /// Dropping the future breaks it off, here as there.
    ///
    /// # Errors
    /// Those of the operation; of a server also `server_unreachable`, `server_stopping`.
    pub async fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply, GatewayError> {
        match self {
            Self::Here(gateway) => operation.perform(gateway).await,
            Self::There(client) => client.ask(operation).await,
        }
    }
}
