//! The HTTP door's listeners: who gets a connection, for how long, and how it ends.
//!
//! What never happens here: an address that other machines can reach served without TLS; a connection that costs
//! something for ever because its client does nothing.

mod connection;
mod paced;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use omega_gateway::GatewayError;
use omega_gateway::contract::ErrorCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use paced::TooSlow;
pub(crate) use tls::Tls;
pub use tls::TlsFiles;

use crate::stopping::Stopping;

/// How long nothing is accepted after the system refused a connection for want of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens a listener.
///
/// # Errors
/// `listen_unsafe` where other machines could reach it and there is no TLS; `io` where the address cannot be had.
pub(crate) async fn bind(address: SocketAddr, tls: Option<&Tls>) -> Result<TcpListener, GatewayError> {
    refuse_unsafe(address, tls)?;
    TcpListener::bind(address)
        .await
        .map_err(|error| GatewayError::new(ErrorCode::Io, format!("cannot listen on {address}: {error}")))
}

/// Takes a listener that somebody else opened (socket activation).
///
/// # Errors
/// As [`bind`].
pub(crate) fn adopt(listener: std::net::TcpListener, tls: Option<&Tls>) -> Result<TcpListener, GatewayError> {
    let unusable = |error: std::io::Error| GatewayError::new(ErrorCode::Io, format!("the socket given: {error}"));
    refuse_unsafe(listener.local_addr().map_err(unusable)?, tls)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    TcpListener::from_std(listener).map_err(unusable)
}

fn refuse_unsafe(address: SocketAddr, tls: Option<&Tls>) -> Result<(), GatewayError> {
    if tls.is_some() || address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(GatewayError::new(ErrorCode::ListenUnsafe, format!("{address} is not a loopback address, and there is no TLS")))
}

/// What all listeners of a server have in common.
#[derive(Clone)]
pub(crate) struct HttpDoor {
    pub(crate) router: axum::Router,
    pub(crate) tls: Option<Tls>,
    /// A place for each connection.
    pub(crate) places: Arc<Semaphore>,
}

impl HttpDoor {
    /// Accepts until the end comes. Connections go on by themselves until they are done or cut.
    pub(crate) async fn accept(self, listener: TcpListener, stopping: Stopping) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopping.stopped() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _address)) => self.admit(stream, &stopping),
                // A connection that went away before it was accepted, or no more descriptors: never the end.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn admit(&self, stream: TcpStream, stopping: &Stopping) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            connection::turn_away(&stream, self.tls.is_some());
            return;
        };
        let (router, tls, stopping) = (self.router.clone(), self.tls.clone(), stopping.clone());
        tokio::spawn(async move {
            match tls {
                None => connection::serve(stream, router, &stopping).await,
                Some(tls) => connection::serve_tls(stream, router, &tls, &stopping).await,
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_served_without_tls() {
        let check = |address: &str, expect: bool| {
            assert_eq!(refuse_unsafe(address.parse().unwrap(), None).is_ok(), expect, "{address}");
        };
        check("127.0.0.1:1", true);
        check("127.8.9.10:1", true);
        check("[::1]:1", true);
        check("[::ffff:127.0.0.1]:1", true);
        check("0.0.0.0:1", false);
        check("[::]:1", false);
        check("192.168.0.1:1", false);
        check("[::ffff:10.0.0.1]:1", false);
        check("[fe80::1]:1", false);
    }
}
