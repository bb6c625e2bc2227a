//! `omega proof`: evidence of one run, handed out and checked.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use omega_gateway::Gateway;
use omega_gateway::contract::{ErrorCode, ProofBundle, RunId, Sha256Hex, canonical_bytes};
use omega_proof::bundle::{BUNDLE_BYTES_MAX, BundleVerdict, HeadCheck, verify_bundle};
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::{input, new_file, show};

/// Export and verify proofs
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega proof verify proof.json")]
pub(crate) enum Proof {
    Export(Export),
    Verify(Verify),
}

/// Export everything that the ledger has of a run, as one file that verifies alone
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega proof export 01KAG0T8J1Z2V4W6X8Y0A2C4E6 -o proof.json")]
pub(crate) struct Export {
    /// The run
    run: RunId,
    /// Where to write the proof [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Verify a proof: needs no home, no network and no gateway
///
/// Without a head that somebody outside kept, a proof shows that it is whole and unchanged since it was exported. It does
/// not show that the ledger's history was not rewritten before: whoever can write the home can do that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega proof verify proof.json --head \"$(cat head.txt)\"")]
pub(crate) struct Verify {
    /// The proof (`-`: standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The head's hash that you kept when the proof was exported
    #[arg(long, value_name = "HEX")]
    head: Option<Sha256Hex>,
}

impl Proof {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Export(export) => export.run(session, output),
            Self::Verify(verify) => verify.run(output),
        }
    }
}

impl Export {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let (bundle, bytes) = session.with_gateway(async |gateway| exported(gateway, &self.run).await)?;
        let Some(file) = self.output else {
            output.write(&bytes)?;
            return Ok(Exit::Done);
        };
        new_file::replace(&file, &bytes)?;
        if output.form() == Form::Json {
            output.document(&json!({
                "file": file,
                "run_id": bundle.run_id,
                "proof_id": bundle.proof_id,
                "events": bundle.events.len(),
                "head_event_hash": bundle.head_event_hash,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Exported:"), Cell::plain(file.display().to_string())])?;
        output.indented_pairs(&[
            ("run", Cell::plain(bundle.run_id.as_str())),
            ("events", Cell::plain(bundle.events.len().to_string())),
            ("head", Cell::plain(bundle.head_event_hash.to_string())),
        ])?;
        output.line([
            Cell::plain("Keep the head where nobody with access to this home can change it. To compare with it:"),
            Cell::new(Tone::Name, "omega proof verify FILE --head HEX"),
        ])?;
        Ok(Exit::Done)
    }
}

impl Verify {
    fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let (_, verdict) = verified(&self.file, self.head)?;
        if output.form() == Form::Json {
            output.document(&document(&verdict))?;
        } else {
            print(&verdict, output)?;
        }
        Ok(Exit::Done)
    }
}

/// The proof of a run and its file's bytes: for every verb that hands one out.
pub(super) async fn exported(gateway: &Gateway, run_id: &RunId) -> Result<(ProofBundle, Vec<u8>), Fault> {
    let bundle = gateway.export_proof(run_id).await?;
    let mut bytes = canonical_bytes(&bundle).map_err(|error| Fault::unwritable(&error))?;
    bytes.push(b'\n');
    Ok((bundle, bytes))
}

/// A proof as it was read, and what it says: for every verb that relies on one.
pub(super) fn verified(file: &Path, head: Option<Sha256Hex>) -> Result<(Vec<u8>, BundleVerdict), Fault> {
    let invalid = |cause: String| Fault::new(ErrorCode::ProofInvalid).with("file", file.display()).because(cause);
    let bytes = input::read(file, BUNDLE_BYTES_MAX).map_err(|fault| match fault.gateway_code() {
        Some(ErrorCode::PayloadTooLarge) => invalid(format!("more than {BUNDLE_BYTES_MAX} bytes")),
        _ => fault,
    })?;
    let verdict = verify_bundle(&bytes, head).map_err(|fault| invalid(fault.to_string()))?;
    Ok((bytes, verdict))
}

/// What a proof without an outside head does and does not show (spec page 3, "Honest limits").
const LIMITS: [&str; 2] = [
    "that this history was not rewritten before the export, by whoever could write the home.",
    "A head that somebody outside kept shows that too: --head HEX.",
];

fn document(verdict: &BundleVerdict) -> serde_json::Value {
    json!({
        "valid": true,
        "run_id": verdict.run_id,
        "proof_id": verdict.proof_id,
        "created_at": verdict.created_at,
        "events": verdict.events,
        "attempts": verdict.attempts,
        "results": verdict.results,
        "rejects": verdict.rejects,
        "errors": verdict.errors,
        "head_event_hash": verdict.head_event_hash,
        "head_compared": verdict.head_check == HeadCheck::Same,
        "durability": verdict.durability,
    })
}

/// What a verified proof says, label by label: for the command line and for reports.
pub(super) fn facts(verdict: &BundleVerdict) -> Vec<(&'static str, String)> {
    let calls = format!(
        "{} ran; {}, {}, {}",
        show::count(verdict.attempts, "attempt"),
        show::count(verdict.results, "result"),
        show::count(verdict.rejects, "refusal"),
        show::count(verdict.errors, "failure"),
    );
    vec![
        ("exported", show::when(verdict.created_at)),
        ("calls", calls),
        ("durability", verdict.durability.as_str().to_owned()),
        ("head", verdict.head_event_hash.to_string()),
    ]
}

/// What a verified proof does not show.
pub(super) fn limits(verdict: &BundleVerdict) -> Vec<&'static str> {
    if verdict.head_check == HeadCheck::NotCompared { LIMITS.to_vec() } else { Vec::new() }
}

fn print(verdict: &BundleVerdict, output: &mut Output) -> Result<(), Fault> {
    output.line([
        Cell::new(Tone::Good, "Verified:"),
        Cell::plain(format!(
            "{} of run {}, whole and unchanged since the export",
            show::count(verdict.events, "event"),
            verdict.run_id
        )),
    ])?;
    let mut facts: Vec<(&str, Cell)> =
        facts(verdict).into_iter().map(|(label, value)| (label, Cell::plain(value))).collect();
    let head = match verdict.head_check {
        HeadCheck::Same => Cell::new(Tone::Good, "the one that you kept"),
        HeadCheck::NotCompared => Cell::new(Tone::Warning, "not compared with one kept outside"),
    };
    facts.push(("", head));
    output.indented_pairs(&facts)?;
    if verdict.head_check == HeadCheck::NotCompared {
        let [limit, remedy] = LIMITS;
        output.line([Cell::new(Tone::Warning, "Not shown:"), Cell::plain(limit)])?;
        output.line([Cell::plain(remedy)])?;
    }
    Ok(())
}
