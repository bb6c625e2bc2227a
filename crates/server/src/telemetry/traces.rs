//! A span for each call with one for each of its stages, sent to a collector in batches.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use omega_gateway::contract::{ErrorCode, Status};
use omega_gateway::{GatewayError, ObservedCall};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use ulid::Ulid;

use super::otlp::{Attribute, Export, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanStatus};
use crate::stopping::Stopping;

/// Calls that wait to be sent; beyond them their spans are dropped, so that no call waits for a collector.
const CALLS_WAITING_MAX: usize = 2_048;
/// Calls of one export.
const CALLS_AT_ONCE: usize = 256;
/// How long calls are gathered.
const GATHERING: Duration = Duration::from_secs(1);
/// How long a collector has.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(5);
/// Bit 0 of the flags: whoever asks records its part of the trace.
const SAMPLED: u8 = 1;

/// Takes calls to the exporter.
pub(crate) struct Traces {
    calls: Sender<Vec<Span>>,
}

/// Sends what [`Traces`] takes.
pub(crate) struct Exporter {
    calls: Receiver<Vec<Span>>,
    endpoint: Uri,
}

impl Traces {
    /// For this collector: `http://host:port/path`.
    ///
    /// # Errors
    /// `config_invalid`.
    pub(crate) fn new(endpoint: &str) -> Result<(Self, Exporter), GatewayError> {
        let unusable = |why: String| GatewayError::new(ErrorCode::ConfigInvalid, format!("serve.otlp_endpoint: {why}"));
        let endpoint: Uri = endpoint.parse().map_err(|error| unusable(format!("{error}")))?;
        if endpoint.scheme_str() != Some("http") || endpoint.host().is_none() {
            return Err(unusable("an address that begins with http://".to_owned()));
        }
        let (sender, calls) = mpsc::channel(CALLS_WAITING_MAX);
        Ok((Self { calls: sender }, Exporter { calls, endpoint }))
    }

    pub(crate) fn answered(&self, call: &ObservedCall<'_>) {
        let trace = call.caller.trace();
        if trace.is_some_and(|trace| trace.flags & SAMPLED == 0) {
            return;
        }
        match self.calls.try_send(spans(call, SystemTime::now())) {
            // Where the collector is too slow or gone, the spans are lost; the evidence is in the ledger.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {}
        }
    }
}

/// The call's span and those of its stages, one after the other, ending `now`.
fn spans(call: &ObservedCall<'_>, now: SystemTime) -> Vec<Span> {
    let end = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let began = end.saturating_sub(call.took);
    let trace = call.caller.trace();
    let trace_id = format!("{:032x}", trace.map_or_else(|| Ulid::generate().0, |trace| trace.trace_id));
    let root_id = span_id();
    let mut attributes = vec![
        Attribute::new("omega.plugin", call.plugin_id.as_str()),
        Attribute::new("omega.status", call.status.as_str()),
        Attribute::new("omega.run_id", call.run_id.as_str()),
        Attribute::new("omega.request_id", call.request_id.as_str()),
        Attribute::new("omega.event_index", call.event_index.to_string()),
    ];
    attributes.extend(call.reason.map(|reason| Attribute::new("omega.reason", reason.as_str())));
    attributes.extend(call.caller.actor().map(|actor| Attribute::new("omega.actor", actor)));
    let failed = matches!(call.status, Status::Error | Status::Timeout);
    let root = Span {
        trace_id: trace_id.clone(),
        span_id: root_id.clone(),
        parent_span_id: trace.map(|trace| format!("{:016x}", trace.parent_id)).unwrap_or_default(),
        name: "omega.invoke".to_owned(),
        kind: 2,
        start_time_unix_nano: began.as_nanos().to_string(),
        end_time_unix_nano: end.as_nanos().to_string(),
        attributes,
        status: SpanStatus { code: if failed { 2 } else { 0 } },
    };
    let mut spans = vec![root];
    let (stages, mut from) = (&call.stages, began);
    for (name, time) in [
        ("omega.find", stages.find),
        ("omega.check", stages.check),
        ("omega.wait", stages.wait),
        ("omega.run", stages.run),
        ("omega.record", stages.record),
    ] {
        let to = from + time;
        if time > Duration::ZERO {
            spans.push(Span {
                trace_id: trace_id.clone(),
                span_id: span_id(),
                parent_span_id: root_id.clone(),
                name: name.to_owned(),
                kind: 1,
                start_time_unix_nano: from.as_nanos().to_string(),
                end_time_unix_nano: to.as_nanos().to_string(),
                attributes: Vec::new(),
                status: SpanStatus { code: 0 },
            });
        }
        from = to;
    }
    spans
}

/// 64 random bits, never zero.
fn span_id() -> String {
    // The lower 80 bits of a ULID are random.
    let random = Ulid::generate().0 & u128::from(u64::MAX);
    format!("{:016x}", random.max(1))
}

