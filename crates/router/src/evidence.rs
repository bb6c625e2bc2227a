//! What of a call goes into the ledger (spec page 3, `log_level`).
//!
//! What never happens here: a payload, a result, a context or a secret in an event.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::commitment::Salt;
use omega_contract::limits::META_TEXT_BYTES_MAX;
use omega_contract::ports::{CallKey, LaneReport};
use omega_contract::{
    Caller, ErrorCode, EventDraft, EventKind, LogLevel, Meta, Payload, Sha256Hex, canonical_value_bytes,
};
use omega_validator::{Call, Verified};

use crate::passing::{About, Passing};
use crate::redaction::redact;
use crate::replay::ReplayOf;
use crate::services::{Refused, Services};
use crate::target::Target;

/// The evidence of one call: what all its events have in common.
pub(crate) struct CallEvidence {
    pub(crate) target: Arc<Target>,
    key: CallKey,
    input_hash: Sha256Hex,
    payload_artifact: Option<Sha256Hex>,
    salt: Option<Salt>,
    replays: Option<ReplayOf>,
    caller: Caller,
}

impl CallEvidence {
    /// Prepares it; for `log_level: full` the payload is kept first, so that an INVOKE never names an
    /// artifact that is not there.
    pub(crate) fn prepare(
        services: &dyn Services,
        target: Arc<Target>,
        call: &Verified<Call>,
        passing: &Passing<'_>,
    ) -> Result<Self, Refused> {
        let key = passing.key();
        let redactions = &target.package.manifest().evidence.redactions;
        let salt = if redactions.is_empty() {
            None
        } else {
            Some(services.salt(key.run_id.as_str(), key.request_id.as_str(), key.step)?)
        };
        let (replays, caller) = (passing.replays.cloned(), passing.asker.caller.clone());
        let full = target.package.manifest().evidence.log_level == LogLevel::Full;
        let mut evidence =
            Self { target, key, input_hash: call.input_hash(), payload_artifact: None, salt, replays, caller };
        if full || evidence.salt.is_some() {
            let payload = &call.request().request().payload;
            (evidence.input_hash, evidence.payload_artifact) =
                evidence.commit(services, payload, evidence.input_hash, full)?;
        }
        Ok(evidence)
    }

    /// The hash that the ledger holds of a payload or result, whose own is `hash`, and the artifact where it is kept.
    pub(crate) fn commit(
        &self,
        services: &dyn Services,
        payload: &Payload,
        hash: Sha256Hex,
        keep: bool,
    ) -> Result<(Sha256Hex, Option<Sha256Hex>), Refused> {
        let no_form = |error: serde_json::Error| Refused::new(ErrorCode::Io, error.to_string());
        let redactions = &self.target.package.manifest().evidence.redactions;
        let (bytes, hash) = match self.salt {
            Some(salt) => {
                let redacted = redact(payload, redactions, salt).map_err(no_form)?.document;
                let bytes = canonical_value_bytes(&redacted).map_err(no_form)?;
                let hash = Sha256Hex::of(&bytes);
                (bytes, hash)
            }
            None => (payload.canonical_bytes(), hash),
        };
        let artifact = if keep { Some(services.keep(&bytes)?) } else { None };
        Ok((hash, artifact))
    }

    /// Whether the result must be committed to (kept or redacted) before its event.
    pub(crate) fn commits_results(&self) -> bool {
        self.salt.is_some() || self.keeps()
    }

    pub(crate) fn keeps(&self) -> bool {
        self.target.package.manifest().evidence.log_level == LogLevel::Full
    }

