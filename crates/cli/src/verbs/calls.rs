//! What came of a call, for people and for programs.

use omega_gateway::Answer;
use omega_gateway::contract::{ErrorCode, Payload, Status};
use omega_server::local::Told;
use omega_server::local::operations::CallProgress;
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::output::{Cell, Counted, Output, Tone};
use crate::show;

/// Lines of a plugin's log that are shown with its failure.
const LOG_LINES_SHOWN_MAX: usize = 12;

/// Shows on a terminal how far plugins say they are; there is nothing to see where none says so.
pub(super) fn shown(output: &Output) -> Told<CallProgress> {
    let bar = output.progress("", Counted::Share, Some(Counted::WHOLE));
    Told::new(move |CallProgress { plugin_id, done, message }| {
        bar.at(Counted::share(done));
        bar.says(&format!("{plugin_id}: {message}"));
    })
}

/// The whole response, with where its evidence stands.
pub(super) fn document(answer: &Answer) -> Map<String, Value> {
    let mut document = fields(json!(answer.response));
    document.extend(fields(json!({
        "reason": answer.reason,
        "event_index": answer.event_index,
        "event_hash": answer.event_hash,
    })));
    document
}

/// The fields of what is known to be an object.
pub(super) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The result's own content: a text as it is, data as JSON (indented on a terminal, canonical otherwise).
pub(super) fn print_result(payload: &Payload, output: &mut Output) -> Result<(), Fault> {
    match payload {
        Payload::Text(text) => output.content(&text.content),
        Payload::Json(json) => print_json(&json.data, output),
        other => print_json(other, output),
    }
}

fn print_json(value: &impl serde::Serialize, output: &mut Output) -> Result<(), Fault> {
    if output.is_terminal() { output.document(value) } else { output.json_line(value) }
}

/// One line on standard error: how it went, and where its evidence stands.
pub(super) fn note(answer: &Answer, output: &Output) {
    let response = &answer.response;
    let mut pieces = vec![
        show::status(response.status),
        Cell::new(Tone::Strong, response.plugin_id.as_str()),
        Cell::faint(format!("{} ms, event {}", response.duration_ms, answer.event_index)),
    ];
    if !response.evidence_hashes.output_hash.is_empty() {
        pieces.push(Cell::faint(format!("output {}", show::short(&response.evidence_hashes.output_hash))));
    }
    if response.status == Status::Ok && !response.notes.is_empty() {
        pieces.push(Cell::plain(format!("notes: {}", response.notes)));
    }
    output.note(pieces);
}

/// A call that did not end well, as an error.
pub(super) fn fault(answer: &Answer) -> Fault {
    let response = &answer.response;
    let fault = Fault::new(answer.reason.unwrap_or(ErrorCode::PluginError))
        .with("plugin", &response.plugin_id)
        .with("request", &response.request_id)
        .because(&response.notes)
        .event(Some(answer.event_index));
    let lines: Vec<&str> = answer.guest_log.lines().collect();
    if lines.is_empty() {
        return fault;
    }
    let first_shown = lines.len().saturating_sub(LOG_LINES_SHOWN_MAX);
    fault.with("its log", lines.get(first_shown..).unwrap_or_default().join("\n"))
}
