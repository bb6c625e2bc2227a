//! The port that all lanes implement (spec page 4): prepare, run, describe.
//!
//! A lane gets a verified program and a checked call and gives an outcome. It knows nothing of
//! manifests, registries or ledgers, and a fresh sandbox serves each call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::capability::CapabilitySet;
use crate::digest::Sha256Hex;
use crate::error_code::ErrorCode;
use crate::ids::PluginId;
use crate::manifest::DeterminismMode;
use crate::payload::Payload;
use crate::plugin_info::LaneKind;
use crate::ports::BoxFuture;
use crate::ports::host::Host;

/// A kind of isolated place where plugins run.
pub trait Lane: Send + Sync + 'static {
    /// What this lane enforces on this machine. A missing mandatory layer makes it unavailable.
    fn describe(&self) -> LaneDescription;

    /// What of it holds for this program: with the one engine that runs it, where the lane has several.
    fn describe_for(&self, _program: &LaneProgram) -> LaneDescription {
        self.describe()
    }

    /// Checks a program without running or compiling it: its form and what it imports.
    ///
    /// # Errors
    /// [`LaneRefusal`] with `component_invalid`, `import_forbidden` or `lane_unavailable`.
    fn inspect(&self, program: &LaneProgram) -> Result<(), LaneRefusal>;

    /// Makes a program ready for calls (compiles it, say). Blocking, bounded in time and memory; call
    /// it off the async threads. A prepared program is immutable: it holds no state of any call.
    ///
    /// # Errors
    /// As [`Lane::inspect`].
    fn prepare(&self, program: &LaneProgram) -> Result<Arc<dyn ReadyProgram>, LaneRefusal>;
}

/// A program that a lane made ready.
pub trait ReadyProgram: Send + Sync + 'static {
    /// Runs one call in a fresh sandbox. Dropping the future ends the sandbox.
    ///
    /// Never fails: what goes wrong is an ending like any other.
    fn run(&self, call: LaneCall) -> BoxFuture<'_, LaneReport>;

    /// Bytes that stay in memory while it is kept ready, calls apart, as far as they grow with the program.
    fn kept_bytes(&self) -> u64 {
        0
    }
}

/// A verified program: the lane may trust that these are the signed bytes.
#[derive(Clone)]
pub struct LaneProgram {
    /// Whose it is.
    pub plugin_id: PluginId,
    /// Of which package.
    pub package_digest: Sha256Hex,
    /// The package-relative path of the entry file.
    pub entry: String,
    /// The bytes of the entry file.
    pub code: Arc<[u8]>,
    /// Every file of the package, by its package-relative path.
    pub files: Arc<BTreeMap<String, Arc<[u8]>>>,
    /// The environment built from its locked dependencies; none: it has no dependencies.
    pub environment: Option<ProgramEnvironment>,
    /// The exported function.
    pub export: String,
    /// What the plugin effectively holds: request ∩ grant ∩ ceiling.
    pub capabilities: CapabilitySet,
    /// Declared determinism; the lane enforces it where it can.
    pub determinism: DeterminismMode,
    /// The bounds of each call.
    pub limits: LaneLimits,
}

/// Dependencies of a program as they were built at install, and found unchanged when it was loaded (spec page 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEnvironment {
    /// The folder that holds the modules; a lane offers it read-only.
    pub folder: PathBuf,
    /// What the folder holds, as it was journalled.
    pub env_digest: Sha256Hex,
    /// Whether it holds machine code.
    pub has_native_code: bool,
}

/// Bounds that a lane enforces on each call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLimits {
    /// Linear or process memory, in bytes.
    pub memory_bytes_max: u64,
    /// Exact bound on computation, in the lane's unit (wasm: fuel); none: time alone bounds it.
    pub fuel_max: Option<u64>,
    /// Bytes of a result as the guest hands it over.
    pub output_bytes_max: u64,
    /// Bytes of log lines, standard output and standard error that are kept, each.
    pub log_bytes_max: u64,
    /// Calls that a guest may make to its host.
    pub host_calls_max: u64,
}

/// One attempt of one call, as the lane gets it.
#[derive(Clone)]
pub struct LaneCall {
    /// What the guest is shown.
    pub request: Arc<LaneRequest>,
    /// Seeds all randomness of a deterministic plugin: SHA-256(package_digest ‖ input_hash).
    pub seed: [u8; 32],
    /// When the sandbox is stopped, whatever it does.
    pub deadline: Instant,
    /// The brokers of this call.
    pub host: Arc<dyn Host>,
}

/// What the guest is shown. For a deterministic plugin the router blanks ids, time and context.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneRequest {
    /// `""` for deterministic plugins.
    pub request_id: String,
    /// `""` for deterministic plugins.
    pub run_id: String,
    /// RFC 3339; 1970-01-01T00:00:00.000000Z for deterministic plugins.
    pub timestamp: String,
    /// The checked payload.
    pub payload: Payload,
    /// Empty for deterministic plugins.
    pub context: BTreeMap<String, String>,
}

