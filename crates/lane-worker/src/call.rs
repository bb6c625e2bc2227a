//! One call in one worker: the request goes in, questions are answered, exactly one ending comes out, and the worker is killed.
//!
//! What never happens here: an ending that the plugin could have made look like another. What it says is one thing, what its sandbox saw another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use omega_contract::ErrorCode;
use omega_contract::ports::{BrokerError, Host, LaneCall, LaneEnding, LaneReport, ProgramExit, Progress};
use tokio::time::timeout_at;

use crate::frames::{self, Question, Reply, Said};
use crate::limits::{ARTIFACT_READ_BYTES_MAX, CPU_SECONDS_MAX, DETAIL_BYTES_MAX, FRAME_BYTES_MARGIN};
use crate::messages::Used;
use crate::policy;
use crate::program::WorkerProgram;
use crate::supervisor::{NoWorker, Taken};
use crate::worker::{Ended, Event, Exit, Output, Talk};

/// How long the end of a worker that failed is waited for, to tell how it ended.
const END_MAX: Duration = Duration::from_secs(2);

/// Runs a call.
pub(crate) async fn run(ready: &WorkerProgram, call: LaneCall) -> LaneReport {
    let began = Instant::now();
    let taken = match ready.supervisor.take(&ready.program, call.deadline).await {
        Ok(taken) => taken,
        Err(no_worker) => return without_worker(no_worker, began),
    };
    // Dropped, whenever that is, it ends the worker.
    let mut taken = taken;
    let mut facts = BTreeMap::new();
    facts.insert("profile", ready.program.profile.as_str().to_owned());
    if let Some(env_digest) = ready.program.env_digest {
        facts.insert("env_digest", env_digest.to_string());
    }
    let began = Instant::now();
    let ending = Box::pin(converse(&mut taken, ready, &call)).await;
    let duration = began.elapsed();
    let output = taken.worker().output().clone();
    note_drops(&output, &mut facts);
    let ending = match ending {
        Outcome::Said(ending) => {
            taken.end();
            ending
        }
        Outcome::Stopped { ending, ended } => {
            // How it ended is evidence: nothing of it is left when that is told.
            taken.worker().kill();
            let used = tokio::time::timeout(END_MAX, taken.ended()).await.ok().flatten();
            match (used, ended) {
                // The lane's own end took the sandbox with it: not the program's doing.
                (None, Some(Ended { exit: Exit::Unknown, .. })) => {
                    let detail = "the worker lane's helper process ended under the call";
                    failed(ErrorCode::LaneUnavailable, ProgramExit::Signal, detail)
                }
                (used, ended) => judge(ending, ended, used.unwrap_or_default(), &mut facts),
            }
        }
    };
    LaneReport { ending, duration, facts, output_text: output_text(&output) }
}

/// How a conversation ended.
enum Outcome {
    /// With the program's word.
    Said(LaneEnding),
    /// Without it; the ending as far as it is known, and what the init told.
    Stopped { ending: LaneEnding, ended: Option<Ended> },
}

async fn converse(taken: &mut Taken, ready: &WorkerProgram, call: &LaneCall) -> Outcome {
    let limits = &ready.program.limits;
    let mut host_calls = 0;
    let frame_bytes_max = limits.output_bytes_max.saturating_add(FRAME_BYTES_MARGIN);
    let stopped = |ending| Outcome::Stopped { ending, ended: None };
    let time_left = call.deadline.saturating_duration_since(Instant::now());
    let frame = frames::Call {
        kind: frames::CallKind::Call,
        request: frames::CallRequest::from(&*call.request),
        seed: hex(&call.seed),
        time_left_ms: u64::try_from(time_left.as_millis()).unwrap_or(u64::MAX),
    };
    let frame = match frames::encode(&frame) {
        Ok(frame) => frame,
        Err(error) => {
            return stopped(failed(
                ErrorCode::PayloadTooLarge,
                ProgramExit::ProtocolViolation,
                &format!("the request cannot be sent: {error}"),
            ));
        }
    };
    taken.worker_mut().go_on();
    let mut talk = match taken.worker_mut().open(call.deadline) {
        Ok(talk) => talk,
        Err(error) => {
            return stopped(failed(
                ErrorCode::LaneUnavailable,
                ProgramExit::PluginError,
                &format!("its descriptors: {error}"),
            ));
        }
    };
    if let Err(why) = talk.early(frame_bytes_max) {
        return stopped(violation(&why));
    }
    if let Err(Event::Deadline) = talk.send(&frame, call.deadline).await {
        return stopped(deadline());
    }
    drop(frame);
    loop {
        match talk.next(frame_bytes_max, call.deadline).await {
            Event::Said(said) => match heard(said, &mut talk, call, &mut host_calls, limits.host_calls_max).await {
                None => {}
                Some(outcome) => {
                    talk.drain_output();
                    return outcome;
                }
            },
            Event::Broken(why) => return stopped(violation(&why)),
            Event::TooLong(length) => {
                let detail = format!("it sent a frame of {length} bytes, at most {frame_bytes_max} are taken");
                return stopped(failed(ErrorCode::OutputTooLarge, ProgramExit::ProtocolViolation, &detail));
            }
            Event::Ended { ended, is_cut: true } if matches!(ended.exit, Exit::Code(_)) => {
                return stopped(violation("it ended within a frame"));
            }
            Event::Ended { ended, .. } => {
                let ending = failed(ErrorCode::PluginCrash, ProgramExit::Signal, "it ended");
                return Outcome::Stopped { ending, ended: Some(ended) };
            }
            Event::Deadline => return stopped(deadline()),
        }
    }
}

