//! `omega evidence reveal`: what is committed to, and a disclosure of it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use omega_gateway::contract::limits::REQUEST_BYTES_MAX;
use omega_gateway::contract::{ErrorCode, Payload, RequestId, RunId, canonical_bytes, strict_json};
use omega_gateway::{Alleged, Committed, SaltState};
use omega_proof::disclosure::{Checked, Disclosure, Part};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Side, Table, Tone};
use crate::session::Session;
use crate::{input, new_file, show};

/// Show what of a request was redacted, or disclose it in a file that anybody can check
///
/// Without a value: what the ledger commits to, and whether it can still be disclosed. With the payload or result as it
/// was, or with single values: a disclosure, made only if each value is the one that was committed to. The disclosure
/// holds the request's salt: whoever has it can test guesses at every other value that this request redacts.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  omega evidence reveal 01KAG0T8J1Z2V4W6X8Y0A2C4E6 --payload payload.json -o disclosure.json"
)]
pub(crate) struct Reveal {
    /// The request
    request: RequestId,
    /// Its run; without one the whole ledger is looked through
    #[arg(long, value_name = "R")]
    run: Option<RunId>,
    /// Its step of a pipeline
    #[arg(long, value_name = "N")]
    step: Option<u32>,
    /// The payload as it was sent, a JSON file: discloses all of its redacted fields (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["result", "value"])]
    payload: Option<PathBuf>,
    /// The result as it was given, a JSON file: discloses all of its redacted fields
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    result: Option<PathBuf>,
    /// One value: where it stood, and what it was; possible where the redacted form was kept (log_level full)
    #[arg(long, num_args = 2, value_names = ["POINTER", "JSON"])]
    value: Vec<String>,
    /// On which side of the call the values stood
    #[arg(long, value_enum, default_value_t = Which::Payload, requires = "value")]
    part: Which,
    /// Where to write the disclosure [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A side of a call, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// What went in.
    Payload,
    /// What came out.
    Result,
}

