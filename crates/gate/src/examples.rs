//! The package's example requests, and the bench on which they are run.

use std::sync::atomic::{AtomicU64, Ordering};

use omega_contract::{Manifest, PluginRequest, Status, Timestamp};
use omega_validator::PackageFiles;
use serde_json::{Value, json};

use crate::port::{Called, Trial};

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) path: String,
    pub(crate) request: PluginRequest,
    /// Its payload as JSON.
    pub(crate) payload: Value,
}

/// All that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    pub(crate) list: Vec<Example>,
    /// Those that are no requests, and why.
    pub(crate) unreadable: Vec<(String, String)>,
}

impl Examples {
    pub(crate) fn of(files: &PackageFiles) -> Self {
        let mut examples = Self::default();
        for (path, read) in omega_validator::examples(files) {
            let read = read.map_err(|refusal| refusal.message).and_then(|request| {
                let payload = serde_json::to_value(&request.payload).map_err(|error| error.to_string())?;
                Ok((request, payload))
            });
            match read {
                Ok((request, payload)) => examples.list.push(Example { path, request, payload }),
                Err(why) => examples.unreadable.push((path, why)),
            }
        }
        examples
    }
}

/// Where calls are made, each with ids of its own.
pub(crate) struct Bench<'t> {
    pub(crate) trial: &'t dyn Trial,
    pub(crate) manifest: &'t Manifest,
    pub(crate) examples: &'t Examples,
    calls: AtomicU64,
}

impl<'t> Bench<'t> {
    pub(crate) fn new(trial: &'t dyn Trial, manifest: &'t Manifest, examples: &'t Examples) -> Self {
        Self { trial, manifest, examples, calls: AtomicU64::new(0) }
    }

    /// One call with the example's payload and context, in this run.
    pub(crate) async fn call(&self, run_id: &str, example: &Example) -> Result<Called, String> {
        let context = serde_json::to_value(&example.request.context).map_err(|error| error.to_string())?;
        self.call_payload(run_id, example.payload.clone(), context).await
    }

    /// One call with any payload, which may be none.
    pub(crate) async fn call_payload(&self, run_id: &str, payload: Value, context: Value) -> Result<Called, String> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        // Another id and another time for each: a deterministic plugin must not see the difference.
        let timestamp = Timestamp::from_unix_micros(i64::try_from(number).unwrap_or_default() * 1_000_000);
        let request = json!({
            "request_id": format!("{run_id}-{number}"), "run_id": run_id, "timestamp": timestamp, "context": context,
            "payload": payload,
        });
        self.trial.call(request.to_string().into_bytes()).await
    }
}

/// What of an outcome must not differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    status: Status,
    reason: Option<omega_contract::ErrorCode>,
    output_hash: String,
}

impl Seen {
    pub(crate) fn of(called: &Called) -> Self {
        Self { status: called.status, reason: called.reason, output_hash: called.output_hash.clone() }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        match self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => write!(f, " {:.12}", self.output_hash),
        }
    }
}

/// What the first runs of an example gave: what the other checks compare with.
#[derive(Debug, Clone)]
pub(crate) struct FirstRun {
    /// Which of the examples.
    pub(crate) index: usize,
    pub(crate) called: Called,
    /// Whether a second run at once gave the same.
    pub(crate) is_stable: bool,
}
