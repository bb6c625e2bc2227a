//! What the verbs that try a package out have in common: how the trial is made, and how an answer is shown.

use std::path::Path;

use omega_gateway::HomeError;
use omega_gateway::contract::{ErrorCode, PluginInfo, Status};
use omega_gateway::trial::{ExampleRun, TrialOptions};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::output::{Cell, Output, Tone};
use crate::session::Session;
use crate::show;
use crate::verbs::calls;

/// A trial with the lanes of this command's home, where there is one: the interpreter and the index that it names, and what it
/// compiled already.
pub(super) fn options(session: &Session, allow_build: bool) -> Result<TrialOptions, Fault> {
    let home = match session.home() {
        Ok(home) => Some(home),
        Err(fault) if is_without_home(session, &fault) => None,
        Err(fault) => return Err(fault),
    };
    let mut options = TrialOptions { allow_build, ..TrialOptions::default() };
    if let Some(home) = home {
        options.lanes = home.config().map_err(HomeError::from)?.lanes;
        // The operator's own, which the same program fills: a link to nothing would be of no use.
        options.cache_dir = Some(home.path().join("cache")).filter(|cache| cache.is_dir());
    }
    Ok(options)
}

/// Whether there is no home, and nobody named one.
pub(super) fn is_without_home(session: &Session, fault: &Fault) -> bool {
    session.explicit_home().is_none() && fault.gateway_code() == Some(ErrorCode::HomeMissing)
}

/// A folder that the command line names.
pub(super) fn require_folder(dir: &Path) -> Result<(), Fault> {
    match dir.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Fault::usage("This needs the plugin's folder, and the command line names a file.")
            .with("file", dir.display())
            .hint("Unpack the archive and name the folder.")),
        Err(error) => Err(Fault::file(dir, &error)),
    }
}

/// Whether an example ended as it should.
pub(super) fn is_ok(run: &ExampleRun) -> bool {
    run.answered.as_ref().is_ok_and(|answer| answer.response.status == Status::Ok)
}

/// An example's run for programs.
pub(super) fn document(run: &ExampleRun) -> Value {
    match &run.answered {
        Ok(answer) => json!({"example": run.path, "response": calls::document(answer)}),
        Err(error) => json!({"example": run.path, "response": null, "reason": error.code, "notes": error.message}),
    }
}

/// What was admitted, for programs.
pub(super) fn subject(info: &PluginInfo) -> Value {
    json!({"plugin_id": info.plugin_id, "version": info.version, "package_digest": info.package_digest, "lane": info.lane})
}

/// One line on how an example ended.
pub(super) fn head(run: &ExampleRun) -> Vec<Cell> {
    let name = Cell::new(Tone::Strong, &run.path);
    match &run.answered {
        Ok(answer) => {
            let response = &answer.response;
            let mut pieces = vec![name, show::status(response.status)];
            pieces.extend(answer.reason.map(|reason| Cell::new(Tone::Name, reason.as_str())));
            pieces.push(Cell::faint(format!("{} ms", response.duration_ms)));
            if !response.notes.is_empty() {
                pieces.push(Cell::plain(&response.notes));
            }
            pieces
        }
        Err(error) => vec![name, Cell::new(Tone::Bad, error.code.as_str()), Cell::plain(&error.message)],
    }
}

/// An example's output as text: a text as it is, data as indented JSON; what the plugin logged where it failed.
pub(super) fn output_text(run: &ExampleRun) -> String {
    use omega_gateway::contract::Payload;
    let Ok(answer) = &run.answered else { return String::new() };
    let pretty = |value: Value| serde_json::to_string_pretty(&value).unwrap_or_default();
    match &answer.response.result {
        Some(Payload::Text(text)) => text.content.clone(),
        Some(Payload::Json(json)) => pretty(Value::Object(json.data.to_map())),
        Some(other) => pretty(json!(other)),
        None => answer.guest_log.clone(),
    }
}

/// The output under its head, indented.
pub(super) fn print(run: &ExampleRun, output: &mut Output) -> Result<(), Fault> {
    output.line(head(run))?;
    for line in output_text(run).lines() {
        output.line([Cell::plain(" "), Cell::plain(line)])?;
    }
    Ok(())
}
