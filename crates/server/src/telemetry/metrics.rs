//! Metrics in the OpenMetrics text format, which Prometheus reads.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use omega_gateway::{Activity, ObservedCall};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::process;

/// The media type of what [`Metrics::text`] gives.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Plugins that have series of their own; the calls of all others are counted together, under this label.
const PLUGINS_NAMED_MAX: usize = 1_000;
const OTHER_PLUGINS: &str = "(other)";
/// Upper bounds of the histograms, in seconds: 50 µs to 10 s.
const BUCKETS: [f64; 17] =
    [5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    plugin: String,
    status: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// Counters since the start, and what is going on now.
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    call_seconds: Histogram,
    stage_seconds: Family<StageLabels, Histogram>,
    http_requests: Family<HttpLabels, Counter>,
    named: RwLock<HashSet<String>>,
    gauges: Gauges,
}

/// What is going on when the metrics are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) activity: Activity,
    pub(crate) event_readers: usize,
    pub(crate) connections: usize,
}

#[derive(Default)]
struct Gauges {
    calls_running: Gauge,
    calls_waiting: Gauge,
    plugins_ready: Gauge,
    ledger_events: Gauge,
    checkpoint_lag: Gauge,
    event_readers: Gauge,
    connections: Gauge,
    resident_bytes: Gauge,
    open_fds: Gauge,
    threads: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let calls = Family::default();
        let call_seconds = histogram();
        let stage_seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let http_requests = Family::default();
        let gauges = Gauges::default();
        registry.register("omega_calls", "Calls that were answered", calls.clone());
        registry.register_with_unit(
            "omega_call_duration",
            "From a call to its answer",
            Unit::Seconds,
            call_seconds.clone(),
        );
        registry.register_with_unit(
            "omega_call_stage",
            "How long calls that ran were in each stage",
            Unit::Seconds,
            stage_seconds.clone(),
        );
        registry.register("omega_http_requests", "HTTP requests that were answered", http_requests.clone());
        gauges.register(&mut registry);
        Self { registry, calls, call_seconds, stage_seconds, http_requests, named: RwLock::default(), gauges }
    }

    pub(crate) fn answered(&self, call: &ObservedCall<'_>) {
        let labels = CallLabels {
            plugin: self.label(call.plugin_id.as_str()),
            status: call.status.as_str(),
            reason: call.reason.map_or("", omega_gateway::contract::ErrorCode::as_str),
        };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.observe(call.took.as_secs_f64());
        if call.stages.run == Duration::ZERO {
            return;
        }
        let stages = &call.stages;
        for (stage, time) in [
            ("find", stages.find),
            ("check", stages.check),
            ("wait", stages.wait),
            ("run", stages.run),
            ("record", stages.record),
        ] {
            self.stage_seconds.get_or_create(&StageLabels { stage }).observe(time.as_secs_f64());
        }
    }

    /// One request was answered. `route` is the pattern that it matched, never its path: that is the client's text.
    pub(crate) fn http(&self, method: &'static str, route: &str, status: u16) {
        let labels = HttpLabels { method, route: route.to_owned(), status };
        self.http_requests.get_or_create(&labels).inc();
    }

    /// Everything, as text.
    pub(crate) fn text(&self, now: Now) -> String {
        self.gauges.set(now);
        let mut text = String::new();
        // A String takes all that is written to it.
        let _written = encode(&mut text, &self.registry);
        text
    }

    /// A plugin's own name for as many plugins as may have one: ids come from outside, series stay for ever.
    fn label(&self, plugin_id: &str) -> String {
        let is_named = |named: &HashSet<String>| named.contains(plugin_id);
        if is_named(&self.named.read().unwrap_or_else(PoisonError::into_inner)) {
            return plugin_id.to_owned();
        }
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        if !is_named(&named) && named.len() >= PLUGINS_NAMED_MAX {
            return OTHER_PLUGINS.to_owned();
        }
        named.insert(plugin_id.to_owned());
        plugin_id.to_owned()
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            ("omega_calls_running", "Calls that run", &self.calls_running),
            ("omega_calls_waiting", "Calls that wait for one of the gateway's places", &self.calls_waiting),
            ("omega_plugins_ready", "Plugins that are kept ready", &self.plugins_ready),
            ("omega_ledger_events", "Events in the ledger", &self.ledger_events),
            ("omega_ledger_checkpoint_lag_events", "Events that no checkpoint covers yet", &self.checkpoint_lag),
            ("omega_event_readers", "Readers of the event stream", &self.event_readers),
            ("omega_http_connections", "HTTP connections", &self.connections),
            ("process_resident_memory_bytes", "Memory in use", &self.resident_bytes),
            ("process_open_fds", "Open file descriptors", &self.open_fds),
            ("process_threads", "Threads", &self.threads),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }

    fn set(&self, now: Now) {
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        let Activity { calls_running, calls_waiting, plugins_ready, events, events_checkpointed } = now.activity;
        set(&self.calls_running, calls_running as u64);
        set(&self.calls_waiting, calls_waiting as u64);
        set(&self.plugins_ready, plugins_ready as u64);
        set(&self.ledger_events, events);
        set(&self.checkpoint_lag, events.saturating_sub(events_checkpointed));
        set(&self.event_readers, now.event_readers as u64);
        set(&self.connections, now.connections as u64);
        let process = process::usage();
        set(&self.resident_bytes, process.resident_bytes);
        set(&self.open_fds, process.open_fds);
        set(&self.threads, process.threads);
    }
}

