//! Where there are no unix sockets, there is no local door.

use std::io;

use omega_gateway::contract::ErrorCode;
use omega_gateway::{GatewayError, Home};

/// A connection, of which there is none here.
pub(in crate::local) type Stream = tokio::io::DuplexStream;

/// A connection that no runtime knows yet.
pub(in crate::local) type BlockingStream = std::convert::Infallible;

/// Hands it to the runtime.
pub(in crate::local) fn adopt(stream: BlockingStream) -> io::Result<Stream> {
    match stream {}
}

/// Nobody can be reached.
pub(in crate::local) fn connect(_home: &Home) -> io::Result<Option<BlockingStream>> {
    Ok(None)
}

/// The local door of a home.
#[derive(Debug)]
pub struct LocalListener(std::convert::Infallible);

impl LocalListener {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn bind(_home: &Home) -> Result<Self, GatewayError> {
        Err(GatewayError::new(ErrorCode::Io, "this system has no unix sockets, and so no local door"))
    }

    pub(in crate::local) async fn accept(&self) -> io::Result<Stream> {
        match self.0 {}
    }

    pub(in crate::local) fn close(&self) {
        match self.0 {}
    }
}
