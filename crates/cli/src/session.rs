//! The home of this command, opened as far as the verb needs it: to look at, or to work in.
//!
//! Where a server holds the home, what is to be done is sent to it; else this process opens the gateway. Verbs do not see
//! which.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use omega_gateway::contract::{ErrorCode, Timestamp};
use omega_gateway::{Gateway, Home, HomeReader, OpenOptions};
use omega_server::local::operations::{Checkpoint, Flush};
use omega_server::local::{self, Client, Door};
use tokio::runtime::{Builder, Runtime};

use crate::arguments::Globals;
use crate::fault::Fault;
use crate::output::{Cell, Notes, Tone};
use crate::show;

/// Which home, and how long to wait for it.
#[derive(Debug)]
pub(crate) struct Session {
    home: Option<PathBuf>,
    wait: Duration,
    notes: Notes,
}

/// Time between two tries of a home that somebody else holds.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How long a server may take to say that it is there, whatever `--wait` says.
const GREETING_TIME_MIN: Duration = Duration::from_secs(2);

impl Session {
    /// As the arguments say; nothing is opened yet.
    pub(crate) fn new(globals: &Globals, notes: Notes) -> Self {
        Self { home: globals.home.clone(), wait: globals.wait(), notes }
    }

    /// The path of `--home`, where it was given.
    pub(crate) fn explicit_home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Where the home is or would be.
    pub(crate) fn home_path(&self) -> Result<PathBuf, Fault> {
        Ok(Home::locate(self.home.as_deref())?)
    }

    /// The home, which must be there.
    pub(crate) fn home(&self) -> Result<Home, Fault> {
        Ok(Home::open(&self.home_path()?)?)
    }

    /// The home to look at: takes no lock and starts nothing.
    pub(crate) fn reader(&self) -> Result<HomeReader, Fault> {
        Ok(HomeReader::open(&self.home()?)?)
    }

    /// Lets `work` ask something of whoever holds this home, which is this process where nobody else does; everything is
    /// durable when this returns.
    pub(crate) fn with_door<T>(&self, work: impl AsyncFnOnce(&Door) -> Result<T, Fault>) -> Result<T, Fault> {
        let (runtime, door) = self.enter()?;
        // The door closes in the runtime that it was opened in.
        runtime.block_on(async move {
            let done = work(&door).await;
            let flushed = door.ask(Flush {}).await;
            // Whatever failed first is what the person needs to know.
            let done = done?;
            flushed?;
            Ok(done)
        })
    }

    /// Finds the server that holds the home, or opens the home. While somebody else holds it, both are tried again: a
    /// server may be coming or going.
    fn enter(&self) -> Result<(Runtime, Door), Fault> {
        let home = self.home()?;
        let give_up = Instant::now() + self.wait;
        loop {
            if let Some(dialled) = Client::dial(&home)? {
                let runtime = client_runtime()?;
                match runtime.block_on(Client::greet(&home, dialled, self.wait.max(GREETING_TIME_MIN))) {
                    Ok(client) => return Ok((runtime, Door::There(client))),
                    // It is going, or was never there for us.
                    Err(error) if is_passing(error.code) && Instant::now() < give_up => {}
                    Err(error) => return Err(error.into()),
                }
            } else {
                let runtime = runtime()?;
                let options = OpenOptions { wait: Duration::ZERO, ..self.open_options() };
                match runtime.block_on(Gateway::open(&home, options)) {
                    Ok(gateway) => {
                        self.tell_recovery(&gateway);
                        return Ok((runtime, Door::Here(gateway)));
                    }
                    Err(error) if error.code == ErrorCode::HomeLocked && Instant::now() < give_up => {}
                    Err(error) => return Err(error.into()),
                }
            }
            std::thread::sleep(RETRY_PAUSE);
        }
    }

    /// Before the ledger's tree is looked at: where a server holds the home, has it sign all that was recorded. Without
    /// one, the end of each command did that. Where the server cannot, what is signed is what is looked at.
    pub(crate) fn sign_newest(&self) -> Result<(), Fault> {
        let home = self.home()?;
        let Ok(Some(dialled)) = Client::dial(&home) else { return Ok(()) };
        client_runtime()?.block_on(async {
            if let Ok(client) = Client::greet(&home, dialled, GREETING_TIME_MIN).await {
                let _as_it_is = Door::There(client).ask(Checkpoint {}).await;
            }
        });
        Ok(())
    }

    /// Opens the gateway in this home, for a verb that holds it itself.
    pub(crate) async fn open(&self) -> Result<Gateway, Fault> {
        let gateway = Gateway::open(&self.home()?, self.open_options()).await?;
        self.tell_recovery(&gateway);
        Ok(gateway)
    }

    /// What the process before this one left behind, and what became of it: the operator should know.
    fn tell_recovery(&self, gateway: &Gateway) {
        let admin = gateway.admin();
        let opening = admin.opening();
        let warn = |text: String| self.notes.note([Cell::new(Tone::Warning, "recovered:"), Cell::plain(text)]);
        for tail in &opening.quarantined {
            warn(format!("{} at the ledger's end were torn, and are in quarantine", show::bytes(tail.bytes)));
        }
        if !opening.interrupted.is_empty() {
            let calls = show::count(opening.interrupted.len(), "call");
            warn(format!("{calls} had no outcome when the last process ended: closed as `interrupted`"));
        }
    }

    /// How this command opens a gateway.
    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions { wait: self.wait, actor: local::os_user(), ..OpenOptions::default() }
    }
}

/// The runtime that the gateway needs.
pub(crate) fn runtime() -> Result<Runtime, Fault> {
    Builder::new_multi_thread().enable_all().build().map_err(no_runtime)
}

/// The runtime of a command that only waits for a server: one thread.
fn client_runtime() -> Result<Runtime, Fault> {
    Builder::new_current_thread().enable_all().build().map_err(no_runtime)
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of `map_err`")]
fn no_runtime(error: std::io::Error) -> Fault {
    Fault::new(ErrorCode::Io).because(error)
}

/// Whether a server that said this may be another one in a moment, or none. Nothing was asked of it yet.
const fn is_passing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::ServerStopping | ErrorCode::ServerUnreachable)
}

/// The clock's time.
pub(crate) fn now() -> Timestamp {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Timestamp::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}
