//! What came of replaying a call, and how it is told.
//!
//! What never happens here: a difference explained away. A call is `not replayable` only where the host, and not the
//! plugin, decided the ending.

use std::borrow::Cow;

use omega_contract::{ErrorCode, Sha256Hex, Status};
use omega_router::Answer;
use serde::{Deserialize, Serialize};

/// What a replay of one call shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayVerdict {
    /// The same result.
    Same,
    /// Another result, or none: the plugin is not what it was declared to be, or the evidence was forged.
    Different(Difference),
    /// It could not be found out.
    NotReplayable(WhyNot),
}

impl ReplayVerdict {
    /// The word on the command line.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different(_) => "different",
            Self::NotReplayable(_) => "not replayable",
        }
    }
}

/// How the repeated call ended otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its status.
    pub status: Status,
    /// Its code where that is not `ok`.
    pub reason: Option<ErrorCode>,
    /// `hash(result)`; `""` where there is none.
    pub output_hash: String,
    /// Limits that were not those of the first time: a deterministic result must not depend on them.
    pub limits: Vec<ChangedLimit>,
}

/// A limit of the lane that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedLimit {
    /// Its name in events.
    pub name: Cow<'static, str>,
    /// What it was; none: there was none.
    pub recorded: Option<u64>,
    /// What it is.
    pub now: Option<u64>,
}

impl ChangedLimit {
    const fn is_lower(&self) -> bool {
        match (self.recorded, self.now) {
            (Some(recorded), Some(now)) => now < recorded,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

impl std::fmt::Display for ChangedLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        write!(f, "{} was {} and is {}", self.name, word(self.recorded), word(self.now))
    }
}

/// Why a call cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WhyNot {
    /// Declared `probabilistic`: another result would say nothing.
    #[error("the plugin is not declared deterministic")]
    NotDeterministic,
    /// What is stored is not what ran.
    #[error("redacted: what is stored is not what ran")]
    Redacted,
    /// Nothing was stored.
    #[error("the payload was not stored (log_level {log_level})")]
    NotStored {
        /// The plugin's.
        log_level: Cow<'static, str>,
    },
    /// The package that ran cannot be loaded: it is gone or changed, its key was revoked, its lane is missing.
    #[error("the package that ran cannot be loaded: {message} ({code})")]
    Package {
        /// The stable code.
        code: ErrorCode,
        /// What exactly.
        message: String,
    },
    /// A capability that the call needs was taken back.
    #[error("the plugin does not hold {capability} any more")]
    Capability {
        /// Which.
        capability: omega_contract::Capability,
    },
    /// The stored payload or result is gone, or is not what the event commits to.
    #[error("the stored {part} cannot be used: {message} ({code})")]
    Artifact {
        /// `payload` or `result`.
        part: Cow<'static, str>,
        /// The stable code.
        code: ErrorCode,
        /// What exactly.
        message: String,
    },
    /// What the payload or result refers to is gone or is something else now.
    #[error("what the {part} refers to cannot be used: {message} ({code})")]
    Reference {
        /// `payload` or `result`.
        part: Cow<'static, str>,
        /// The stable code.
        code: ErrorCode,
        /// What exactly.
        message: String,
    },
    /// The event does not say what a replay needs.
    #[error("the event does not say {0}")]
    Unsaid(Cow<'static, str>),
    /// A limit that is lower than it was ended it.
    #[error("it met a limit that is lower now: {0}")]
    LowerLimit(ChangedLimit),
    /// Time is the machine's, not the plugin's.
    #[error("it did not end within its time")]
    OutOfTime,
    /// The gateway refused or broke the repeated call off.
    #[error("the gateway said no: {message} ({code})")]
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// What exactly.
        message: String,
    },
}

impl WhyNot {
    /// A word that stays, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotDeterministic => "not_deterministic",
            Self::Redacted => "redacted",
            Self::NotStored { .. } => "not_stored",
            Self::Package { .. } => "package",
            Self::Capability { .. } => "capability",
            Self::Artifact { .. } => "artifact",
            Self::Reference { .. } => "reference",
            Self::Unsaid(_) => "unsaid",
            Self::LowerLimit(_) => "lower_limit",
            Self::OutOfTime => "out_of_time",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Whether the repeated call began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Began {
    Yes,
    /// Refused in steps 1 to 5.
    No,
}

/// Compares a repeated call with the recorded result.
pub(super) fn judge(
    recorded_output_hash: &str,
    answer: &Answer,
    began: Began,
    limits: Vec<ChangedLimit>,
) -> ReplayVerdict {
    let refused = |code| ReplayVerdict::NotReplayable(WhyNot::Refused { code, message: answer.response.notes.clone() });
    let output_hash = answer.response.evidence_hashes.output_hash.clone();
    let differs = |limits| {
        let (status, reason) = (answer.response.status, answer.reason);
        ReplayVerdict::Different(Difference { status, reason, output_hash: output_hash.clone(), limits })
    };
    let Some(reason) = answer.reason else {
        // The hash of no result is "": it equals nothing that was recorded of a result.
        return if output_hash == recorded_output_hash && !output_hash.is_empty() {
            ReplayVerdict::Same
        } else {
            differs(limits)
        };
    };
    let lower = |name: &str| limits.iter().find(|limit| limit.name == name && limit.is_lower()).cloned();
    match reason {
        ErrorCode::Timeout => ReplayVerdict::NotReplayable(WhyNot::OutOfTime),
        _ if began == Began::No => refused(reason),
        // The host's own troubles, of which the plugin knows nothing.
        ErrorCode::Interrupted | ErrorCode::Io | ErrorCode::LaneUnavailable | ErrorCode::LedgerUnavailable => {
            refused(reason)
        }
        ErrorCode::MemoryLimit | ErrorCode::CpuLimit => {
            let name = if reason == ErrorCode::MemoryLimit { MEMORY } else { FUEL };
            match lower(name) {
                Some(limit) => ReplayVerdict::NotReplayable(WhyNot::LowerLimit(limit)),
                None => differs(limits),
            }
        }
        _ => differs(limits),
    }
}

/// The limits that were not those of the first time.
pub(super) fn changed_limits(recorded: (Option<u64>, Option<u64>), now: (u64, Option<u64>)) -> Vec<ChangedLimit> {
    let both = [
        ChangedLimit { name: MEMORY.into(), recorded: recorded.0, now: Some(now.0) },
        ChangedLimit { name: FUEL.into(), recorded: recorded.1, now: now.1 },
    ];
    both.into_iter().filter(|limit| limit.recorded != limit.now).collect()
}

/// Names of limits in INVOKE events.
const MEMORY: &str = "memory_bytes_max";
const FUEL: &str = "fuel_max";

/// How determinism was held when a call was replayed, and by what engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// `enforced` by the lane's construction, or `audited` by comparing runs.
    pub determinism: omega_contract::ports::Enforcement,
    /// The engine that ran the replay.
    pub engine: String,
    /// The engine that gave the recorded result.
    pub recorded_engine: Option<String>,
}

