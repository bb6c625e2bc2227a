//! The server's side of the local door.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use omega_gateway::contract::{Caller, ErrorCode};
use omega_gateway::{Gateway, GatewayError};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::operation::{Attachment, Operation};
use super::socket::{LocalListener, Stream};
use super::wire::{BLOCK_BYTES_MAX, Blocks, Kind, NoBlock, PATH, VERSION, VERSION_HEADER};
use super::{operations, os_user, reply};

/// Connections at the same time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// How long to wait where the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a reply's body is.
pub(super) type ReplyBody = UnsyncBoxBody<Bytes, Infallible>;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Connections that were still busy when the grace period was over; their calls were broken off.
    pub broken_off: usize,
}

/// Serves the local door of a home until `stop`, then lets what is under way finish for at most `grace`.
///
/// From `stop` on nobody finds the socket; who had found it hears `server_stopping`. What is broken off at the end of the
/// grace period is journalled as `interrupted`. Everything is done in the name of the user that this process works for,
/// because nobody else is let in.
pub async fn serve_local(
    gateway: Gateway,
    listener: LocalListener,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> Served {
    let gateway = gateway.on_behalf_of(Caller::new(&os_user()));
    let (stopping, is_stopping) = watch::channel(false);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = async {
            let place = place.await;
            (listener.accept().await, place)
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            (accepted, place) = accepted => match accepted {
                Ok(stream) => {
                    let serving = serve_connection(stream, gateway.clone(), is_stopping.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                // No room for another descriptor: what is under way makes some.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    listener.close();
    let _nobody_listens = stopping.send(true);
    while let Some(Ok(stream)) = listener.accept().now_or_never() {
        connections.spawn(refuse_connection(stream));
    }
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let in_time = tokio::time::timeout(grace, all_ended).await.is_ok();
    let broken_off = if in_time { 0 } else { connections.len() };
    connections.shutdown().await;
    Served { broken_off }
}

/// Answers one connection's requests, one after the other, until its client goes or the server stops.
async fn serve_connection(stream: Stream, gateway: Gateway, mut is_stopping: watch::Receiver<bool>) {
    let service = service_fn(|request: Request<Incoming>| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(answer(request, gateway).await) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Whatever is wrong with a connection is wrong with that connection alone.
        _ended = &mut connection => return,
        _ = is_stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

/// Tells a client that came too late that nothing was done.
async fn refuse_connection(stream: Stream) {
    let service = service_fn(|_request: Request<Incoming>| async {
        let error = GatewayError::new(ErrorCode::ServerStopping, "it was asked to stop");
        let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, &error);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Ok::<_, Infallible>(response)
    });
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, gateway: Gateway) -> Response<ReplyBody> {
    let asks = request.headers().get(VERSION_HEADER).and_then(|version| version.to_str().ok()).unwrap_or("unknown");
    if asks != VERSION {
        let message = format!("the server is {VERSION}, and who asks is {asks:.32}");
        return refusal(StatusCode::BAD_REQUEST, &GatewayError::new(ErrorCode::ServerMismatch, message));
    }
    let name = request.uri().path().strip_prefix(PATH).filter(|_| request.method() == Method::POST);
    let Some(name) = name.map(ToOwned::to_owned) else {
        let error = GatewayError::new(ErrorCode::NotFound, format!("operations are asked for with POST {PATH}NAME"));
        return refusal(StatusCode::NOT_FOUND, &error);
    };
    operations::answer(&name, Question { body: Blocks::new(request.into_body()), gateway }).await
}

/// An operation that is asked for, not read yet.
pub(super) struct Question {
    body: Blocks<Incoming>,
    gateway: Gateway,
}

impl Question {
    /// Reads the operation and begins it; it goes on while its reply is sent.
    pub(super) async fn answered_by<O: Operation>(self) -> Response<ReplyBody> {
        let Self { mut body, gateway } = self;
        let mut operation: O = match read(&mut body, O::BYTES_MAX).await {
            Ok(operation) => operation,
            Err(error) => {
                // The client hears this though it is still sending.
                tokio::spawn(body.drain());
                return refusal(StatusCode::BAD_REQUEST, &error);
            }
        };
        let (sender, lines) = mpsc::unbounded_channel();
        if let Some(listener) = operation.listener() {
            listener.pass_on(Box::new(move |json| {
                // Where the reply was dropped, so is the operation, in a moment.
                let _gone = sender.send(reply::told(&json));
            }));
        }
        if let Some(attachment) = operation.attachment() {
            *attachment = Attachment::new(Sent { body: Some(body), runtime: Handle::current(), block: Bytes::new() });
        }
        let work = async move {
            match operation.perform(&gateway).await {
                Ok(done) => reply::block(Kind::Done, &done),
                Err(error) => reply::failed(&error),
            }
        };
        Response::new(StreamBody::new(reply::blocks(Box::pin(work), lines)).boxed_unsync())
    }

    /// Says that there is no such operation.
    pub(super) fn unknown(self, name: &str) -> Response<ReplyBody> {
        tokio::spawn(self.body.drain());
        let message = format!("this server knows no operation {name:.64}");
        refusal(StatusCode::NOT_FOUND, &GatewayError::new(ErrorCode::ServerMismatch, message))
    }
}

async fn read<O: Operation>(body: &mut Blocks<Incoming>, bytes_max: u64) -> Result<O, GatewayError> {
    let bytes = body.next(bytes_max).await.map_err(|why| {
        let code = if matches!(why, NoBlock::TooLarge { .. }) { ErrorCode::PayloadTooLarge } else { ErrorCode::Io };
        GatewayError::new(code, format!("the operation `{}` cannot be read: {why}", O::NAME))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| GatewayError::new(ErrorCode::RequestInvalid, format!("the operation `{}`: {error}", O::NAME)))
}

fn refusal(status: StatusCode, error: &GatewayError) -> Response<ReplyBody> {
    let mut response = Response::new(Full::from(reply::failed(error)).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// An attachment as it comes in. Read on a thread that may block.
struct Sent {
    /// None once it has ended.
    body: Option<Blocks<Incoming>>,
    runtime: Handle,
    block: Bytes,
}

impl Read for Sent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let Some(body) = &mut self.body else { return Ok(0) };
            // Where the connection ends first, this is an error, and never an end: see the module's page.
            let next = self.runtime.block_on(body.next(BLOCK_BYTES_MAX));
            self.block = next.map_err(|why| io::Error::new(io::ErrorKind::UnexpectedEof, why))?;
            if self.block.is_empty() {
                self.body = None;
            }
        }
        let count = buffer.len().min(self.block.len());
        self.block.split_to(count).copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        // Refused before its end: the client hears why though it is still sending.
        if let Some(body) = self.body.take() {
            self.runtime.spawn(body.drain());
        }
    }
}
