//! `omega demo`: the product's main job, done before your eyes on real input, and checked.
//!
//! Every act states what must happen and compares it with what did; one that differs makes the command fail. Nothing
//! is staged: packages, ledger and proof go through the same doors as everybody's.

mod acts;
mod report;
mod stage;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use omega_gateway::Home;

use self::report::Report;
use self::stage::{PLAYERS, Stage, Text};
pub(super) use self::stage::{no_packages, package, temporary_folder};
use crate::embedded::DEMO_PACKAGES;
use crate::fault::{Exit, Fault};
use crate::output::{Counted, Output};
use crate::session::{self, Session};

/// See the gateway at work: calls, refusals, a pipeline, a proof; everything checked
///
/// Works in a temporary home that goes away; with --home in that folder, which must be new or empty and is kept.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega demo README.md notes.txt")]
pub(crate) struct Demo {
    /// Text files to work on [default: texts that the binary carries]
    files: Vec<PathBuf>,
}

impl Demo {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        if DEMO_PACKAGES.is_empty() {
            return Err(no_packages());
        }
        let texts = stage::texts(&self.files)?;
        let began = Instant::now();
        let temporary = match session.explicit_home() {
            Some(_) => None,
            None => Some(temporary_folder()?),
        };
        let path = match &temporary {
            Some(folder) => folder.path().join("home"),
            None => session.home_path()?,
        };
        let home = Home::init(&path, session::now())?;
        let mut report = Report::default();
        let played = session::runtime()?.block_on(play(&home, session, &texts, &mut report, output));
        report.finish(began.elapsed(), if temporary.is_some() { None } else { Some(home.path()) });
        if played.is_ok() || !report.is_empty() {
            report.print(output)?;
        }
        played?;
        Ok(if report.all_held() { Exit::Done } else { Exit::No })
    }
}

async fn play(
    home: &Home,
    session: &Session,
    texts: &[Text],
    report: &mut Report,
    output: &Output,
) -> Result<(), Fault> {
    let progress = output.progress("setting the stage", Counted::Things, Some(PLAYERS.len() as u64));
    let stage = Stage::set(home, session, &progress).await?;
    drop(progress);
    acts::all(&stage, texts, report).await?;
    stage.gateway.flush().await?;
    Ok(())
}