/// One line of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedCall {
    /// Where the recorded RESULT stands.
    pub event_index: u64,
    /// As the event names it.
    pub plugin_id: String,
    /// As the event names it.
    pub request_id: String,
    /// Its step of a pipeline; 0 outside one.
    pub step: u32,
    /// The package that ran.
    pub package_digest: Option<Sha256Hex>,
    /// `hash(result)` as the ledger has it.
    pub output_hash: String,
    /// What was found.
    pub verdict: ReplayVerdict,
    /// Where the repeated call's own outcome stands, where it was repeated.
    pub replay_event_index: Option<u64>,
    /// How determinism is held; none where nothing was loaded.
    pub assurance: Option<Assurance>,
}

#[cfg(test)]
mod tests {
    use omega_contract::{EvidenceHashes, PluginResponse};

    use super::*;

    fn answer(status: Status, reason: Option<ErrorCode>, output_hash: &str) -> Answer {
        Answer {
            response: PluginResponse {
                request_id: "r".parse().unwrap(),
                plugin_id: "plugin".parse().unwrap(),
                status,
                result: None,
                evidence_hashes: EvidenceHashes { input_hash: String::new(), output_hash: output_hash.into() },
                duration_ms: 0,
                notes: "said so".into(),
            },
            reason,
            event_index: 0,
            event_hash: Sha256Hex::of(b""),
            ran: true,
            retry_after: None,
            guest_log: String::new(),
            stages: omega_router::CallStages::default(),
        }
    }

    #[test]
    fn every_ending_is_one_of_three() {
        use ErrorCode::{
            ArtifactUnknown, CapabilityDenied, CpuLimit, Interrupted, Io, MemoryLimit, OutputSchemaMismatch,
            Overloaded, PluginDeclined, PluginTrap,
        };
        let (lower, higher) = ((Some(100), None), (Some(1), None));
        let check = |answer: Answer, began, recorded, expect: &str| {
            let verdict = judge("aa", &answer, began, changed_limits(recorded, (10, None)));
            let word = match &verdict {
                ReplayVerdict::NotReplayable(why) => why.as_str(),
                other => other.as_str(),
            };
            assert_eq!(word, expect, "{:?} {began:?} {recorded:?}", answer.reason);
        };
        let failed = |code| answer(Status::Error, Some(code), "");
        check(answer(Status::Ok, None, "aa"), Began::Yes, higher, "same");
        check(answer(Status::Ok, None, "bb"), Began::Yes, higher, "different");
        check(answer(Status::Ok, None, ""), Began::Yes, higher, "different");
        for code in [PluginTrap, PluginDeclined, OutputSchemaMismatch, ArtifactUnknown, CapabilityDenied] {
            check(failed(code), Began::Yes, lower, "different");
        }
        for code in [Overloaded, ArtifactUnknown, CapabilityDenied] {
            check(failed(code), Began::No, higher, "refused");
        }
        check(failed(Interrupted), Began::Yes, higher, "refused");
        check(failed(Io), Began::Yes, higher, "refused");
        check(answer(Status::Timeout, Some(ErrorCode::Timeout), ""), Began::Yes, higher, "out_of_time");
        check(failed(MemoryLimit), Began::Yes, lower, "lower_limit");
        check(failed(MemoryLimit), Began::Yes, higher, "different");
        check(failed(MemoryLimit), Began::Yes, (Some(10), None), "different");
        check(failed(CpuLimit), Began::Yes, lower, "different");
        let fuel = changed_limits((Some(10), None), (10, Some(7)));
        assert_eq!(fuel.len(), 1);
        let verdict = judge("aa", &failed(CpuLimit), Began::Yes, fuel);
        assert_eq!(verdict.as_str(), "not replayable");
    }

    /// What was recorded without a result hash cannot be confirmed by another call without one.
    #[test]
    fn nothing_equals_no_result() {
        let verdict = judge("", &answer(Status::Ok, None, ""), Began::Yes, Vec::new());
        assert_eq!(verdict.as_str(), "different");
    }
}