/// How a call ended, as the lane saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneReport {
    /// The ending.
    pub ending: LaneEnding,
    /// From the start of the sandbox to its end.
    pub duration: Duration,
    /// Facts for the event's `meta` (`memory_bytes_peak`, `fuel_used`, `log_lines_dropped`, …).
    pub facts: BTreeMap<&'static str, String>,
    /// What the guest wrote to standard error and its log, bounded; for the operator, never for `meta`.
    pub output_text: String,
}

/// How a guest ended.
#[derive(Debug, Clone, PartialEq)]
pub enum LaneEnding {
    /// It returned a result, which nobody has checked yet.
    Finished(GuestOutput),
    /// It declined the input.
    Declined {
        /// The plugin's own code.
        code: String,
        /// The plugin's own sentence.
        message: String,
    },
    /// It did not return.
    Failed {
        /// The gateway's code for it.
        reason: ErrorCode,
        /// How it ended, told apart.
        exit: ProgramExit,
        /// What is known of the cause, for the author. No host path in it.
        detail: String,
    },
}

/// How a sandbox ended (spec page 4: exit evidence in all lanes tells these apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProgramExit {
    /// It returned.
    Finished,
    /// It reported a failure of its own, an exit code say.
    PluginError,
    /// A WebAssembly trap.
    Trap,
    /// A signal.
    Signal,
    /// Out of memory.
    OutOfMemory,
    /// The bound on computation.
    CpuLimit,
    /// The deadline.
    Deadline,
    /// It broke the protocol between lane and guest.
    ProtocolViolation,
    /// A system call that the sandbox refuses.
    RefusedSystemCall,
}

impl ProgramExit {
    /// The word in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::PluginError => "plugin_error",
            Self::Trap => "trap",
            Self::Signal => "signal",
            Self::OutOfMemory => "oom",
            Self::CpuLimit => "cpu_limit",
            Self::Deadline => "deadline",
            Self::ProtocolViolation => "protocol_violation",
            Self::RefusedSystemCall => "refused_system_call",
        }
    }
}

/// What a guest returned, not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct GuestOutput {
    /// The result.
    pub payload: GuestPayload,
    /// The guest's notes, any text of any length.
    pub notes: String,
}

/// A payload as a guest handed it over: shaped, but not checked.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestPayload {
    /// `text`.
    Text {
        /// The text.
        content: String,
        /// What the guest claims; only `utf-8` is valid.
        encoding: String,
        /// May hold a key twice.
        metadata: Vec<(String, String)>,
    },
    /// `json`.
    Json {
        /// Claims to be one JSON object.
        data: String,
        /// Claims to be one of the outputs.
        schema_ref: String,
    },
    /// `binary_ref`.
    BinaryRef {
        /// Claims to be held by OMEGA.
        artifact_id: String,
        /// Claims to be its hash.
        artifact_hash: String,
        /// Any text.
        mime_type: String,
    },
    /// `dataset_slice`.
    DatasetSlice {
        /// Row keys.
        slice_ids: Vec<String>,
        /// Claims to be a dataset of the home.
        source: String,
        /// May hold a key twice.
        filters: Vec<(String, String)>,
    },
}

/// Why a lane does not take a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct LaneRefusal {
    /// `component_invalid`, `import_forbidden` or `lane_unavailable`.
    pub code: ErrorCode,
    /// What exactly, naming the import or the layer.
    pub detail: String,
}

/// What a lane enforces on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneDescription {
    /// Which lane.
    pub kind: LaneKind,
    /// The engine and its version, such as `wasmtime 48.0.8`.
    pub engine: String,
    /// How determinism is held.
    pub determinism: Enforcement,
    /// Layer by layer.
    pub layers: Vec<Layer>,
}

impl LaneDescription {
    /// The first mandatory layer that is missing: with one, the lane is unavailable.
    pub fn missing(&self) -> Option<&Layer> {
        self.layers.iter().find(|layer| matches!(layer.state, LayerState::Missing { .. }))
    }
}

/// Whether a promise is enforced by construction or audited by running twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// By construction.
    Enforced,
    /// By comparing runs.
    Audited,
}

impl Enforcement {
    /// The word in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Audited => "audited",
        }
    }
}

/// One layer of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, such as `linear memory limit`.
    pub name: &'static str,
    /// What it stops, for people.
    pub stops: &'static str,
    /// Whether it is in force.
    pub state: LayerState,
}

/// Whether a layer is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerState {
    /// It is, in this way.
    InForce(String),
    /// It is mandatory and missing.
    Missing {
        /// How to get it.
        remedy: String,
    },
    /// It is not there; what needs it is refused, and everything else runs.
    NotHere {
        /// Which programs need it: those whose entry file has this ending.
        needed_by: &'static str,
        /// How to get it.
        remedy: String,
    },
}
