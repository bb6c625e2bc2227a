//! Artifacts: bytes by their SHA-256.
//!
//! Whoever may call plugins may put what calls name; that says nothing of what others put. To get one takes a token for
//! every plugin: an artifact belongs to none, and the result of one plugin's call may be another's secret.
//!
//! What never happens here: bytes kept under a hash that they do not have; bytes given out unchecked.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use omega_gateway::GatewayError;
use omega_gateway::broker::{ArtifactInfo, ArtifactLabel, StoreError, VerifiedContent};
use omega_gateway::contract::{ErrorCode, Sha256Hex};

use super::body::check_media_type;
use super::problem::Problem;
use super::query::path_name;
use super::serve::{Asked, blocking, json};
use super::views;

/// Bytes that are read from the store at once.
const CHUNK_BYTES: usize = 256 << 10;

fn refused(error: StoreError) -> GatewayError {
    GatewayError::new(error.code(), error.to_string())
}

pub(super) async fn put(asked: Asked<'_>, body: Body) -> Result<Response, Problem> {
    let digest: Sha256Hex = path_name("sha256", asked.parameter(0))?;
    asked.query.refuse_rest()?;
    check_media_type(asked.headers, &body, "application/octet-stream")?;
    let store = Arc::clone(asked.principal.gateway().admin().artifacts());
    let incoming = asked.incoming(body, asked.served.state.options.bodies.artifact_bytes_max)?;
    let stored = incoming.stream_to(move |mut reader| {
        let was_there = store.size_bytes(&digest).map_err(refused)?.is_some();
        let info = store.put_exact(&mut reader, &digest, &ArtifactLabel::default()).map_err(refused)?;
        Ok::<_, GatewayError>((info, was_there))
    });
    let (info, was_there) = stored.await??;
    let view = views::Artifact { sha256: info.digest.to_string(), size_bytes: info.size_bytes };
    let mut response = json(&view)?;
    *response.status_mut() = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok(response)
}

pub(super) async fn head(asked: Asked<'_>) -> Result<Response, Problem> {
    let (info, _) = open(&asked, false).await?;
    Ok(described(&info, Body::empty()))
}

pub(super) async fn get(asked: Asked<'_>) -> Result<Response, Problem> {
    let (info, content) = open(&asked, true).await?;
    let content = content.ok_or_else(|| Problem::new(ErrorCode::ArtifactUnknown, ""))?;
    Ok(described(&info, Body::from_stream(chunks(content))))
}

async fn open(asked: &Asked<'_>, with_content: bool) -> Result<(ArtifactInfo, Option<VerifiedContent>), Problem> {
    let digest: Sha256Hex = path_name("sha256", asked.parameter(0))?;
    asked.query.refuse_rest()?;
    let store = Arc::clone(asked.principal.gateway().admin().artifacts());
    blocking(move || {
        let info = store.describe(&digest.to_string()).map_err(refused)?;
        let content = with_content.then(|| store.open_content(&digest)).transpose().map_err(refused)?;
        Ok((info, content))
    })
    .await
}

/// Nothing that a browser would show or run, whatever somebody said it is.
fn described(info: &ArtifactInfo, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(info.size_bytes));
    response
}

/// Each chunk is hashed after it was read; the stream breaks off where one was changed.
fn chunks(content: VerifiedContent) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> + Send {
    stream::try_unfold((content, 0_u64), |(mut content, offset)| async move {
        if offset >= content.size_bytes() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let bytes = content.read_at(offset, CHUNK_BYTES);
            (bytes, content)
        });
        let (bytes, content) = read.await.map_err(std::io::Error::other)?;
        let bytes = bytes.map_err(|_| std::io::Error::other("the artifact was changed"))?;
        let next = offset + bytes.len() as u64;
        Ok(Some((Bytes::from(bytes), (content, next))))
    })
}
