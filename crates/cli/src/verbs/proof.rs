//! `omega proof`: evidence of one run, handed out and checked.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use omega_gateway::contract::{ErrorCode, ProofBundle, RunId, Timestamp, canonical_bytes};
use omega_proof::bundle::{BUNDLE_BYTES_MAX, BundleVerdict, verify_bundle};
use omega_proof::checkpoint::WitnessKey;
use omega_proof::note::VerifierKey;
use omega_server::local::Door;
use omega_server::local::operations::ExportProof;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::{input, new_file, show, vkey};

/// Export and verify proofs
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega proof verify proof.json --vkey log.vkey")]
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
/// You need the log's verifier key, from a source that you trust: `omega ledger key` prints it there, and the
/// home has it in `keys/log.vkey`. Never take it from whoever hands you the proof. A key that the log had earlier will do: a proof brings
/// the signed hand-overs from key to key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega proof verify proof.json --vkey log.vkey")]
pub(crate) struct Verify {
    /// The proof (`-`: standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

/// Whose word counts for a proof.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// A key of the log that you trust: its text (`NAME+ID+KEY`) or a file that holds it; may be given again
    #[arg(long, value_name = "KEY", required = true)]
    vkey: Vec<String>,
    /// A witness whose cosignature you ask for: the text of its key or a file that holds it; may be given again
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
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
        let (bundle, bytes) = session.with_door(async |door| exported(door, &self.run).await)?;
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
                "origin": bundle.origin,
                "checkpoint": bundle.checkpoint,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Exported:"), Cell::plain(file.display().to_string())])?;
        output.indented_pairs(&[
            ("run", Cell::plain(bundle.run_id.as_str())),
            ("events", Cell::plain(bundle.events.len().to_string())),
            ("log", Cell::plain(bundle.origin)),
        ])?;
        output.line([
            Cell::plain("Whoever has this log's key (keys/log.vkey) can verify it, without this home:"),
            Cell::new(Tone::Name, "omega proof verify FILE --vkey KEY"),
        ])?;
        Ok(Exit::Done)
    }
}

impl Verify {
    fn run(self, output: &mut Output) -> Result<Exit, Fault> {
        let (_, verdict) = verified(&self.file, &self.trust)?;
        if output.form() == Form::Json {
            output.document(&document(&verdict))?;
        } else {
            print(&verdict, output)?;
        }
        Ok(Exit::Done)
    }
}

/// The proof of a run and its file's bytes: for every verb that hands one out.
pub(super) async fn exported(door: &Door, run_id: &RunId) -> Result<(ProofBundle, Vec<u8>), Fault> {
    let bundle = door.ask(ExportProof { run_id: run_id.clone() }).await?;
    let mut bytes = canonical_bytes(&bundle).map_err(|error| Fault::unwritable(&error))?;
    bytes.push(b'\n');
    Ok((bundle, bytes))
}

/// A proof as it was read, and what it says: for every verb that relies on one.
pub(super) fn verified(file: &Path, trust: &Trust) -> Result<(Vec<u8>, BundleVerdict), Fault> {
    verified_by(file, &vkey::all(&trust.vkey)?, &vkey::all(&trust.witness)?)
}

/// As [`verified`], with keys at hand.
pub(super) fn verified_by(
    file: &Path,
    keys: &[VerifierKey],
    witnesses: &[WitnessKey],
) -> Result<(Vec<u8>, BundleVerdict), Fault> {
    let invalid = |cause: String| Fault::new(ErrorCode::ProofInvalid).with("file", file.display()).because(cause);
    let bytes = input::read(file, BUNDLE_BYTES_MAX).map_err(|fault| match fault.gateway_code() {
        Some(ErrorCode::PayloadTooLarge) => invalid(format!("more than {BUNDLE_BYTES_MAX} bytes")),
        _ => fault,
    })?;
    let verdict = verify_bundle(&bytes, keys, witnesses).map_err(|fault| invalid(fault.to_string()))?;
    Ok((bytes, verdict))
}

/// What a proof does not show (spec page 3, "Honest limits").
const LIMITS: [&str; 2] = [
    "that nobody who holds the log's key and can write the home made a history of their own before anybody else saw a",
    "checkpoint of it. Checkpoints that others keep, and witnesses (--witness KEY), show that.",
];

fn document(verdict: &BundleVerdict) -> serde_json::Value {
    let cosigned = verdict.cosignatures.iter();
    let cosigned = cosigned.map(|it| json!({"witness": it.witness.as_str(), "time_unix_s": it.time_unix_s}));
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
        "durability": verdict.durability,
        "log_key": verdict.log_key.to_string(),
        "tree_size": verdict.tree.size,
        "tree_root": verdict.tree.root,
        "plugins": verdict.plugins,
        "withheld_decisions": verdict.withheld_decisions,
        "cosignatures": cosigned.collect::<Vec<_>>(),
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
    let mut facts = vec![
        ("exported", show::when(verdict.created_at)),
        ("calls", calls),
        ("durability", verdict.durability.as_str().to_owned()),
    ];
    for plugin in &verdict.plugins {
        facts.push(("plugin", format!("{} {}, signed by {}", plugin.plugin_id, plugin.version, plugin.key_id)));
        if let Some(revoked) = &plugin.key_revoked_at {
            facts.push(("", format!("that key was revoked later, {}", show::when(revoked))));
        }
    }
    if verdict.withheld_decisions > 0 {
        let what = show::count(verdict.withheld_decisions, "decision");
        facts.push(("withheld", format!("{what} that names paths of the host: only the hash is here")));
    }
    facts.push(("head", verdict.head_event_hash.to_string()));
    facts.push(("checkpoint", format!("{}, signed", show::count(verdict.tree.size, "event"))));
    for cosignature in &verdict.cosignatures {
        let micros = i64::try_from(cosignature.time_unix_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let when = show::when(Timestamp::from_unix_micros(micros));
        facts.push(("witness", format!("{}, {when}", cosignature.witness)));
    }
    facts
}

/// What a verified proof does not show.
pub(super) fn limits(verdict: &BundleVerdict) -> Vec<&'static str> {
    if verdict.cosignatures.is_empty() { LIMITS.to_vec() } else { Vec::new() }
}

fn print(verdict: &BundleVerdict, output: &mut Output) -> Result<(), Fault> {
    output.line([
        Cell::new(Tone::Good, "Verified:"),
        Cell::plain(format!(
            "{} of run {}, all of it as of the export, in the log {}",
            show::count(verdict.events, "event"),
            verdict.run_id,
            verdict.log_key.name(),
        )),
    ])?;
    let facts: Vec<(&str, Cell)> =
        facts(verdict).into_iter().map(|(label, value)| (label, Cell::plain(value))).collect();
    output.indented_pairs(&facts)?;
    if let [limit, remedy] = limits(verdict).as_slice() {
        output.line([Cell::new(Tone::Warning, "Not shown:"), Cell::plain(*limit)])?;
        output.line([Cell::plain(*remedy)])?;
    }
    Ok(())
}
