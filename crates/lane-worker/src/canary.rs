//! The canary: at the start of the lane a worker attacks its sandbox. If one attack succeeds the lane is refused.
//!
//! What never happens here: a plugin. What the canary says is not all: the host is looked at, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{
    GuestLogLevel, GuestPayload, Host, LaneCall, LaneEnding, LaneLimits, LaneProgram, LaneRequest, ProgramExit,
};
use omega_contract::{Payload, Sha256Hex};
use serde_json::{Value, json};

use crate::call;
use crate::lane::WorkerLane;
use crate::language::{Canary, Language};
use crate::messages::Failure;
use crate::policy::Profile;
use crate::program::WorkerProgram;
use crate::supervisor::NoWorker;

const TIME_MAX: Duration = Duration::from_secs(30);
/// Attacks that the canary must have tried, or it proves nothing.
const ATTACKS_MIN: usize = 12;

/// Lets the canary of a language attack.
pub(crate) fn run(lane: &WorkerLane, language: &dyn Language) -> Result<(), Failure> {
    let said = |detail: String| Failure::new("canary", format!("{}: {detail}", language.name()));
    let secret = tempfile_of_the_host().map_err(|error| said(error.to_string()))?;
    let canary = language.canary();
    let program = program(&canary);
    let content = canary.content.unwrap_or_else(|| language.content(&program));
    let program = lane.assemble(&program, Profile::Pure, content).map_err(|refusal| said(refusal.detail))?;
    let ready = WorkerProgram { program, supervisor: lane.supervisor() };
    let attacks = ask(&ready, "attack", &secret.path)?;
    let Ok(attacks) = attacks else { return Err(said("it did not answer".to_owned())) };
    let attacks: BTreeMap<String, Value> = serde_json::from_str(&attacks).map_err(|error| said(error.to_string()))?;
    let attacks = attacks.get("attacks").and_then(Value::as_object).cloned().unwrap_or_default();
    if attacks.len() < ATTACKS_MIN {
        return Err(said(format!("it tried {} attacks, {ATTACKS_MIN} at least are known", attacks.len())));
    }
    if let Some((attack, how)) = attacks.iter().find(|(_, how)| how.as_str() != Some("held")) {
        return Err(said(format!("the attack `{attack}` went through: {how}")));
    }
    if !secret.is_untouched() {
        return Err(said("a file of the host was changed".to_owned()));
    }
    // The layer that kills cannot be told of by whom it kills.
    match ask(&ready, "forbidden", &secret.path)? {
        Err(ProgramExit::RefusedSystemCall) => Ok(()),
        other => Err(said(format!("a forbidden call was not refused: {other:?}"))),
    }
}

/// A file of the host that the canary is told of.
struct Secret {
    path: String,
}

impl Secret {
    fn is_untouched(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|bytes| bytes == b"host")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn tempfile_of_the_host() -> std::io::Result<Secret> {
    let name = format!("omega-canary-{}-{:?}", std::process::id(), Instant::now());
    let digest = Sha256Hex::of(name.as_bytes()).to_string();
    let path = std::env::temp_dir().join(format!("omega-canary-{}", &digest[..16]));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"host"))?;
    Ok(Secret { path: path.to_string_lossy().into_owned() })
}

/// What a canary answers, or how it ended without an answer.
fn ask(ready: &WorkerProgram, attack: &str, secret: &str) -> Result<Result<String, ProgramExit>, Failure> {
    let said = |detail: String| Failure::new("canary", detail);
    // A layer that is missing is named as itself, with its own remedy.
    ready.supervisor.warm(&ready.program, TIME_MAX).map_err(|no_worker| match no_worker {
        NoWorker::Failure(failure) => failure,
        NoWorker::InTime => said(format!("no worker was made in {} s", TIME_MAX.as_secs())),
        NoWorker::LoadFailed { detail, output } => said(format!("{detail} {output}")),
    })?;
    let data = json!({"attack": attack, "secret": secret});
    let payload = Payload::json_text(data.to_string(), "canary").map_err(|error| said(error.to_string()))?;
    let request = LaneRequest {
        request_id: "canary".to_owned(),
        run_id: "canary".to_owned(),
        timestamp: "1970-01-01T00:00:00.000000Z".to_owned(),
        payload,
        context: BTreeMap::new(),
    };
    let call = LaneCall {
        request: Arc::new(request),
        seed: [0; 32],
        deadline: Instant::now() + TIME_MAX,
        host: Arc::new(Nobody),
    };
    // On a thread of its own: whoever asks may be on a runtime's.
    let report = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok::<_, std::io::Error>(runtime.block_on(call::run(ready, call)))
            })
            .join()
    });
    let report = report.map_err(|_| said("it ended early".to_owned()))?.map_err(|error| said(error.to_string()))?;
    match report.ending {
        LaneEnding::Finished(output) => match output.payload {
            GuestPayload::Json { data, .. } => Ok(Ok(data)),
            other => Err(said(format!("it answered {other:?}"))),
        },
        LaneEnding::Failed { exit: ProgramExit::RefusedSystemCall, .. } => Ok(Err(ProgramExit::RefusedSystemCall)),
        LaneEnding::Failed { detail, .. } => Err(said(format!("{detail} {}", report.output_text))),
        LaneEnding::Declined { message, .. } => Err(said(message)),
    }
}

fn program(canary: &Canary) -> LaneProgram {
    let code: Arc<[u8]> = canary.source.into();
    LaneProgram {
        plugin_id: "omega.canary".parse().expect("the name fits the contract"),
        package_digest: Sha256Hex::of(canary.source),
        entry: canary.entry.to_owned(),
        files: Arc::new([(canary.entry.to_owned(), Arc::clone(&code))].into()),
        code,
        environment: None,
        export: "handle".to_owned(),
        capabilities: [].into(),
        determinism: DeterminismMode::Probabilistic,
        limits: LaneLimits {
            memory_bytes_max: 64 * 1024 * 1024,
            fuel_max: None,
            output_bytes_max: 64 * 1024,
            log_bytes_max: 4 * 1024,
            host_calls_max: 16,
        },
    }
}

/// Offers nothing.
struct Nobody;

impl Host for Nobody {
    fn log(&self, _: GuestLogLevel, _: &str) {}
}