#[cfg(test)]
mod tests {
    use omega_gateway::CallStages;
    use omega_gateway::contract::{Caller, ErrorCode, Status};

    use super::*;

    const NOW: Now = Now {
        activity: Activity { calls_running: 1, calls_waiting: 2, plugins_ready: 3, events: 10, events_checkpointed: 4 },
        event_readers: 5,
        connections: 6,
    };

    fn answered(metrics: &Metrics, plugin: &str, status: Status, reason: Option<ErrorCode>) {
        metrics.answered(&ObservedCall {
            caller: &Caller::default(),
            plugin_id: &plugin.parse().unwrap(),
            run_id: &"r".parse().unwrap(),
            request_id: &"q".parse().unwrap(),
            status,
            reason,
            event_index: 0,
            took: Duration::from_millis(3),
            stages: CallStages { run: Duration::from_micros(120), ..CallStages::default() },
        });
    }

    #[test]
    fn what_happened_is_counted() {
        let metrics = Metrics::new();
        answered(&metrics, "hello", Status::Ok, None);
        answered(&metrics, "hello", Status::Ok, None);
        answered(&metrics, "hello", Status::Timeout, Some(ErrorCode::Timeout));
        metrics.http("GET", "/v1/plugins", 200);
        let text = metrics.text(NOW);
        for line in [
            "omega_calls_total{plugin=\"hello\",status=\"ok\",reason=\"\"} 2",
            "omega_calls_total{plugin=\"hello\",status=\"timeout\",reason=\"timeout\"} 1",
            "omega_call_duration_seconds_bucket{le=\"0.005\"} 3",
            "omega_call_duration_seconds_bucket{le=\"0.002\"} 0",
            "omega_call_stage_seconds_bucket{le=\"0.0002\",stage=\"run\"} 3",
            "omega_http_requests_total{method=\"GET\",route=\"/v1/plugins\",status=\"200\"} 1",
            "omega_ledger_checkpoint_lag_events 6",
            "omega_calls_waiting 2",
            "omega_http_connections 6",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn so_many_plugins_have_series_of_their_own_and_no_more() {
        let metrics = Metrics::new();
        for number in 0..=PLUGINS_NAMED_MAX {
            answered(&metrics, &format!("plugin-{number}"), Status::Ok, None);
        }
        answered(&metrics, "plugin-0", Status::Ok, None);
        let text = metrics.text(NOW);
        let calls: Vec<&str> = text.lines().filter(|line| line.starts_with("omega_calls_total")).collect();
        assert_eq!(calls.len(), PLUGINS_NAMED_MAX + 1);
        let has = |line: &str| calls.contains(&line);
        assert!(has("omega_calls_total{plugin=\"plugin-0\",status=\"ok\",reason=\"\"} 2"));
        assert!(has("omega_calls_total{plugin=\"(other)\",status=\"ok\",reason=\"\"} 1"));
    }
}