    /// INVOKE.
    pub(crate) fn intent(&self, attempt: u32, limit: Duration) -> EventDraft {
        let draft = self.draft(EventKind::Invoke, attempt);
        if self.is_minimal() {
            return draft;
        }
        let limits = &self.target.limits;
        let mut draft = draft
            .asked_by(&self.caller)
            .with("limit_ms", limit.as_millis().to_string())
            .with("memory_bytes_max", limits.memory_bytes_max.to_string())
            .with("engine", self.target.lane.engine.as_str())
            .with("layers", self.target.lane.layers.as_str())
            .with("determinism", self.determinism());
        if let Some(fuel_max) = limits.fuel_max {
            draft = draft.with("fuel_max", fuel_max.to_string());
        }
        if let Some(artifact) = &self.payload_artifact {
            draft = draft.with("payload_artifact", artifact.to_string());
        }
        draft
    }

    /// BROKER.
    pub(crate) fn broker(&self, attempt: u32, used: Meta) -> EventDraft {
        let mut draft = self.draft(EventKind::Broker, attempt);
        draft.meta.extend(used);
        draft
    }

    /// RESULT, REJECT or ERROR.
    pub(crate) fn outcome(
        &self,
        kind: EventKind,
        attempt: u32,
        reason: Option<ErrorCode>,
        report: Option<&LaneReport>,
    ) -> EventDraft {
        let mut draft = self.draft(kind, attempt);
        if let Some(reason) = reason {
            draft = draft.with("reason", reason.as_str());
        }
        let Some(report) = report.filter(|_| !self.is_minimal()) else { return draft };
        draft = draft.with("duration_us", report.duration.as_micros().to_string());
        for (key, value) in &report.facts {
            draft = draft.with(key, value.as_str());
        }
        draft
    }

    fn draft(&self, kind: EventKind, attempt: u32) -> EventDraft {
        let package = &self.target.package;
        let mut draft = EventDraft::of_run(kind, self.key.run_id.clone())
            .with("attempt", attempt.to_string())
            .with("lane", self.target.lane.kind.as_str())
            .with("manifest_hash", package.manifest_hash().to_string())
            .with("package_digest", package.package_digest().to_string())
            .with("step", self.key.step.to_string());
        draft.plugin_id = Some(package.manifest().plugin_id.clone());
        draft.request_id = Some(self.key.request_id.clone());
        draft.input_hash = Some(self.input_hash);
        if self.salt.is_some() {
            draft = draft.with("redacted", "true");
        }
        match &self.replays {
            Some(replays) => replays.named_in(draft),
            None => draft,
        }
    }

    fn is_minimal(&self) -> bool {
        self.target.package.manifest().evidence.log_level == LogLevel::Minimal
    }

    /// Declared mode, and how this lane holds it.
    fn determinism(&self) -> String {
        use omega_contract::DeterminismMode::{Deterministic, Probabilistic};
        match self.target.package.manifest().determinism.mode {
            Deterministic => format!("deterministic, {}", self.target.lane.determinism.as_str()),
            Probabilistic => Probabilistic.as_str().to_owned(),
        }
    }
}

/// REJECT of a request that never ran (steps 1 to 5).
pub(crate) fn refusal(about: &About<'_>, refused: &Refused) -> EventDraft {
    let mut draft = EventDraft::of_run(EventKind::Reject, about.run_id.clone())
        .with("reason", refused.code.as_str())
        .with("step", about.step.to_string())
        .asked_by(about.caller);
    draft.plugin_id = Some(about.plugin_id.clone());
    draft.request_id = Some(about.request_id.clone());
    draft.input_hash = about.recorded_hash;
    match about.replays {
        Some(replays) => replays.named_in(draft),
        None => draft,
    }
}

/// Text from outside, as it may stand in a response's notes: bounded, on a character's boundary.
pub(crate) fn bounded(text: &str) -> String {
    if text.len() <= META_TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=META_TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}… [cut]", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_the_limit_on_a_boundary() {
        let at_limit = "x".repeat(META_TEXT_BYTES_MAX);
        assert_eq!(bounded(&at_limit), at_limit);
        let past = bounded(&format!("{}🦀", &at_limit[1..]));
        assert_eq!(past, format!("{}… [cut]", &at_limit[1..]));
    }
}
