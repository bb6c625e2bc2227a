//! One HTTP connection, with everything that its client may do slowly or not at all.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use super::Tls;
use super::paced::PacedBody;
use crate::stopping::Stopping;

/// How long a client has to send a request's head, and how long a connection may be idle between two.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// How long a client has to take the next bytes of an answer.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header fields of a request.
const HEADERS_MAX: usize = 64;

/// Says that there is no place left, where that can be said without waiting.
pub(super) fn turn_away(stream: &TcpStream, is_tls: bool) {
    const BODY: &str = concat!(
        r#"{"type":"urn:omega:error:overloaded","title":"All places and the whole waiting queue are taken.","#,
        r#""status":503,"detail":"all connections are taken","code":"overloaded"}"#
    );
    if !is_tls {
        // Whoever cannot take it at once does without.
        let _untold = stream.try_write(
            format!(
                "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
                 connection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
                BODY.len()
            )
            .as_bytes(),
        );
    }
}

/// Serves a connection behind TLS.
pub(super) async fn serve_tls(stream: TcpStream, router: axum::Router, tls: &Tls, stopping: &Stopping) {
    let handshake = tokio::time::timeout(HANDSHAKE_TIME_MAX, tls.acceptor.accept(stream));
    tokio::select! {
        () = stopping.stopped() => {}
        shaken = handshake => if let Ok(Ok(stream)) = shaken {
            serve(stream, router, stopping).await;
        }
    }
}

/// Serves a connection until it is done, its client is too slow, or the end has come.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    router: axum::Router,
    stopping: &Stopping,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME_MAX));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let request: Request = request.map(|body| Body::new(PacedBody::new(body)));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        // A client that breaks the protocol or goes away ends its connection, and nothing else.
        _ended = &mut connection => return,
        () = stopping.stopped() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        _ended = &mut connection => {}
        () = stopping.cut() => {}
    }
}
