//! What can be asked through the local door.

use std::future::Future;

use omega_gateway::{Gateway, GatewayError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One thing that is asked of a home's gateway.
///
/// The command line asks nothing in another way, with a server beside it or without: what it does is the same by
/// construction.
pub trait Operation: Serialize + DeserializeOwned + Send {
    /// What comes of it.
    type Reply: Serialize + DeserializeOwned + Send;
    /// Its name on the socket.
    const NAME: &'static str;

    /// Does it, on behalf of the gateway's caller.
    ///
    /// # Errors
    /// Those of the library's method that it stands for.
    fn perform(self, gateway: &Gateway) -> impl Future<Output = Result<Self::Reply, GatewayError>> + Send;
}
