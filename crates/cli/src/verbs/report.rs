//! `omega ledger report`: a run on one page, with its proof beside it.

use std::path::{Path, PathBuf};

use clap::Args;
use omega_gateway::contract::{ErrorCode, RunId};
use omega_proof::bundle::BundleVerdict;
use serde_json::json;

use super::proof;
use crate::fault::{Exit, Fault};
use crate::new_file;
use crate::output::{Cell, Form, Output, Tone};
use crate::page::{Page, Verification};
use crate::session::{Session, now};
use crate::timeline::Timeline;

/// Write a report of a run: one page of HTML that needs no network, and the proof that it speaks of
///
/// What ran, by whom signed, under which grants and decisions, when and how long, whether it verifies and how to repeat
/// that. The proof is exported beside the page, verified, and named in it; so a PROOF_EXPORT event is recorded. Neither
/// holds a payload or a result.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger report 01KAG0T8J1Z2V4W6X8Y0A2C4E6 -o report.html")]
pub(crate) struct Report {
    /// The run
    run: RunId,
    /// Where to write the page; the proof goes beside it, as FILE with the ending `.proof.json`
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Report {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let proof_file = self.output.with_extension("proof.json");
        let (_, bytes) = session.with_door(async |door| proof::exported(door, &self.run).await)?;
        let reader = session.reader()?;
        let (facts, log_key) = (reader.run_facts(&self.run)?, reader.home().log_verifier_key()?);
        // The proof first: a page never speaks of one that is not there.
        new_file::replace(&proof_file, &bytes)?;
        let (_, verdict) = proof::verified_by(&proof_file, &[log_key], &[])?;
        let unknown = || Fault::new(ErrorCode::RunUnknown).with("run", &self.run);
        let timeline = Timeline::of(&facts.events).ok_or_else(unknown)?;
        let verification = verification(&verdict, &proof_file);
        let page = Page { facts: &facts, timeline: &timeline, verification: &verification, made_at: now() };
        new_file::replace(&self.output, page.render().as_bytes())?;
        if output.form() == Form::Json {
            output.document(&json!({
                "file": self.output,
                "proof_file": proof_file,
                "run_id": self.run,
                "head_event_hash": verdict.head_event_hash,
                "events": facts.events.len(),
                "verified": true,
                "packages": facts.packages,
            }))?;
            return Ok(Exit::Done);
        }
        output.line([Cell::new(Tone::Good, "Reported:"), Cell::plain(self.output.display().to_string())])?;
        output.indented_pairs(&[
            ("proof", Cell::plain(proof_file.display().to_string())),
            ("events", Cell::plain(facts.events.len().to_string())),
            ("head", Cell::plain(verdict.head_event_hash.to_string())),
        ])?;
        Ok(Exit::Done)
    }
}

/// What the page says of the proof: the words of the verifier, and the commands that anybody can repeat.
fn verification(verdict: &BundleVerdict, proof_file: &Path) -> Verification {
    // The name alone: where it lies on this machine is nobody's business.
    let name = proof_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let quoted = quoted(&name);
    Verification {
        facts: proof::facts(verdict).into_iter().map(|(label, value)| (label.to_owned(), value)).collect(),
        commands: vec![
            format!("omega proof verify {quoted} --vkey log.vkey"),
            "omega ledger verify --strict    # in the gateway's home: the whole ledger".to_owned(),
        ],
        limits: proof::limits(verdict).into_iter().map(ToOwned::to_owned).collect(),
        proof_file: name,
        head: verdict.head_event_hash,
    }
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    // Behind `./` no name is taken for an option.
    let shown = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    format!("'{}'", shown.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_copied_into_a_shell() {
        let check = |word: &str, expect: &str| assert_eq!(quoted(word), expect);
        check("report.proof.json", "report.proof.json");
        check("my report.proof.json", "'my report.proof.json'");
        check("a';rm -rf $HOME;'.json", "'a'\\'';rm -rf $HOME;'\\''.json'");
        check("-rf", "'./-rf'");
        check("", "''");
    }
}
