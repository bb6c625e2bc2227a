//! `omega plugins dev`: what an author sees between two saves.
//!
//! On each save the package is built, signed with the key of a home that exists for this command alone, admitted there as a
//! new generation, and its examples are run; what differs from the generation before is shown. What never happens here: an
//! end because of what the author wrote. It ends when it is told to, or when nobody listens any more.

mod diff;
mod generation;
mod partner;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use omega_gateway::trial::TrialHome;
use serde_json::{Value, json};

use self::generation::{Generation, Outcome};
use self::partner::Partner;
use self::watch::Watch;
use super::trial;
use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::{self, Session};
use crate::verbs::signals::Signals;

/// Rebuild, reload and re-run the examples on each save, showing what changed
///
/// Works in a temporary home; nothing is installed. Ends with Ctrl-C, or when what it reads from or writes to is closed.
/// With --json, each generation is one line.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega plugins dev ./word-count")]
pub(crate) struct Dev {
    /// The plugin's folder
    dir: PathBuf,
    /// Let dependencies that have only source releases be built: their code runs with your rights
    #[arg(long)]
    allow_build: bool,
}

/// How long a build that is under way when the command ends is waited for.
const BUILD_WAIT: Duration = Duration::from_millis(100);

impl Dev {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        trial::require_folder(&self.dir)?;
        let options = trial::options(session, self.allow_build)?;
        let runtime = session::runtime()?;
        let ended = runtime.block_on(async {
            let home = TrialHome::open(&options).await?;
            self.watch(&home, output).await
        });
        runtime.shutdown_timeout(BUILD_WAIT);
        ended.map(|()| Exit::Done)
    }

    async fn watch(&self, home: &TrialHome, output: &mut Output) -> Result<(), Fault> {
        let signals = Signals::listen()?;
        let (mut stop, _) = signals.split();
        let mut partner = Partner::listen();
        let mut watch = Watch::of(&self.dir)?;
        let mut before = Generation::default();
        tell_start(&self.dir, output)?;
        loop {
            // Seen before the build begins: what is saved meanwhile is another generation.
            let seen = watch.fingerprint();
            let made = tokio::select! {
                biased;
                () = stop.came() => return tell_end("signal", output),
                why = partner.gone() => return tell_end(why, output),
                made = Generation::make(&self.dir, home, &before) => made,
            };
            match &made {
                Outcome::Ran(generation) => generation.show(&before, output)?,
                Outcome::Failed { number, fault } => tell_fault(*number, fault, output)?,
            }
            before = before.followed_by(made);
            tokio::select! {
                biased;
                () = stop.came() => return tell_end("signal", output),
                why = partner.gone() => return tell_end(why, output),
                () = watch.changed_from(&seen) => {}
            }
        }
    }
}

fn tell_start(dir: &std::path::Path, output: &mut Output) -> Result<(), Fault> {
    if output.form() == Form::Json {
        return output.json_line(&json!({"event": "watching", "folder": dir}));
    }
    output.line([
        Cell::new(Tone::Good, "Watching:"),
        Cell::new(Tone::Strong, dir.display().to_string()),
        Cell::faint("(Ctrl-C ends it)"),
    ])
}

fn tell_fault(number: u64, fault: &Fault, output: &mut Output) -> Result<(), Fault> {
    if output.form() == Form::Json {
        let mut line = json!({"event": "failed", "generation": number});
        line["error"] = fault.document().get_mut("error").map(Value::take).unwrap_or_default();
        return output.json_line(&line);
    }
    output.line([Cell::new(Tone::Bad, format!("generation {number} failed"))])?;
    output.fault(fault);
    Ok(())
}

/// Said where somebody is left to hear it.
fn tell_end(why: &'static str, output: &mut Output) -> Result<(), Fault> {
    if output.form() == Form::Json && why != partner::OUTPUT_CLOSED {
        return output.json_line(&json!({"event": "ended", "why": why}));
    }
    Ok(())
}
