//! `omega evidence`: what redactions hide, disclosed to whom it concerns, or forgotten.

mod check;
mod reveal;

use clap::{Args, Subcommand};
use omega_gateway::contract::{RequestId, RunId};
use omega_server::local::operations::ForgetEvidence;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Disclose what was redacted, check a disclosure, or forget it for ever
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  omega evidence reveal 01KAG0T8J1Z2V4W6X8Y0A2C4E6")]
pub(crate) enum Evidence {
    Reveal(reveal::Reveal),
    Check(check::Check),
    Forget(Forget),
}

/// Delete what could disclose a request's redacted values: they are lost to everybody
///
/// The salt of the request is deleted from the home, and the decision is journalled. Hashes and commitments stay, so that
/// proofs stay whole. Copies of the home, and what was disclosed before, are beyond this.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega evidence forget 01KAG0T8J1Z2V4W6X8Y0A2C4E6 --run 01KAG0T8HZ0A1B2C3D4E5F6G7H")]
pub(crate) struct Forget {
    /// The request
    request: RequestId,
    /// Its run; without one the whole ledger is looked through
    #[arg(long, value_name = "R")]
    run: Option<RunId>,
}

impl Evidence {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        match self {
            Self::Reveal(reveal) => reveal.run(session, output),
            Self::Check(check) => check.run(output),
            Self::Forget(forget) => forget.run(session, output),
        }
    }
}

impl Forget {
    fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let forget = ForgetEvidence { run_id: self.run, request_id: self.request };
        let report = session.with_door(async |door| Ok(door.ask(forget).await?))?;
        if output.form() == Form::Json {
            output.document(&json!({
                "run_id": report.run_id,
                "request_id": report.request_id,
                "steps": report.steps,
                "event_index": report.event_index,
                "forgotten_now": report.is_new,
            }))?;
            return Ok(Exit::Done);
        }
        let word = if report.is_new { "Forgotten:" } else { "Forgotten before:" };
        output.line([
            Cell::new(Tone::Good, word),
            Cell::plain(format!("request {} of run {}", report.request_id, report.run_id)),
        ])?;
        output.indented_pairs(&[
            ("salts", Cell::plain(show::count(report.steps.len(), "step"))),
            ("decision", Cell::plain(format!("event {}", report.event_index))),
        ])?;
        Ok(Exit::Done)
    }
}
