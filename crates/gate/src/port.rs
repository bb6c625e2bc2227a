//! What the gate needs of a gateway: a place to admit a package in, and to call it.

use std::collections::BTreeMap;

use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::BoxFuture;
use omega_contract::{ErrorCode, Payload, RunId, Status};
use omega_proof::note::VerifierKey;
use omega_validator::PackageFiles;

/// Admits packages for a trial, each in a place of its own.
pub trait Desk: Send + Sync {
    /// Signs a copy of the files, registers and enables it. Nobody else works in the place that this gives.
    fn admit(&self, files: PackageFiles) -> BoxFuture<'_, Result<Box<dyn Trial>, NotAdmitted>>;
}

/// Why a package was not admitted.
#[derive(Debug, Clone)]
pub struct NotAdmitted {
    /// The gateway's code.
    pub code: ErrorCode,
    /// What and where, for people.
    pub message: String,
}

/// An admitted package that takes calls.
pub trait Trial: Send + Sync {
    /// Where it runs, and what is enforced there.
    fn place(&self) -> Place;

    /// One call with a request as bytes, as it comes through a door. An `Err` is the gateway's own failure.
    fn call(&self, request: Vec<u8>) -> BoxFuture<'_, Result<Called, String>>;

    /// Calls a program that never ends, in the same lane, with this much time; and then the plugin's lane once more.
    fn call_endless(&self, timeout_ms: u64) -> BoxFuture<'_, Result<Stopped, String>>;

    /// What of the host no call may change, by name, with a digest of its content. Read from the host, and from no plugin.
    fn host_state(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, String>>;

    /// The proof of a run, and the key that verifies it.
    fn proof(&self, run_id: RunId) -> BoxFuture<'_, Result<RunProof, String>>;
}

/// Where a package runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The lane.
    pub lane: LaneKind,
    /// What it enforces.
    pub layers: Vec<String>,
}

/// What became of a call.
#[derive(Debug, Clone)]
pub struct Called {
    /// How it ended.
    pub status: Status,
    /// The stable code where `status` is not `ok`.
    pub reason: Option<ErrorCode>,
    /// The result.
    pub result: Option<Payload>,
    /// As the response says.
    pub input_hash: String,
    /// As the response says.
    pub output_hash: String,
    /// As the response says.
    pub duration_ms: u64,
    /// As the response says.
    pub notes: String,
}

/// What became of the program that never ends.
#[derive(Debug, Clone, Copy)]
pub struct Stopped {
    /// How its call ended.
    pub status: Status,
    /// Milliseconds until the caller was answered.
    pub took_ms: u64,
}

/// A proof and what verifies it.
#[derive(Debug, Clone)]
pub struct RunProof {
    /// The bundle, as it is exported.
    pub bundle: Vec<u8>,
    /// The log's key.
    pub key: VerifierKey,
}
