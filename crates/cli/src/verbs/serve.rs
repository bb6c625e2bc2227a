//! `omega serve`: one process that holds the home, for all who ask.

use std::time::Duration;

use clap::Args;
use omega_server::local::{self, LocalListener};
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::output::{Cell, Form, Output, Tone};
use crate::session::{self, Session};
use crate::show;

/// Hold the home and work for every command, until SIGTERM or Ctrl-C
///
/// Commands on this home are sent to it over a socket in the home, which only you can open. They are then faster: nothing
/// is opened or compiled anew.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  omega serve")]
pub(crate) struct Serve {
    /// How long calls may still take once it is to stop
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE_SECONDS_DEFAULT)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=GRACE_SECONDS_MAX))]
    grace: u64,
}

/// Seconds that calls may still take by default.
const GRACE_SECONDS_DEFAULT: u64 = 30;
/// Seconds that calls may still take at most: one hour.
const GRACE_SECONDS_MAX: u64 = 3_600;

impl Serve {
    pub(super) fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Fault> {
        session::runtime()?.block_on(async {
            let stop = stop_signal()?;
            let gateway = session.open().await?;
            let listener = LocalListener::bind(gateway.home())?;
            let home = gateway.home().path().display().to_string();
            match output.form() {
                Form::Json => output.json_line(&json!({"serving": home}))?,
                Form::Text => output.line([Cell::new(Tone::Good, "Serving:"), Cell::new(Tone::Strong, home)])?,
            }
            let served = local::serve_local(gateway.clone(), listener, stop, Duration::from_secs(self.grace)).await;
            // Durable, and a checkpoint over all of it, before anybody is told that this is the end.
            gateway.admin().checkpoint().await?;
            let mut last = vec![Cell::new(Tone::Good, "Stopped.")];
            if served.broken_off > 0 {
                last.push(Cell::new(
                    Tone::Warning,
                    format!("{} broken off", show::count(served.broken_off, "command")),
                ));
            }
            output.note(last);
            Ok(Exit::Done)
        })
    }
}

/// Done when the process is asked to stop.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| Fault::new(omega_gateway::contract::ErrorCode::Io).because(error));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Done when the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
