//! A real gateway with one fault laid over it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use omega_contract::ports::BoxFuture;
use omega_contract::{ErrorCode, Payload, RunId, Status};
use omega_gateway::PackageFiles;
use omega_gateway::gate::{Called, Desk, NotAdmitted, Place, RunProof, Stopped, Trial};
use omega_gateway::trial::GateDesk;
use serde_json::Value;

/// What is wrong with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// What was asked before shows in the answer.
    KeepsState,
    /// What the contract forbids is answered.
    LetsInvalidIn,
    /// Inputs that the plugin declines end in a crash.
    CrashesOnOdd,
    /// An endless program is stopped a minute late.
    NeverStops,
    /// A key is another one afterwards.
    TouchesTheHost,
    LiesAboutOutputs,
    LiesAboutInputs,
    /// A byte of the proof is changed.
    ForgesProofs,
    /// The proof is that of another run.
    LosesEvents,
    /// Nothing is answered.
    BreaksDown,
}

pub(super) struct FaultyDesk<'a> {
    pub(super) real: GateDesk<'a>,
    pub(super) fault: Fault,
}

struct FaultyTrial {
    real: Box<dyn Trial>,
    fault: Fault,
    /// The last payload, and the last one that was another.
    asked: Mutex<(String, String)>,
    looked: AtomicUsize,
}

impl Desk for FaultyDesk<'_> {
    fn admit(&self, files: PackageFiles) -> BoxFuture<'_, Result<Box<dyn Trial>, NotAdmitted>> {
        Box::pin(async move {
            let real = self.real.admit(files).await?;
            let (asked, looked) = (Mutex::default(), AtomicUsize::new(0));
            Ok(Box::new(FaultyTrial { real, fault: self.fault, asked, looked }) as Box<dyn Trial>)
        })
    }
}

impl FaultyTrial {
    /// The payload that was asked before this one and was another.
    fn asked_before(&self, request: &[u8]) -> String {
        let request: Value = serde_json::from_slice(request).unwrap();
        let payload = request["payload"].to_string();
        let mut asked = self.asked.lock().unwrap();
        if asked.0 != payload {
            asked.1 = std::mem::replace(&mut asked.0, payload);
        }
        asked.1.clone()
    }

    fn changed(&self, request: &[u8], mut called: Called) -> Result<Called, String> {
        let before = self.asked_before(request);
        let is_example = String::from_utf8_lossy(request).contains("\"run_id\":\"cg-0") && called.status == Status::Ok;
        match self.fault {
            Fault::KeepsState if is_example => {
                let result = Payload::text(format!("after {before}"));
                called.output_hash = result.hash_and_length().0.to_string();
                called.result = Some(result);
            }
            Fault::LetsInvalidIn if called.reason == Some(ErrorCode::RequestInvalid) => called.status = Status::Ok,
            Fault::CrashesOnOdd if called.reason == Some(ErrorCode::PluginDeclined) => {
                (called.status, called.reason) = (Status::Error, Some(ErrorCode::PluginTrap));
            }
            Fault::LiesAboutOutputs if called.status == Status::Ok => called.output_hash = "0".repeat(64),
            Fault::LiesAboutInputs => called.input_hash = "0".repeat(64),
            Fault::BreaksDown => return Err("it broke down".to_owned()),
            _ => {}
        }
        Ok(called)
    }
}

impl Trial for FaultyTrial {
    fn place(&self) -> Place {
        self.real.place()
    }

    fn call(&self, request: Vec<u8>) -> BoxFuture<'_, Result<Called, String>> {
        Box::pin(async move {
            let called = self.real.call(request.clone()).await?;
            self.changed(&request, called)
        })
    }

    fn call_endless(&self, timeout_ms: u64) -> BoxFuture<'_, Result<Stopped, String>> {
        Box::pin(async move {
            match self.fault {
                Fault::NeverStops => Ok(Stopped { status: Status::Timeout, took_ms: 60_000 }),
                Fault::BreaksDown => Err("it broke down".to_owned()),
                _ => self.real.call_endless(timeout_ms).await,
            }
        })
    }

    fn host_state(&self) -> BoxFuture<'_, Result<BTreeMap<String, String>, String>> {
        Box::pin(async move {
            let mut state = self.real.host_state().await?;
            if self.fault == Fault::TouchesTheHost && self.looked.fetch_add(1, Ordering::SeqCst) > 0 {
                let key = state.keys().find(|name| name.ends_with("keys/operator.pem")).unwrap().clone();
                state.insert(key, "another".to_owned());
            }
            Ok(state)
        })
    }

    fn proof(&self, run_id: RunId) -> BoxFuture<'_, Result<RunProof, String>> {
        Box::pin(async move {
            let asked = if self.fault == Fault::LosesEvents { "cg-99".parse().unwrap() } else { run_id };
            let mut proof = self.real.proof(asked).await.map_err(|why| format!("the run's proof: {why}"))?;
            if self.fault == Fault::ForgesProofs {
                let at = proof.bundle.windows(15).position(|bytes| bytes == b"\"output_hash\":\"").unwrap() + 15;
                let at = if proof.bundle[at] == b'"' {
                    proof.bundle.windows(14).position(|bytes| bytes == b"\"input_hash\":\"").unwrap() + 14
                } else {
                    at
                };
                proof.bundle[at] = if proof.bundle[at] == b'0' { b'1' } else { b'0' };
            }
            Ok(proof)
        })
    }
}
