//! The open home itself.

use omega_gateway::Gateway;
use serde::{Deserialize, Serialize};

use crate::local::operation::operation;

/// What a command needs to know of the gateway that works for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The process that holds the home.
    pub pid: u32,
    /// Calls that the gateway takes at the same time.
    pub calls_max: u32,
}

impl Facts {
    /// Those of a gateway in this process.
    pub fn of(gateway: &Gateway) -> Self {
        Self { pid: std::process::id(), calls_max: gateway.config().quotas.calls_max }
    }
}

operation! {
    /// Asks who is there, and does nothing.
    Hello "hello" {} -> Facts,
    |self, gateway| {
        let Self {} = self;
        Ok(Facts::of(gateway))
    }
}

operation! {
    /// Makes durable what was recorded, as the end of a command without a server does.
    Flush "flush" {} -> (),
    |self, gateway| {
        let Self {} = self;
        gateway.flush().await
    }
}
