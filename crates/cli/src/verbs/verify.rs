//! `omega ledger verify`: reads everything and says whether it is what was written.

use clap::Args;
use omega_gateway::Home;
use omega_gateway::contract::ErrorCode;
use omega_gateway::ledger::{self, LedgerError, LedgerVerdict};
use omega_proof::chain::Strictness;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Counted, Form, Output, Tone};
use crate::session::Session;
use crate::show;

/// Check every hash and link of the ledger
///
/// This shows that the ledger is whole and unchanged since it was written. It does not show that nobody who can write
/// the home has written all of it anew: compare the head with one that somebody outside kept.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega ledger verify --strict")]
pub(crate) struct Verify {
    /// Also check that each line is in its one canonical form and fits the event's schema
    #[arg(long)]
    strict: bool,
}

/// How closely a ledger is looked at.
pub(super) type Depth = Strictness;

impl Verify {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        let home = session.home()?;
        let depth = if self.strict { Strictness::Strict } else { Strictness::Standard };
        let bar = output.progress("verifying", Counted::Bytes, Some(0));
        let verdict = verify(&home, depth, &mut |progress| {
            bar.of(progress.bytes_total);
            bar.at(progress.bytes_done);
        });
        drop(bar);
        let verdict = verdict?;
        if output.form() == Form::Json {
            output.document(&json!({
                "valid": true,
                "strict": self.strict,
                "events": verdict.events,
                "bytes": verdict.bytes,
                "segments": verdict.segments,
                "synced_events": verdict.synced_events,
                "unfinished_bytes": verdict.unfinished_bytes,
                "head_event_hash": verdict.head,
            }))?;
        } else {
            print(&verdict, output)?;
        }
        Ok(Exit::Done)
    }
}

/// Reads the whole ledger of a home. A fault in it is a plain no, with the place and the kind.
pub(super) fn verify(
    home: &Home,
    depth: Depth,
    progress: &mut dyn FnMut(ledger::Progress),
) -> Result<LedgerVerdict, Fault> {
    ledger::verify(&home.ledger_dir(), &home.log_verifier_key()?, depth, progress).map_err(|error| match error {
        LedgerError::Corrupt(fault) => {
            let line = format!("{}, byte {}", fault.line, fault.offset);
            Fault::new(ErrorCode::LedgerCorrupt)
                .with("file", format!("ledger/{}", fault.file))
                .with("line", line)
                .because(&fault.kind)
                .exit(Exit::No)
        }
        other => other.into(),
    })
}

fn print(verdict: &LedgerVerdict, output: &mut Output) -> Result<(), Fault> {
    let size = format!("{} in {}", show::bytes(verdict.bytes), show::count(verdict.segments, "segment"));
    output.line([
        Cell::new(Tone::Good, "Verified:"),
        Cell::plain(show::count(verdict.events, "event")),
        Cell::faint(format!("({size})")),
    ])?;
    if let Some(head) = verdict.head {
        output.indented_pairs(&[("head", Cell::plain(head.to_string()))])?;
    }
    if verdict.unfinished_bytes > 0 {
        let bytes = show::bytes(verdict.unfinished_bytes);
        output.line([
            Cell::new(Tone::Warning, "Unfinished:"),
            Cell::plain(format!(
                "{bytes} at the end, above what was acknowledged; the next start puts them into quarantine"
            )),
        ])?;
    }
    Ok(())
}