/// Deals with what the program says. Something: the call is over.
async fn heard(
    said: Said,
    talk: &mut Talk<'_>,
    call: &LaneCall,
    host_calls: &mut u64,
    host_calls_max: u64,
) -> Option<Outcome> {
    match said {
        Said::Result(output) => return Some(Outcome::Said(LaneEnding::Finished(output))),
        Said::Declined { code, message } => return Some(Outcome::Said(LaneEnding::Declined { code, message })),
        Said::Failed(error) => {
            let reason = if error.kind == "MemoryError" { ErrorCode::MemoryLimit } else { ErrorCode::PluginError };
            let exit = if error.kind == "MemoryError" { ProgramExit::OutOfMemory } else { ProgramExit::PluginError };
            return Some(Outcome::Said(failed(reason, exit, &shown(&error))));
        }
        Said::Loaded | Said::LoadFailed(_) => {
            return Some(Outcome::Stopped { ending: violation("it says twice that it is loaded"), ended: None });
        }
        Said::Log { .. } | Said::Progress { .. } | Said::Ask { .. } => {}
    }
    *host_calls += 1;
    if *host_calls > host_calls_max {
        let detail = format!("it asked its host for more than {host_calls_max} things");
        let ending = failed(ErrorCode::PluginError, ProgramExit::ProtocolViolation, &detail);
        return Some(Outcome::Stopped { ending, ended: None });
    }
    match said {
        Said::Log { level, message } => call.host.log(level, &message),
        Said::Progress { done, message } => call.host.progress(&Progress { done, message }),
        Said::Ask { id, question } => {
            let Ok(answered) = timeout_at(call.deadline.into(), answer(&call.host, question)).await else {
                return Some(Outcome::Stopped { ending: deadline(), ended: None });
            };
            let reply = match answered {
                Ok(value) => Reply::Answer { id, value },
                Err(error) => refusal(id, error),
            };
            let Ok(frame) = frames::encode(&reply) else {
                return Some(Outcome::Stopped { ending: violation("an answer cannot be sent"), ended: None });
            };
            if talk.send(&frame, call.deadline).await.is_err() {
                return Some(Outcome::Stopped { ending: deadline(), ended: None });
            }
        }
        _ => {}
    }
    None
}

async fn answer(host: &Arc<dyn Host>, question: Question) -> Result<serde_json::Value, BrokerError> {
    Ok(match question {
        Question::ArtifactSize { artifact_id } => host.artifact_size(&artifact_id).await?.into(),
        Question::ArtifactRead { artifact_id, offset, length } => {
            let length = length.min(ARTIFACT_READ_BYTES_MAX);
            let bytes = host.artifact_read(&artifact_id, offset, length).await?;
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }
        Question::DatasetCount => host.dataset_count().await?.into(),
        Question::DatasetRead { first, rows_max } => host.dataset_read(first, rows_max).await?.into(),
    })
}

fn refusal(id: u64, error: BrokerError) -> Reply {
    let (kind, message) = match error {
        BrokerError::Denied(message) => ("denied", message),
        BrokerError::Unknown(message) => ("unknown", message),
        BrokerError::HashMismatch(message) => ("hash_mismatch", message),
        BrokerError::LimitExceeded(message) => ("limit_exceeded", message),
        BrokerError::Failed(message) => ("failed", message),
    };
    Reply::Refusal { id, kind: kind.into(), message }
}

