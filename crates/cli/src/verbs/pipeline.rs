//! `omega pipeline`: several plugins on one request.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use omega_gateway::contract::{
    ErrorCode, Payload, PipelinePolicy, PipelineStep, PipelineStrategy, PluginId, PluginRef, Status,
};
use omega_gateway::{PipelineAnswer, StepEvidence};
use omega_server::local::operations::InvokePipeline;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::calls;
use super::invoke::callee;
use super::payload::Call;
use crate::fault::{Exit, Fault};
use crate::input;
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::show;

/// Call several plugins on one request
///
/// The pipeline is given by --plugins and its companions, or by a TOML file with the same words:
/// `plugin_ids = ["headline", "text-stats"]`, `strategy = "chain"`, `timeout_ms = 10000`, `stop_on_failure = true`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega pipeline --plugins headline,text-stats --strategy chain --file README.md")]
pub(crate) struct Pipeline {
    /// The pipeline as a file
    #[arg(value_name = "FILE.toml", required_unless_present = "plugins", conflicts_with_all = ["plugins", "strategy", "stop_on_failure", "whole_timeout_ms"])]
    definition: Option<PathBuf>,
    /// The plugins, one step each
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    plugins: Vec<PluginId>,
    /// How the steps follow each other
    #[arg(long, value_enum, default_value_t = Strategy::Sequential)]
    strategy: Strategy,
    /// End at the first step that is not ok
    #[arg(long)]
    stop_on_failure: bool,
    /// Milliseconds for the whole pipeline
    #[arg(long = "pipeline-timeout-ms", value_name = "N", default_value_t = TIMEOUT_MS_DEFAULT)]
    whole_timeout_ms: u64,
    #[command(flatten)]
    call: Call,
}

/// How the steps follow each other, as clap takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    /// One after the other, the same request to each.
    Sequential,
    /// All at once, the same request to each.
    FanOut,
    /// Each step's result is the next step's payload.
    Chain,
}

/// Milliseconds of a pipeline for which nobody says otherwise.
const TIMEOUT_MS_DEFAULT: u64 = 60_000;
/// Bytes of a pipeline's file.
const DEFINITION_BYTES_MAX: u64 = 64 * 1024;

/// A pipeline's file: [`PipelinePolicy`] with defaults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    plugin_ids: Vec<PluginId>,
    #[serde(default = "sequential")]
    strategy: PipelineStrategy,
    #[serde(default = "timeout_ms_default")]
    timeout_ms: u64,
    #[serde(default)]
    stop_on_failure: bool,
}

const fn sequential() -> PipelineStrategy {
    PipelineStrategy::Sequential
}

const fn timeout_ms_default() -> u64 {
    TIMEOUT_MS_DEFAULT
}

impl Pipeline {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let policy = self.policy()?;
        let reader = session.reader()?;
        // The first step's manifest says how a file is sent and which JSON input is meant.
        let first = policy.plugin_ids.first().cloned().map(|plugin_id| PluginRef { plugin_id, version: None });
        let details = first.map(|plugin| callee(&reader, &plugin)).transpose()?.flatten();
        let manifest = details.as_ref().and_then(|details| details.manifest.as_ref());
        let draft = self.call.draft(manifest)?;
        let answer = session.with_door(async |door| {
            let request = self.call.request(draft, manifest, session, door).await?;
            Ok(door.ask(InvokePipeline { policy, request, told: calls::shown(output) }).await?)
        })?;
        show(&answer, output)
    }

    fn policy(&self) -> Result<PipelinePolicy, Fault> {
        if let Some(file) = &self.definition {
            return read_definition(file);
        }
        Ok(PipelinePolicy {
            strategy: match self.strategy {
                Strategy::Sequential => PipelineStrategy::Sequential,
                Strategy::FanOut => PipelineStrategy::FanOut,
                Strategy::Chain => PipelineStrategy::Chain,
            },
            plugin_ids: self.plugins.clone(),
            timeout_ms: self.whole_timeout_ms,
            stop_on_failure: self.stop_on_failure,
        })
    }
}

