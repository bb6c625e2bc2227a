//! `omega evidence check`: a disclosure, judged without a home.

use std::path::PathBuf;

use clap::Args;
use omega_gateway::contract::{ErrorCode, ProofBundle, strict_json};
use omega_proof::bundle::BUNDLE_BYTES_MAX;
use omega_proof::disclosure::{Checked, DISCLOSURE_BYTES_MAX, check_disclosure};
use omega_proof::note::VerifierKey;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::verbs::proof;
use crate::vkey;
use crate::{input, show};

/// Check a disclosure: needs no home, no network and no gateway
///
/// Each value must be the one that the redacted document commits to. That the ledger holds that document's hash is shown
/// by a proof of its run: without one, somebody may have made up both.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega evidence check disclosure.json --proof proof.json --vkey log.vkey")]
pub(crate) struct Check {
    /// The disclosure (`-`: standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A proof of the run
    #[arg(long, value_name = "FILE", requires = "vkey")]
    proof: Option<PathBuf>,
    /// A key of the proof's log that you trust: its text or a file that holds it; may be given again
    #[arg(long, value_name = "KEY", requires = "proof")]
    vkey: Vec<String>,
}

impl Check {
    pub(super) fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let invalid =
            |cause: String| Fault::new(ErrorCode::DisclosureInvalid).with("file", self.file.display()).because(cause);
        let bytes = input::read(&self.file, DISCLOSURE_BYTES_MAX)?;
        let checked = check_disclosure(&bytes).map_err(|fault| invalid(fault.to_string()))?;
        let mut confirmed = None;
        if let Some(path) = &self.proof {
            let (bytes, verdict) = proof::verified_by(path, &vkey::all(&self.vkey)?, &[])?;
            let bundle: ProofBundle = strict_json::parse_as(&bytes, BUNDLE_BYTES_MAX)
                .map_err(|error| input::invalid_json(ErrorCode::ProofInvalid, &error))?;
            let position = checked.is_in(&bundle.events).map_err(|fault| invalid(fault.to_string()))?;
            confirmed = Some((bundle.inclusion.get(position).map(|inclusion| inclusion.index), verdict.log_key));
        }
        match output.form() {
            Form::Json => document(&checked, confirmed.as_ref(), output)?,
            Form::Text => print(&checked, confirmed.as_ref(), output)?,
        }
        Ok(Exit::Done)
    }
}

/// Where the proof has the event, and the key that signed for its log.
type Confirmed<'a> = Option<&'a (Option<u64>, VerifierKey)>;

fn document(checked: &Checked, confirmed: Confirmed<'_>, output: &mut Output) -> Result<(), Fault> {
    let said = checked.disclosure();
    output.document(&json!({
        "valid": true,
        "run_id": said.run_id,
        "request_id": said.request_id,
        "step": said.step,
        "part": said.part,
        "event_hash": said.event_hash,
        "fields": said.fields,
        "undisclosed": checked.undisclosed,
        "in_proof": confirmed.is_some(),
        "event_index": confirmed.and_then(|(index, _)| *index),
        "log_key": confirmed.map(|(_, key)| key.to_string()),
    }))
}

fn print(checked: &Checked, confirmed: Confirmed<'_>, output: &mut Output) -> Result<(), Fault> {
    let said = checked.disclosure();
    output.line([
        Cell::new(Tone::Good, "Verified:"),
        Cell::plain(format!(
            "{} of the {} of request {}, run {}",
            show::count(said.fields.len(), "value"),
            said.part.as_str(),
            said.request_id,
            said.run_id
        )),
    ])?;
    let values: Vec<(&str, Cell)> =
        said.fields.iter().map(|field| (field.pointer.as_str(), Cell::plain(field.value.to_string()))).collect();
    output.indented_pairs(&values)?;
    match confirmed {
        Some((index, key)) => {
            let place = index.map(|index| format!("event {index}")).unwrap_or_default();
            let log = format!("{place} of the log {}, by the proof", key.name());
            output.line([Cell::new(Tone::Good, "Committed to by"), Cell::plain(log)])
        }
        None => output.line([
            Cell::new(Tone::Warning, "Not shown:"),
            Cell::plain("that a ledger holds this. A proof of the run shows it: --proof FILE."),
        ]),
    }
}