impl Reveal {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let alleged = self.alleged()?;
        let reader = session.reader()?;
        let mut committed = reader.committed(self.run.as_ref(), &self.request)?;
        if let Some(step) = self.step {
            committed.retain(|one| one.step == step);
        }
        let Some((part, alleged)) = alleged else {
            return list(&committed, output);
        };
        let meant = self.meant(committed, part)?;
        let disclosure = reader.disclose(&meant, alleged)?;
        self.hand_out(disclosure, output)
    }

    /// What is said to have been redacted, read and shaped before the home is looked at.
    fn alleged(&self) -> Result<Option<(Part, Alleged)>, Fault> {
        let whole = |path: &Path| -> Result<Alleged, Fault> {
            let payload: Payload = input::read_json(path, REQUEST_BYTES_MAX, ErrorCode::RequestInvalid)?;
            Ok(Alleged::Whole(payload))
        };
        if let Some(path) = &self.payload {
            return Ok(Some((Part::Payload, whole(path)?)));
        }
        if let Some(path) = &self.result {
            return Ok(Some((Part::Result, whole(path)?)));
        }
        if self.value.is_empty() {
            return Ok(None);
        }
        let mut values = Vec::new();
        for pair in self.value.chunks_exact(2) {
            let value = strict_json::parse(pair[1].as_bytes(), REQUEST_BYTES_MAX).map_err(|error| {
                let fault = Fault::usage("A value is not JSON.").with("value of", &pair[0]).because(error);
                fault.hint("Text is written with quotes: --value /content '\"Ada\"'.")
            })?;
            values.push((pair[0].clone(), value));
        }
        let part = if self.part == Which::Payload { Part::Payload } else { Part::Result };
        Ok(Some((part, Alleged::Fields(values))))
    }

    /// The one document that is meant.
    fn meant(&self, committed: Vec<Committed>, part: Part) -> Result<Committed, Fault> {
        let mut meant: Vec<Committed> = committed.into_iter().filter(|one| one.part == part).collect();
        if meant.len() > 1 {
            let steps = show::list(meant.iter().map(|one| one.step), "none");
            let fault = Fault::usage("Several steps of this request were redacted.").with("steps", steps);
            return Err(fault.hint("Say which with `--step`."));
        }
        meant.pop().ok_or_else(|| {
            Fault::new(ErrorCode::NotFound)
                .with("request", &self.request)
                .because(format!("the ledger commits to no {} of it", part.as_str()))
        })
    }

    fn hand_out(&self, disclosure: Disclosure, output: &mut Output) -> Result<Exit, Fault> {
        let mut bytes = canonical_bytes(&disclosure).map_err(|error| Fault::unwritable(&error))?;
        bytes.push(b'\n');
        let checked =
            Checked::new(disclosure).map_err(|fault| Fault::new(ErrorCode::DisclosureInvalid).because(fault))?;
        let said = checked.disclosure();
        if checked.undisclosed > 0 {
            output.note([
                Cell::new(Tone::Warning, "warning:"),
                Cell::plain(format!(
                    "the salt lets whoever gets this test guesses at {} that it does not disclose",
                    show::count(checked.undisclosed, "other value")
                )),
            ]);
        }
        let Some(file) = &self.output else {
            output.write(&bytes)?;
            return Ok(Exit::Done);
        };
        new_file::replace(file, &bytes)?;
        if output.form() == Form::Json {
            output.document(&json!({
                "file": file,
                "run_id": said.run_id,
                "request_id": said.request_id,
                "step": said.step,
                "part": said.part,
                "event_hash": said.event_hash,
                "fields": said.fields.len(),
                "undisclosed": checked.undisclosed,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Disclosed:"), Cell::plain(file.display().to_string())])?;
        output.indented_pairs(&[
            ("fields", Cell::plain(show::list(said.fields.iter().map(|field| &field.pointer), "none"))),
            ("of", Cell::plain(format!("{} of request {}", said.part.as_str(), said.request_id))),
            ("event", Cell::plain(said.event_hash.to_string())),
        ])?;
        let proof = format!("omega proof export {} -o proof.json", said.run_id);
        output.line([
            Cell::plain("Hand it out with a proof of the run, which holds that event:"),
            Cell::new(Tone::Name, proof),
        ])?;
        Ok(Exit::Done)
    }
}

fn list(committed: &[Committed], output: &mut Output) -> Result<Exit, Fault> {
    if output.form() == Form::Json {
        output.document(&committed.iter().map(document).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new([
        ("PART", Side::Left),
        ("STEP", Side::Right),
        ("EVENT", Side::Right),
        ("FIELD", Side::Left),
        ("COMMITMENT", Side::Left),
        ("SALT", Side::Left),
    ]);
    for one in committed {
        let commitments = one.commitments();
        for pointer in &one.pointers {
            let stands = commitments.iter().find(|(at, _)| at == pointer);
            let commitment = match (stands, &one.document) {
                (Some((_, commitment)), _) => Cell::plain(show::short_hash(&commitment.0)),
                (None, Some(_)) => Cell::faint("no such field"),
                (None, None) => Cell::faint("in the hash alone"),
            };
            table.row([
                Cell::plain(one.part.as_str()),
                Cell::plain(one.step.to_string()),
                Cell::plain(one.event_index.to_string()),
                Cell::new(Tone::Name, pointer),
                commitment,
                salt(one.salt),
            ]);
        }
    }
    output.table(&table)?;
    Ok(Exit::Done)
}

fn salt(state: SaltState) -> Cell {
    match state {
        SaltState::Kept => Cell::new(Tone::Good, "kept"),
        SaltState::Forgotten { event_index } => Cell::new(Tone::Warning, format!("forgotten (event {event_index})")),
        SaltState::Missing => Cell::new(Tone::Bad, "missing"),
    }
}

fn document(committed: &Committed) -> Value {
    let commitments = committed.commitments();
    let fields: Vec<Value> = committed
        .pointers
        .iter()
        .map(|pointer| {
            let stands = commitments.iter().find(|(at, _)| at == pointer);
            json!({"pointer": pointer, "commitment": stands.map(|(_, commitment)| commitment.to_string())})
        })
        .collect();
    let (salt, forgotten_by) = match committed.salt {
        SaltState::Kept => ("kept", None),
        SaltState::Forgotten { event_index } => ("forgotten", Some(event_index)),
        SaltState::Missing => ("missing", None),
    };
    json!({
        "run_id": committed.run_id,
        "request_id": committed.request_id,
        "step": committed.step,
        "part": committed.part,
        "event_index": committed.event_index,
        "event_hash": committed.event_hash,
        "document_hash": committed.document_hash,
        "document_kept": committed.document.is_some(),
        "fields": fields,
        "salt": salt,
        "forgotten_by_event": forgotten_by,
    })
}
