//! `omega replay`: the audit of determinism.

use clap::Args;
use omega_gateway::contract::{ErrorCode, RunId};
use omega_gateway::{Difference, ReplayReport, ReplayVerdict, ReplayedCall};
use omega_server::local::{Told, operations};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fault::{Code, Exit, Fault};
use crate::output::{Cell, Counted, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Call the deterministic plugins of a run once more, from what was stored, and compare the results
///
/// Each call that gave a result is one line: `same`, `different`, or `not replayable` with the reason. What ran is loaded
/// by its digest, whether it is enabled now or not; it must still be signed by a trusted key. The calls are journalled as
/// a run of their own. Exits 1 if any result differs.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega replay 01KAG0T8J1Z2V4W6X8Y0A2C4E6")]
pub(crate) struct Replay {
    /// The run
    run: RunId,
    /// Exit 1 also where a call could not be replayed
    #[arg(long)]
    strict: bool,
}

/// Columns of the longest verdict, `not replayable`.
const VERDICT_COLUMNS: usize = 14;

impl Replay {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let report = match output.form() {
            Form::Text => self.lines(session, output)?,
            Form::Json => self.document(session, output)?,
        };
        if report.different > 0 {
            let calls = report.same + report.different + report.not_replayable;
            return Err(Fault::new(ErrorCode::Nondeterministic)
                .with("run", &report.run_id)
                .because(format!("{} of {calls} differ", report.different))
                .hint("Look at both results with `omega ledger show EVENT` and `omega artifacts get`; do not rely on this plugin."));
        }
        if self.strict && report.not_replayable > 0 {
            let sentence = "Some calls could not be replayed.";
            let fault = Fault::own(Code::NotReplayable, sentence).with("calls", report.not_replayable);
            return Err(fault.hint("Mend what each line names, or leave `--strict` out."));
        }
        Ok(Exit::Done)
    }

    /// One line a call, as it is done, and what they come to.
    fn lines(&self, session: &Session, output: &mut Output) -> Result<ReplayReport, Fault> {
        let mut written = Ok(());
        let mut held = None;
        let report = self.ask(session, |call| {
            held = call.assurance.clone().or(held.take());
            if written.is_ok() {
                written = output.line(line(&call));
            }
        })?;
        written?;
        let count = |number: u64, tone: Tone, word: &str| {
            Cell::new(if number == 0 { Tone::Faint } else { tone }, format!("{number} {word}"))
        };
        output.line([
            count(report.same, Tone::Good, "same,"),
            count(report.different, Tone::Bad, "different,"),
            count(report.not_replayable, Tone::Warning, "not replayable"),
        ])?;
        let mut facts = Vec::new();
        if report.without_result > 0 {
            facts.push(("without result", Cell::plain(report.without_result.to_string())));
        }
        if let Some(held) = held {
            facts.push(("determinism", Cell::plain(format!("{} ({})", held.determinism.as_str(), held.engine))));
        }
        if let Some(run_id) = &report.replay_run_id {
            facts.push(("journalled as", Cell::new(Tone::Name, run_id.as_str())));
        }
        output.indented_pairs(&facts)?;
        Ok(report)
    }

    /// Has the run replayed; `told` hears of each call as it is done.
    fn ask(&self, session: &Session, mut told: impl FnMut(ReplayedCall)) -> Result<ReplayReport, Fault> {
        session.with_door(async |door| {
            let (sender, mut calls) = mpsc::unbounded_channel();
            // Nobody hears of more once the report is here.
            let told_on = Told::new(move |call| drop(sender.send(call)));
            let asked = door.ask(operations::Replay { run_id: self.run.clone(), told: told_on });
            let heard = async {
                while let Some(call) = calls.recv().await {
                    told(call);
                }
            };
            let (report, ()) = tokio::join!(asked, heard);
            Ok(report?)
        })
    }

    fn document(&self, session: &Session, output: &mut Output) -> Result<ReplayReport, Fault> {
        let mut calls = Vec::new();
        let bar = output.progress("replaying", Counted::Things, None);
        let report = self.ask(session, |call| {
            bar.step();
            calls.push(document(&call));
        });
        drop(bar);
        let report = report?;
        output.document(&json!({
            "run_id": report.run_id,
            "replay_run_id": report.replay_run_id,
            "same": report.same,
            "different": report.different,
            "not_replayable": report.not_replayable,
            "without_result": report.without_result,
            "calls": calls,
        }))?;
        Ok(report)
    }
}

fn line(call: &ReplayedCall) -> Vec<Cell> {
    let (tone, detail) = match &call.verdict {
        ReplayVerdict::Same => (Tone::Good, format!("output {}", show::short(&call.output_hash))),
        ReplayVerdict::Different(difference) => (Tone::Bad, told(difference, &call.output_hash)),
        ReplayVerdict::NotReplayable(why) => (Tone::Warning, why.to_string()),
    };
    let step = if call.step == 0 { String::new() } else { format!("step {}", call.step) };
    vec![
        Cell::new(tone, format!("{:<VERDICT_COLUMNS$}", call.verdict.as_str())),
        Cell::faint(format!("event {:<6}", call.event_index)),
        Cell::new(Tone::Name, &call.plugin_id),
        Cell::plain(&call.request_id),
        Cell::plain(step),
        Cell::plain(detail),
    ]
}

/// How the repeated call ended instead.
fn told(difference: &Difference, recorded: &str) -> String {
    let ended = match difference.reason {
        Some(reason) => format!("ended as {} ({reason})", difference.status),
        None => format!("output {}", show::short(&difference.output_hash)),
    };
    let limits: Vec<String> = difference.limits.iter().map(ToString::to_string).collect();
    let limits = if limits.is_empty() { String::new() } else { format!("; {}", limits.join(", ")) };
    format!("{ended} instead of output {}{limits}", show::short(recorded))
}

fn document(call: &ReplayedCall) -> Value {
    let (why, difference) = match &call.verdict {
        ReplayVerdict::Same => (Value::Null, Value::Null),
        ReplayVerdict::Different(difference) => (Value::Null, json_of(difference)),
        ReplayVerdict::NotReplayable(why) => (json!({"code": why.as_str(), "message": why.to_string()}), Value::Null),
    };
    let assurance = call.assurance.as_ref();
    json!({
        "event_index": call.event_index,
        "plugin_id": call.plugin_id,
        "request_id": call.request_id,
        "step": call.step,
        "package_digest": call.package_digest,
        "output_hash": call.output_hash,
        "verdict": call.verdict.as_str().replace(' ', "_"),
        "why": why,
        "difference": difference,
        "replay_event_index": call.replay_event_index,
        "determinism": assurance.map(|assurance| assurance.determinism.as_str()),
        "engine": assurance.map(|assurance| &assurance.engine),
        "recorded_engine": assurance.and_then(|assurance| assurance.recorded_engine.as_ref()),
    })
}

fn json_of(difference: &Difference) -> Value {
    let limits: Vec<Value> = difference
        .limits
        .iter()
        .map(|limit| json!({"name": limit.name, "recorded": limit.recorded, "now": limit.now}))
        .collect();
    json!({
        "status": difference.status,
        "reason": difference.reason,
        "output_hash": difference.output_hash,
        "changed_limits": limits,
    })
}
