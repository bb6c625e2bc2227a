//! The command line's side of the local door.

use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Request;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use omega_gateway::contract::ErrorCode;
use omega_gateway::{GatewayError, Home};
use tokio::sync::mpsc;

use super::operation::{Attachment, Operation};
use super::operations::Hello;
use super::socket::{self, BlockingStream};
use super::wire::{BLOCK_BYTES_MAX, Blocks, Kind, PATH, REPLY_BYTES_MAX, VERSION, VERSION_HEADER, push_block};

/// What is sent.
type AskBody = UnsyncBoxBody<Bytes, io::Error>;
type Connection = SendRequest<AskBody>;

/// A server that holds a home, and the connections to it: as many as there are questions at the same time. A clone shares
/// them.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    home: Home,
    idle: Mutex<Vec<Connection>>,
}

/// A connection to whoever accepted it.
pub struct Dialled(BlockingStream);

impl Client {
    /// Connects to the server of this home; none where nobody serves it. Needs no runtime.
    ///
    /// # Errors
    /// `server_unreachable` where there is somebody and this process may not connect.
    pub fn dial(home: &Home) -> Result<Option<Dialled>, GatewayError> {
        let stream = socket::connect(home).map_err(|error| unreachable(&error))?;
        Ok(stream.map(Dialled))
    }

    /// Greets whoever accepted the connection, for at most `patience`.
    ///
    /// # Errors
    /// `server_stopping`, `server_mismatch`; `server_unreachable` where it goes away or does not answer. Nothing was asked
    /// of it then.
    pub async fn greet(home: &Home, dialled: Dialled, patience: Duration) -> Result<Self, GatewayError> {
        let greeting = async {
            let mut connection = connected(dialled.0).await?;
            exchange(&mut connection, Hello {}).await?;
            Ok::<_, GatewayError>(connection)
        };
        let silent = |_| unreachable(&format!("no answer within {} s", patience.as_secs()));
        let connection = tokio::time::timeout(patience, greeting).await.map_err(silent)??;
        Ok(Self(Arc::new(Shared { home: home.clone(), idle: Mutex::new(vec![connection]) })))
    }

    /// Has something done by the server. Dropping the future breaks it off there.
    pub(super) async fn ask<O: Operation>(&self, operation: O) -> Result<O::Reply, GatewayError> {
        let mut connection = if let Some(connection) = self.idle() {
            connection
        } else {
            let dialled = Self::dial(&self.0.home)?.ok_or_else(|| unreachable(&"nobody accepts any more"))?;
            connected(dialled.0).await?
        };
        let reply = exchange(&mut connection, operation).await;
        // Whether it can be used again is seen when it is taken out; one that was left in mid-reply is closed.
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        reply
    }

    /// A connection that is ready for another question.
    fn idle(&self) -> Option<Connection> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.is_closed());
        let ready = idle.iter().position(Connection::is_ready)?;
        Some(idle.swap_remove(ready))
    }
}

async fn connected(stream: BlockingStream) -> Result<Connection, GatewayError> {
    let stream = socket::adopt(stream).map_err(|error| unreachable(&error))?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    // How it ends is told to whoever waits for a reply.
    tokio::spawn(driver);
    Ok(connection)
}

/// Asks, and reads what comes of it.
async fn exchange<O: Operation>(connection: &mut Connection, mut operation: O) -> Result<O::Reply, GatewayError> {
    let mut question = Vec::new();
    push_block(&mut question, |bytes| serde_json::to_writer(bytes, &operation).map_err(io::Error::other))
        .map_err(|error| GatewayError::new(ErrorCode::RequestInvalid, error.to_string()))?;
    let (attached, failure) = mpsc::channel(1);
    let body = match operation.attachment() {
        Some(attachment) => with_attachment(question, attachment.detach(), attached),
        None => Full::from(question).map_err(|never| match never {}).boxed_unsync(),
    };
    let request =
        Request::post(format!("{PATH}{}", O::NAME)).header("host", "localhost").header(VERSION_HEADER, VERSION);
    let request = request.body(body).map_err(|error| unreachable(&error))?;
    let reply = async {
        connection.ready().await.map_err(|error| unreachable(&error))?;
        let response = connection.send_request(request).await.map_err(|error| unreachable(&error))?;
        read_reply(Blocks::new(response.into_body()), &mut operation).await
    };
    match reply.await {
        // What broke the exchange off may have been our own file.
        Err(error) if error.code == ErrorCode::ServerUnreachable => Err(own_failure(failure).unwrap_or(error)),
        reply => reply,
    }
}

async fn read_reply<O: Operation>(mut blocks: Blocks<Incoming>, operation: &mut O) -> Result<O::Reply, GatewayError> {
    let garbled = |error: serde_json::Error| unreachable(&format!("its reply makes no sense: {error}"));
    loop {
        let mut block = blocks.next(REPLY_BYTES_MAX).await.map_err(|why| unreachable(&format!("its reply: {why}")))?;
        let kind = if block.is_empty() { None } else { Kind::of(block.get_u8()) };
        match kind {
            Some(Kind::Told) => {
                if let Some(listener) = operation.listener() {
                    listener.hear(&block).map_err(garbled)?;
                }
            }
            Some(Kind::Done) => return serde_json::from_slice(&block).map_err(garbled),
            Some(Kind::Failed) => return Err(serde_json::from_slice(&block).map_err(garbled)?),
            None => return Err(unreachable(&"its reply makes no sense")),
        }
    }
}

/// A question and the bytes that go with it, which are read on a thread of their own: standard input may keep its reader
/// waiting for ever, and the process may end all the same. `failed` hears why they could not be read.
fn with_attachment(question: Vec<u8>, mut attachment: Attachment, failed: mpsc::Sender<io::Error>) -> AskBody {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut buffer = vec![0; usize::try_from(BLOCK_BYTES_MAX).unwrap_or(usize::MAX)];
        loop {
            let count = match attachment.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let _heard = failed.try_send(error);
                    // The body ends without its last block: the server takes nothing of it.
                    let _gone = sender.blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
                    return;
                }
            };
            let mut block = Vec::with_capacity(count + 4);
            let pushed = push_block::<io::Error>(&mut block, |bytes| {
                bytes.extend_from_slice(&buffer[..count]);
                Ok(())
            });
            // Nobody receives any more once there is a reply.
            if sender.blocking_send(pushed.map(|()| block)).is_err() || count == 0 {
                return;
            }
        }
    });
    let first = stream::once(async move { Ok(question) });
    let rest = stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|block| (block, receiver)));
    let frames = futures_util::StreamExt::map(futures_util::StreamExt::chain(first, rest), |block| {
        block.map(|bytes: Vec<u8>| Frame::data(Bytes::from(bytes)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Why what was to be sent could not be read, where that was so.
fn own_failure(mut failure: mpsc::Receiver<io::Error>) -> Option<GatewayError> {
    let error = failure.try_recv().ok()?;
    Some(GatewayError::new(ErrorCode::Io, format!("read what is to be stored: {error}")))
}

fn unreachable(why: &dyn std::fmt::Display) -> GatewayError {
    GatewayError::new(ErrorCode::ServerUnreachable, why.to_string())
}