/// Tells the ending of a worker that gave none: what its init saw and what its cgroup counted decide.
fn judge(
    ending: LaneEnding,
    ended: Option<Ended>,
    used: Used,
    facts: &mut BTreeMap<&'static str, String>,
) -> LaneEnding {
    const SIGKILL: i32 = 9;
    const SIGXCPU: i32 = 24;
    if let Some(peak) = used.memory_bytes_peak {
        facts.insert("memory_bytes_peak", peak.to_string());
    }
    let Some(ended) = ended else { return ending };
    facts.insert("cpu_us", ended.cpu_us.to_string());
    if used.memory_bytes_peak.is_none() {
        facts.insert("memory_bytes_peak", ended.memory_kib_peak.saturating_mul(1024).to_string());
    }
    if used.was_out_of_memory {
        return failed(ErrorCode::MemoryLimit, ProgramExit::OutOfMemory, "it used up its memory and was killed");
    }
    match ended.exit {
        Exit::Refused { syscall } => {
            let name = policy::call_name(syscall);
            facts.insert("syscall", name.clone());
            failed(
                ErrorCode::PluginCrash,
                ProgramExit::RefusedSystemCall,
                &format!("it asked the kernel for {name}, which is forbidden, and was killed"),
            )
        }
        // The signal alone is anybody's.
        Exit::Signal(SIGXCPU) if ended.cpu_us >= CPU_SECONDS_MAX.saturating_sub(1) * 1_000_000 => {
            failed(ErrorCode::CpuLimit, ProgramExit::CpuLimit, "it used up its processor time")
        }
        Exit::Signal(signal) => {
            facts.insert("signal", signal.to_string());
            let detail = if signal == SIGKILL {
                "it was killed".to_owned()
            } else {
                format!("it died of signal {signal} ({})", signal_name(signal))
            };
            failed(ErrorCode::PluginCrash, ProgramExit::Signal, &detail)
        }
        Exit::Code(code) => {
            facts.insert("exit_code", code.to_string());
            failed(
                ErrorCode::PluginCrash,
                ProgramExit::PluginError,
                &format!("it ended with exit code {code} and without an answer"),
            )
        }
        Exit::Unknown => failed(ErrorCode::PluginCrash, ProgramExit::Signal, "its sandbox was killed"),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => "a signal",
    }
}

/// What a program raised, for its author.
pub(crate) fn shown(error: &frames::ProgramError) -> String {
    let frames::ProgramError { kind, message, traceback } = error;
    if traceback.trim().is_empty() {
        format!("{kind}: {message}")
    } else {
        format!("{kind}: {message}\n{}", traceback.trim_end())
    }
}

fn without_worker(no_worker: NoWorker, began: Instant) -> LaneReport {
    let (ending, output_text) = match no_worker {
        NoWorker::InTime => (
            failed(ErrorCode::Timeout, ProgramExit::Deadline, "no worker was ready before the deadline"),
            String::new(),
        ),
        NoWorker::Failure(failure) => {
            let detail = format!("the worker lane could not make a sandbox: {}: {}", failure.layer, failure.detail);
            (failed(ErrorCode::LaneUnavailable, ProgramExit::PluginError, &detail), String::new())
        }
        NoWorker::LoadFailed { detail, output } => {
            (failed(ErrorCode::PluginError, ProgramExit::PluginError, &detail), output)
        }
    };
    LaneReport { ending, duration: began.elapsed(), facts: BTreeMap::new(), output_text }
}

fn deadline() -> LaneEnding {
    failed(ErrorCode::Timeout, ProgramExit::Deadline, "it was still at work at its deadline, and was killed")
}

fn violation(why: &str) -> LaneEnding {
    failed(ErrorCode::PluginError, ProgramExit::ProtocolViolation, &format!("it broke the protocol: {why}"))
}

fn failed(reason: ErrorCode, exit: ProgramExit, detail: &str) -> LaneEnding {
    let mut detail = detail.to_owned();
    detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
    LaneEnding::Failed { reason, exit, detail }
}

fn note_drops(output: &Output, facts: &mut BTreeMap<&'static str, String>) {
    let dropped = output.stdout.dropped() + output.stderr.dropped();
    if dropped > 0 {
        facts.insert("output_bytes_dropped", dropped.to_string());
    }
}

/// Standard output and error, for the operator.
pub(crate) fn output_text(output: &Output) -> String {
    let mut text = String::new();
    for (name, captured) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let captured = captured.text();
        if !captured.trim().is_empty() {
            let _ = writeln!(text, "=== {name} ===\n{}", captured.trim_end());
        }
    }
    text
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