fn read_definition(file: &Path) -> Result<PipelinePolicy, Fault> {
    let invalid = |cause: String| Fault::new(ErrorCode::PipelineInvalid).with("file", file.display()).because(cause);
    let bytes = input::read(file, DEFINITION_BYTES_MAX).map_err(|fault| match fault.gateway_code() {
        Some(ErrorCode::PayloadTooLarge) => invalid(format!("more than {DEFINITION_BYTES_MAX} bytes")),
        _ => fault,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| invalid(format!("not UTF-8: {}", error.utf8_error())))?;
    let definition: Definition = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let Definition { plugin_ids, strategy, timeout_ms, stop_on_failure } = definition;
    Ok(PipelinePolicy { strategy, plugin_ids, timeout_ms, stop_on_failure })
}

fn show(answer: &PipelineAnswer, output: &mut Output) -> Result<Exit, Fault> {
    let response = &answer.response;
    let steps = || response.steps.iter().zip(&answer.steps);
    if output.form() == Form::Json {
        output.document(&document(answer))?;
    } else {
        let header = [
            ("STEP", Side::Right),
            ("PLUGIN", Side::Left),
            ("STATUS", Side::Left),
            ("REASON", Side::Left),
            ("EVENT", Side::Right),
            ("OUTPUT", Side::Left),
            ("TIME", Side::Left),
        ];
        let mut table = Table::new(header);
        for (step, evidence) in steps() {
            table.row(row(step, evidence));
        }
        output.table(&table)?;
        print_results(answer, output)?;
    }
    let run = format!("run {}, {} ms", response.run_id, response.total_duration_ms);
    output.note([show::status(response.overall_status), Cell::faint(run)]);
    match steps().find(|(step, _)| step.response.status != Status::Ok) {
        Some((step, evidence)) => Err(fault(step, evidence)),
        None => Ok(Exit::Done),
    }
}

fn row(step: &PipelineStep, evidence: &StepEvidence) -> [Cell; 7] {
    let reason = evidence.reason.map_or("", |reason| reason.as_str());
    [
        Cell::plain(step.step_index.to_string()),
        Cell::new(Tone::Name, step.plugin_id.as_str()),
        show::status(step.response.status),
        Cell::plain(reason),
        Cell::plain(evidence.event_index.to_string()),
        Cell::faint(show::short(&step.response.evidence_hashes.output_hash)),
        Cell::plain(format!("{} ms", step.response.duration_ms)),
    ]
}

/// A chain's last result; every result of the other strategies.
fn print_results(answer: &PipelineAnswer, output: &mut Output) -> Result<(), Fault> {
    let steps = &answer.response.steps;
    let first_shown =
        if answer.response.strategy == PipelineStrategy::Chain { steps.len().saturating_sub(1) } else { 0 };
    for step in steps.iter().skip(first_shown) {
        let Some(result) = &step.response.result else { continue };
        output.line([])?;
        output.line([Cell::new(Tone::Strong, format!("{}:", step.plugin_id))])?;
        calls::print_result(result, output)?;
        let open_line = matches!(result, Payload::Text(text) if !text.content.ends_with('\n'));
        if open_line && !output.is_terminal() {
            output.line([])?;
        }
    }
    Ok(())
}

fn fault(step: &PipelineStep, evidence: &StepEvidence) -> Fault {
    Fault::new(evidence.reason.unwrap_or(ErrorCode::PluginError))
        .with("step", step.step_index)
        .with("plugin", &step.plugin_id)
        .because(&step.response.notes)
        .event(Some(evidence.event_index))
}

fn document(answer: &PipelineAnswer) -> Map<String, Value> {
    let mut document = calls::fields(json!(answer.response));
    let evidence: Vec<Value> = answer
        .steps
        .iter()
        .map(|step| json!({"reason": step.reason, "event_index": step.event_index, "event_hash": step.event_hash}))
        .collect();
    document.insert("evidence".into(), Value::Array(evidence));
    document
}
