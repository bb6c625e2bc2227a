//! Adds up what runs came to, line by line.
//!
//! A call is told by (request, step) within its run; one that is tried again counts once, as it ended last.

use std::collections::HashMap;

use omega_contract::{EventKind, Timestamp};
use omega_proof::line::Line;
use sha2::{Digest, Sha256};

use crate::error::LedgerError;
use crate::query::CallTally;

/// How a call ended, as the index stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallStatus {
    Ok,
    Rejected,
    Error,
    Timeout,
}

impl CallStatus {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Ok => 1,
            Self::Rejected => 2,
            Self::Error => 3,
            Self::Timeout => 4,
        }
    }

    pub(crate) const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Ok),
            2 => Some(Self::Rejected),
            3 => Some(Self::Error),
            4 => Some(Self::Timeout),
            _ => None,
        }
    }
}

/// What a line says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEvent {
    Begins { call: i64 },
    Ends { call: i64, status: CallStatus },
    Refused(CallStatus),
    None,
}

impl CallEvent {
    pub(crate) fn of(line: &Line<'_>) -> Self {
        let status = match line.kind() {
            EventKind::Invoke => return Self::Begins { call: call_of(line) },
            EventKind::Result => CallStatus::Ok,
            EventKind::Reject => CallStatus::Rejected,
            EventKind::Error if line.meta().get("reason") == Some("timeout") => CallStatus::Timeout,
            EventKind::Error => CallStatus::Error,
            _ => return Self::None,
        };
        // The registry's refusals (run `system`) name no request and are no calls.
        if line.request_id().is_empty() {
            Self::None
        } else if line.kind() == EventKind::Result || line.meta().get("attempt").is_some() {
            Self::Ends { call: call_of(line), status }
        } else {
            Self::Refused(status)
        }
    }
}

fn call_of(line: &Line<'_>) -> i64 {
    call_number(line.request_id().as_bytes(), step_of(line))
}

/// The step of a line, `0` where it is left out.
pub(crate) fn step_of<'a>(line: &Line<'a>) -> &'a str {
    line.meta().get("step").unwrap_or("0")
}

/// A call's number within its run: 8 bytes of a hash over the escaped request and the step. Two calls may
/// share one, so that whoever decides by it reads the lines.
pub(crate) fn call_number(escaped_request: &[u8], step: &str) -> i64 {
    let digest: [u8; 32] =
        Sha256::new().chain_update(step).chain_update("\"").chain_update(escaped_request).finalize().into();
    i64::from_be_bytes(std::array::from_fn(|at| digest[at]))
}

/// What a run came to so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRow {
    /// The index of its first event, by which it is known.
    pub(crate) first_index: u64,
    pub(crate) last_index: u64,
    pub(crate) first_ts: Timestamp,
    pub(crate) last_ts: Timestamp,
    pub(crate) events: u64,
    pub(crate) calls: CallTally,
}

/// What was added up before the first line that a [`Tally`] sees.
pub(crate) trait Prior {
    fn run(&self, escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError>;
    fn call(&self, run: u64, call: i64) -> Result<CallState, LedgerError>;
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallState {
    /// The run had no INVOKE of it.
    Unknown,
    /// Its last attempt has no outcome.
    Open,
    /// Its last attempt ended so.
    Ended(CallStatus),
}

/// Nothing was added up before.
pub(crate) struct NoPrior;

impl Prior for NoPrior {
    fn run(&self, _escaped_run_id: &str) -> Result<Option<RunRow>, LedgerError> {
        Ok(None)
    }

    fn call(&self, _run: u64, _call: i64) -> Result<CallState, LedgerError> {
        Ok(CallState::Unknown)
    }
}

/// Adds up lines in their order.
pub(crate) struct Tally<'a> {
    prior: &'a dyn Prior,
    /// Of each run seen, by its escaped id.
    pub(crate) runs: HashMap<String, RunRow>,
    calls: HashMap<(u64, i64), CallState>,
    /// The first index that this tally saw: runs that begin later have no prior.
    from: Option<u64>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(prior: &'a dyn Prior) -> Self {
        Self { prior, runs: HashMap::new(), calls: HashMap::new(), from: None }
    }

    /// Gives the number of the line's run, and what the line says of a call.
    pub(crate) fn observe(&mut self, index: u64, line: &Line<'_>) -> Result<(u64, CallEvent), LedgerError> {
        let from = *self.from.get_or_insert(index);
        let ts = line.ts().parse().unwrap_or(Timestamp::EPOCH);
        if !self.runs.contains_key(line.run_id()) {
            let fresh = RunRow {
                first_index: index,
                last_index: index,
                first_ts: ts,
                last_ts: ts,
                events: 0,
                calls: CallTally::default(),
            };
            let row = self.prior.run(line.run_id())?.unwrap_or(fresh);
            self.runs.insert(line.run_id().to_owned(), row);
        }
        let row = self.runs.get_mut(line.run_id()).expect("the run was put there if it was not");
        row.last_index = index;
        row.last_ts = ts;
        row.events += 1;
        let event = CallEvent::of(line);
        match event {
            CallEvent::Begins { call } => {
                let key = (row.first_index, call);
                let known = match self.calls.get(&key) {
                    Some(state) => *state,
                    None if row.first_index < from => self.prior.call(row.first_index, call)?,
                    None => CallState::Unknown,
                };
                match known {
                    CallState::Unknown => row.calls.calls += 1,
                    CallState::Ended(status) => add(&mut row.calls, status, u64::wrapping_sub),
                    CallState::Open => {}
                }
                self.calls.insert(key, CallState::Open);
            }
            CallEvent::Ends { call, status } => {
                add(&mut row.calls, status, u64::wrapping_add);
                self.calls.insert((row.first_index, call), CallState::Ended(status));
            }
            CallEvent::Refused(status) => {
                row.calls.calls += 1;
                add(&mut row.calls, status, u64::wrapping_add);
            }
            CallEvent::None => {}
        }
        Ok((row.first_index, event))
    }
}

fn add(tally: &mut CallTally, status: CallStatus, change: fn(u64, u64) -> u64) {
    let count = match status {
        CallStatus::Ok => &mut tally.ok,
        CallStatus::Rejected => &mut tally.rejected,
        CallStatus::Error => &mut tally.error,
        CallStatus::Timeout => &mut tally.timeout,
    };
    *count = change(*count, 1);
}

/// Adds `other` to `tally`.
pub(crate) fn sum(tally: &mut CallTally, other: &CallTally) {
    tally.calls += other.calls;
    tally.ok += other.ok;
    tally.rejected += other.rejected;
    tally.error += other.error;
    tally.timeout += other.timeout;
}
