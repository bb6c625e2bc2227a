//! What stands in for the gateway's brokers and log while [`run`](super::run) calls a function. Kept per thread, because
//! tests run side by side.

use std::cell::RefCell;

use sha2::{Digest as _, Sha256};

use super::LogLine;
use crate::{BinaryRef, BrokerError, Payload, log::Level};

/// What one request names, and what the function logged.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) named: Named,
    pub(super) refuses: Option<BrokerError>,
    pub(super) logs: Vec<LogLine>,
}

#[derive(Debug)]
pub(super) enum Named {
    Nothing,
    Artifact { artifact: BinaryRef, bytes: Option<Vec<u8>> },
    Rows(Option<Vec<String>>),
}

impl Named {
    pub(super) fn by(payload: &Payload, bytes: Option<Vec<u8>>, rows: Option<Vec<String>>) -> Self {
        match payload {
            Payload::BinaryRef(artifact) => Self::Artifact { artifact: artifact.clone(), bytes },
            Payload::DatasetSlice(_) => Self::Rows(rows),
            Payload::Text(_) | Payload::Json(_) => Self::Nothing,
        }
    }
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Puts the host in place, calls the function, and takes the host away again, also when the function panics.
pub(super) fn during<T>(host: Host, function: impl FnOnce() -> T) -> (T, Host) {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            HOST.set(None);
        }
    }
    assert!(HOST.replace(Some(host)).is_none(), "a plugin cannot run within a plugin");
    let clear = Clear;
    let value = function();
    let host = HOST.take().expect("only `Clear` takes the host away, and it comes later");
    drop(clear);
    (value, host)
}

fn with_host<T>(ask: impl FnOnce(&mut Host) -> Result<T, BrokerError>) -> Result<T, BrokerError> {
    HOST.with_borrow_mut(|host| match host {
        None => {
            Err(BrokerError::Failed("no broker here: call the function through omega_plugin::testing::run".to_owned()))
        }
        Some(Host { refuses: Some(refusal), .. }) => Err(refusal.clone()),
        Some(host) => ask(host),
    })
}

fn artifact<T>(artifact_id: &str, read: impl FnOnce(&[u8]) -> T) -> Result<T, BrokerError> {
    with_host(|host| match &host.named {
        Named::Artifact { artifact, bytes } if artifact.artifact_id == artifact_id => {
            let Some(bytes) = bytes else {
                return Err(BrokerError::Unknown(format!("the test gave no bytes for {artifact_id}")));
            };
            if sha256_hex(bytes) != artifact.artifact_hash {
                return Err(BrokerError::HashMismatch(artifact_id.to_owned()));
            }
            Ok(read(bytes))
        }
        _ => Err(BrokerError::Denied(format!("this request does not name the artifact {artifact_id}"))),
    })
}

pub(crate) fn artifact_size(artifact_id: &str) -> Result<u64, BrokerError> {
    artifact(artifact_id, |bytes| bytes.len() as u64)
}

pub(crate) fn artifact_read(artifact_id: &str, offset: u64, length_bytes: u32) -> Result<Vec<u8>, BrokerError> {
    artifact(artifact_id, |bytes| {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().copied().take(length_bytes as usize).collect()
    })
}

fn rows<T>(read: impl FnOnce(&[String]) -> T) -> Result<T, BrokerError> {
    with_host(|host| match &host.named {
        Named::Rows(Some(rows)) => Ok(read(rows)),
        Named::Rows(None) => Err(BrokerError::Unknown("the test gave no rows".to_owned())),
        _ => Err(BrokerError::Denied("this request names no rows".to_owned())),
    })
}

pub(crate) fn dataset_count() -> Result<u64, BrokerError> {
    rows(|rows| rows.len() as u64)
}

pub(crate) fn dataset_read(first: u64, rows_max: u32) -> Result<Vec<String>, BrokerError> {
    rows(|rows| {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let rest = rows.get(first..).unwrap_or_default();
        rest.iter().take(rows_max as usize).cloned().collect()
    })
}

/// Keeps the line for the test to look at; outside of one it goes to stderr.
pub(crate) fn log(level: Level, message: &str) {
    HOST.with_borrow_mut(|host| match host {
        Some(host) => host.logs.push(LogLine { level, message: message.to_owned() }),
        None => eprintln!("{level:?}: {message}"),
    });
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
