//! The answers as they are written, and where an earlier batch stopped writing.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use omega_gateway::Answer;
use omega_gateway::broker::ArtifactStore;
use omega_gateway::contract::{
    ErrorCode, EventKind, Payload, PluginId, PluginRequest, RunId, Status, canonical_bytes, limits, strict_json,
};
use omega_gateway::ledger::PlacedEvent;
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::input;
use crate::output::Output;
use crate::verbs::calls;

/// The field of an answer that says which batch it is of. It sorts first, so that a torn line tells too.
const BATCH: &str = "batch";
/// Bytes of a torn first line that are looked at: more than a run id can have.
const TORN_BYTES_READ: u64 = 2 * 1024;

/// One line of the output.
pub(super) struct Answered {
    line: u64,
    status: Status,
    document: Map<String, Value>,
}

impl Answered {
    /// What the gateway answered.
    pub(super) fn of(line: u64, run_id: &RunId, answer: &Answer) -> Self {
        let mut document = calls::document(answer);
        document.insert("line".into(), json!(line));
        document.insert("run_id".into(), json!(run_id));
        Self { line, status: answer.response.status, document }
    }

    /// A line that is no request: there is nothing that could be sent or journalled.
    pub(super) fn unreadable(line: u64, run_id: &RunId, plugin_id: &PluginId, fault: &Fault) -> Self {
        let document = json!({
            "line": line,
            "run_id": run_id,
            "request_id": null,
            "plugin_id": plugin_id,
            "status": Status::Rejected,
            "result": null,
            "evidence_hashes": {"input_hash": "", "output_hash": ""},
            "duration_ms": 0,
            "notes": fault.cause(),
            "reason": fault.gateway_code(),
            "event_index": null,
            "event_hash": null,
        });
        Self { line, status: Status::Rejected, document: calls::fields(document) }
    }

    /// A call that ended before the batch was cut off: its outcome as the ledger has it, its result where it was kept.
    pub(super) fn from_ledger(
        line: u64,
        request: &PluginRequest,
        plugin_id: &PluginId,
        placed: &PlacedEvent,
        artifacts: &ArtifactStore,
    ) -> Self {
        let event = &placed.event;
        let reason = event.meta.get("reason").map(String::as_str);
        let status = match event.kind {
            EventKind::Result => Status::Ok,
            EventKind::Reject => Status::Rejected,
            _ if reason == Some(ErrorCode::Timeout.as_str()) => Status::Timeout,
            _ => Status::Error,
        };
        let result = kept_result(&event.output_hash, artifacts);
        let notes = match (status, &result) {
            (Status::Ok, None) => "answered before an interruption; the ledger has the result's hash, not the result",
            _ => "answered before an interruption; read back from the ledger",
        };
        let duration_us: u64 = event.meta.get("duration_us").and_then(|text| text.parse().ok()).unwrap_or_default();
        let document = json!({
            "line": line,
            "run_id": request.run_id,
            "request_id": request.request_id,
            "plugin_id": plugin_id,
            "status": status,
            "result": result,
            "evidence_hashes": {"input_hash": event.input_hash, "output_hash": event.output_hash},
            "duration_ms": duration_us / 1_000,
            "notes": notes,
            "reason": reason,
            "event_index": placed.index,
            "event_hash": event.event_hash,
        });
        Self { line, status, document: calls::fields(document) }
    }

    /// How the call ended.
    pub(super) const fn status(&self) -> &'static str {
        self.status.as_str()
    }
}

/// The canonical result that the evidence of a call keeps, where the plugin's `log_level` is `full`.
fn kept_result(output_hash: &str, artifacts: &ArtifactStore) -> Option<Payload> {
    let digest = output_hash.parse().ok()?;
    artifacts.size_bytes(&digest).ok().flatten().filter(|size| *size <= limits::REQUEST_BYTES_MAX)?;
    let mut bytes = Vec::new();
    artifacts.copy_to(output_hash, &mut bytes).ok()?;
    strict_json::parse_as(&bytes, limits::REQUEST_BYTES_MAX).ok()
}

