//! What operators see of a running server: metrics, and traces where a collector is configured.
//!
//! Neither is evidence: evidence is the ledger. What never happens here: a call that waits for whoever collects, or a
//! payload, a result, a context or a secret in what is collected.

mod metrics;
mod otlp;
mod process;
mod traces;

use omega_gateway::{CallObserver, ObservedCall};

pub(crate) use metrics::{CONTENT_TYPE, Metrics, Now};
pub(crate) use traces::{Exporter, Traces};

/// Hears of calls for both.
pub(crate) struct Telemetry {
    pub(crate) metrics: Metrics,
    pub(crate) traces: Option<Traces>,
}

impl CallObserver for Telemetry {
    fn answered(&self, call: &ObservedCall<'_>) {
        self.metrics.answered(call);
        if let Some(traces) = &self.traces {
            traces.answered(call);
        }
    }
}
