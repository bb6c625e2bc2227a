//! What the ledger says of a run's calls, as far as a replay needs it.
//!
//! What never happens here: a guess. What an event does not say stays unsaid.

use std::collections::BTreeMap;

use omega_contract::{Event, EventKind, RunId, Sha256Hex};
use omega_ledger::PlacedEvent;
use omega_proof::attempts::AttemptKey;
use omega_router::ReplayOf;

/// One call that gave a result.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// The RESULT.
    pub(super) of: ReplayOf,
    pub(super) plugin_id: String,
    pub(super) request_id: String,
    pub(super) step: u32,
    pub(super) package_digest: Option<Sha256Hex>,
    /// `meta.determinism` of the INVOKE; a `minimal` plugin's has none.
    pub(super) determinism: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) is_redacted: bool,
    pub(super) input_hash: String,
    pub(super) output_hash: String,
    pub(super) payload_artifact: Option<Sha256Hex>,
    pub(super) result_artifact: Option<Sha256Hex>,
    pub(super) memory_bytes_max: Option<u64>,
    pub(super) fuel_max: Option<u64>,
    /// Which dataset the plugin read, where it read one.
    pub(super) dataset_digest: Option<Sha256Hex>,
}

impl Recorded {
    /// The plugin's log level as far as it shows: `full` keeps the payload, `minimal` tells no limits.
    pub(super) fn log_level(&self) -> &'static str {
        match (self.payload_artifact, self.memory_bytes_max) {
            (Some(_), _) => "full",
            (None, Some(_)) => "summary",
            (None, None) => "minimal",
        }
    }
}

/// What an event means to a replay.
#[derive(Debug)]
pub(super) enum Observed {
    /// A call gave a result.
    Call(Box<Recorded>),
    /// A call, or an attempt of one, ended without a result.
    WithoutResult,
    /// Nothing.
    Nothing,
}

/// Pairs the events of one run, in order. Holds what is open and no more.
#[derive(Debug, Default)]
pub(super) struct Recording {
    open: BTreeMap<AttemptKey, Begun>,
}

#[derive(Debug)]
struct Begun {
    invoke: Event,
    dataset_digest: Option<Sha256Hex>,
}

impl Recording {
    /// Takes the next event of `run_id` into account.
    pub(super) fn observe(&mut self, run_id: &RunId, placed: PlacedEvent) -> Observed {
        let PlacedEvent { index, event } = placed;
        let key = AttemptKey::of(&event);
        match event.kind {
            EventKind::Invoke => {
                self.open.insert(key, Begun { invoke: event, dataset_digest: None });
                Observed::Nothing
            }
            EventKind::Broker => {
                if let Some(begun) = self.open.get_mut(&key)
                    && event.meta.get("broker").is_some_and(|broker| broker == "datasets")
                {
                    begun.dataset_digest = parsed(&event, "content_digest");
                }
                Observed::Nothing
            }
            EventKind::Result => {
                let begun = self.open.remove(&key);
                Observed::Call(Box::new(recorded(run_id, index, &event, begun)))
            }
            EventKind::Reject | EventKind::Error => {
                self.open.remove(&key);
                Observed::WithoutResult
            }
            _ => Observed::Nothing,
        }
    }
}

fn recorded(run_id: &RunId, index: u64, result: &Event, begun: Option<Begun>) -> Recorded {
    let (invoke, dataset_digest) = begun.map(|begun| (begun.invoke, begun.dataset_digest)).unzip();
    let of_invoke = |key: &str| invoke.as_ref().and_then(|invoke| invoke.meta.get(key)).cloned();
    let number = |key: &str| of_invoke(key).and_then(|text| text.parse().ok());
    Recorded {
        of: ReplayOf { run_id: run_id.clone(), event_index: index, event_hash: result.event_hash },
        plugin_id: result.plugin_id.clone(),
        request_id: result.request_id.clone(),
        step: result.meta.get("step").and_then(|step| step.parse().ok()).unwrap_or(0),
        package_digest: parsed(result, "package_digest"),
        determinism: of_invoke("determinism"),
        engine: of_invoke("engine"),
        is_redacted: result.meta.get("redacted").is_some_and(|redacted| redacted == "true"),
        input_hash: result.input_hash.clone(),
        output_hash: result.output_hash.clone(),
        payload_artifact: of_invoke("payload_artifact").and_then(|text| text.parse().ok()),
        result_artifact: parsed(result, "result_artifact"),
        memory_bytes_max: number("memory_bytes_max"),
        fuel_max: number("fuel_max"),
        dataset_digest: dataset_digest.flatten(),
    }
}

fn parsed(event: &Event, key: &str) -> Option<Sha256Hex> {
    event.meta.get(key).and_then(|text| text.parse().ok())
}