impl Exporter {
    /// Sends until the end comes, and what is there then.
    pub(crate) async fn run(mut self, stopping: Stopping) {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        loop {
            let mut calls = Vec::new();
            tokio::select! {
                biased;
                () = stopping.stopped() => break,
                count = self.calls.recv_many(&mut calls, CALLS_AT_ONCE) => if count == 0 { return },
            }
            // Not the first alone: what comes within the next moment goes with it.
            tokio::select! {
                () = stopping.stopped() => {}
                () = tokio::time::sleep(GATHERING) => {}
            }
            self.take_more(&mut calls);
            self.send(&client, calls).await;
        }
        let mut calls = Vec::new();
        self.take_more(&mut calls);
        if !calls.is_empty() {
            self.send(&client, calls).await;
        }
    }

    fn take_more(&mut self, calls: &mut Vec<Vec<Span>>) {
        while calls.len() < CALLS_WAITING_MAX {
            let Ok(call) = self.calls.try_recv() else { return };
            calls.push(call);
        }
    }

    async fn send(&self, client: &Client<HttpConnector, Full<Bytes>>, calls: Vec<Vec<Span>>) {
        let Ok(body) = serde_json::to_vec(&export(calls.into_iter().flatten().collect())) else { return };
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        let Ok(request) = request else { return };
        // Whatever the collector says or does not say: there is nobody who could do anything about it here.
        let _unheard = tokio::time::timeout(EXPORT_TIME_MAX, client.request(request)).await;
    }
}

fn export(spans: Vec<Span>) -> Export {
    let resource = Resource {
        attributes: vec![
            Attribute::new("service.name", "omega"),
            Attribute::new("service.version", env!("CARGO_PKG_VERSION")),
        ],
    };
    let scope = Scope { name: "omega-server", version: env!("CARGO_PKG_VERSION") };
    Export { resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }] }
}

#[cfg(test)]
mod tests {
    use omega_gateway::CallStages;
    use omega_gateway::contract::Caller;

    use super::*;

    fn observed(caller: &Caller, work: impl FnOnce(&ObservedCall<'_>)) {
        work(&ObservedCall {
            caller,
            plugin_id: &"hello".parse().unwrap(),
            run_id: &"r".parse().unwrap(),
            request_id: &"q".parse().unwrap(),
            status: Status::Timeout,
            reason: Some(ErrorCode::Timeout),
            event_index: 7,
            took: Duration::from_millis(10),
            stages: CallStages {
                find: Duration::from_millis(1),
                run: Duration::from_millis(8),
                ..CallStages::default()
            },
        });
    }

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_call_is_a_span_of_its_callers_trace_with_its_stages_within() {
        let caller = Caller::new("ci").traced(TRACE.parse().ok());
        observed(&caller, |call| {
            let now = UNIX_EPOCH + Duration::from_secs(1_000);
            let document = serde_json::to_value(export(spans(call, now))).unwrap();
            let spans = &document["resourceSpans"][0]["scopeSpans"][0]["spans"];
            let [root, find, run] = spans.as_array().unwrap().as_slice() else { panic!("{spans}") };
            assert_eq!(root["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(root["parentSpanId"], "00f067aa0ba902b7");
            assert_eq!(root["startTimeUnixNano"], "999990000000");
            assert_eq!(root["endTimeUnixNano"], "1000000000000");
            assert_eq!(root["status"]["code"], 2);
            assert_eq!((&find["name"], &run["name"]), (&"omega.find".into(), &"omega.run".into()));
            assert_eq!(run["startTimeUnixNano"], "999991000000");
            assert_eq!(run["endTimeUnixNano"], "999999000000");
            assert_eq!((&find["parentSpanId"], &run["parentSpanId"]), (&root["spanId"], &root["spanId"]));
            let attributes = root["attributes"].to_string();
            assert!(attributes.contains(r#"{"key":"omega.actor","value":{"stringValue":"ci"}}"#), "{attributes}");
        });
    }

    #[test]
    fn a_trace_that_its_caller_does_not_record_is_not_recorded_here() {
        let (traces, mut exporter) = Traces::new("http://127.0.0.1:1/v1/traces").unwrap();
        let unsampled = TRACE.replace("-01", "-00").parse().ok();
        observed(&Caller::new("ci").traced(unsampled), |call| traces.answered(call));
        assert!(exporter.calls.try_recv().is_err());
        observed(&Caller::new("ci"), |call| traces.answered(call));
        assert!(exporter.calls.try_recv().is_ok(), "without a trace it begins one");
    }

    #[test]
    fn a_collector_that_does_not_take_anything_keeps_nobody_waiting() {
        let (traces, exporter) = Traces::new("http://127.0.0.1:1/v1/traces").unwrap();
        observed(&Caller::new("ci"), |call| (0..CALLS_WAITING_MAX + 10).for_each(|_| traces.answered(call)));
        assert_eq!(exporter.calls.len(), CALLS_WAITING_MAX);
        assert!(Traces::new("https://collector/").is_err() && Traces::new("/path").is_err());
    }
}