/// Where the answers go.
pub(super) struct Written {
    path: PathBuf,
    /// None for standard output.
    file: Option<File>,
    last_line: u64,
}

impl Written {
    /// Opens the output of a batch. What an earlier one wrote stays; a last line that was torn is cut off.
    ///
    /// # Errors
    /// Where the file holds anything but answers of this batch.
    pub(super) fn open(path: &Path, batch: &RunId) -> Result<Self, Fault> {
        if input::is_standard_input(path) {
            return Ok(Self { path: path.to_owned(), file: None, last_line: 0 });
        }
        let fault = |error: std::io::Error| Fault::file(path, &error);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(fault)?;
        let (last_start, whole) = last_whole_line(&mut file).map_err(fault)?;
        let mut last = Vec::new();
        file.seek(SeekFrom::Start(last_start)).map_err(fault)?;
        let length = if whole > 0 { whole - last_start } else { TORN_BYTES_READ };
        (&file).take(length.min(limits::REQUEST_BYTES_MAX)).read_to_end(&mut last).map_err(fault)?;
        let last_line = if whole > 0 {
            line_of(&last, batch).ok_or_else(|| foreign(path))?
        } else if begins_like_ours(&last, batch) {
            0
        } else {
            return Err(foreign(path));
        };
        file.set_len(whole).map_err(fault)?;
        file.seek(SeekFrom::End(0)).map_err(fault)?;
        Ok(Self { path: path.to_owned(), file: Some(file), last_line })
    }

    /// The last line of the input that has its answer.
    pub(super) const fn last_line(&self) -> u64 {
        self.last_line
    }

    /// Adds an answer.
    pub(super) fn write(&mut self, answered: &mut Answered, batch: &RunId, output: &mut Output) -> Result<(), Fault> {
        self.last_line = answered.line;
        answered.document.insert(BATCH.into(), json!(batch));
        let Some(file) = &mut self.file else { return output.json_line(&answered.document) };
        let mut bytes = canonical_bytes(&answered.document).map_err(|error| Fault::unwritable(&error))?;
        bytes.push(b'\n');
        file.write_all(&bytes).map_err(|error| Fault::file(&self.path, &error))
    }

    /// Everything is on the disk.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.sync_all().map_err(|error| Fault::file(&self.path, &error))
    }
}

/// Where the last line that ends in a line break starts, and where it ends.
fn last_whole_line(file: &mut File) -> std::io::Result<(u64, u64)> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut buffer = vec![0; 256 * 1024];
    let (mut position, mut start, mut end) = (0_u64, 0_u64, 0_u64);
    loop {
        let count = reader.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { return Ok((start, end)) };
        for at in memchr::memchr_iter(b'\n', read) {
            start = end;
            end = position + at as u64 + 1;
        }
        position += count as u64;
    }
}

/// The number of the input's line that an answer of this batch is for.
fn line_of(answer: &[u8], batch: &RunId) -> Option<u64> {
    let document: Value = strict_json::parse(answer, limits::REQUEST_BYTES_MAX).ok()?;
    let ours = document.get(BATCH).and_then(Value::as_str) == Some(batch.as_str());
    document.get("line").and_then(Value::as_u64).filter(|_| ours)
}

/// Whether a line that was torn is the beginning of an answer of this batch: its first field says so.
fn begins_like_ours(torn: &[u8], batch: &RunId) -> bool {
    let Ok(whole) = canonical_bytes(&json!({BATCH: batch})) else { return false };
    let beginning = whole.strip_suffix(b"}").unwrap_or(&whole);
    torn.starts_with(beginning) || beginning.starts_with(torn)
}

fn foreign(path: &Path) -> Fault {
    Fault::usage("The output holds something else than answers of this batch; nothing was changed.")
        .with("file", path.display())
        .hint("Choose another `--output`.")
}
