//! The home of this command, opened as far as the verb needs it: to look at, or to work in.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use omega_gateway::contract::{ErrorCode, Timestamp};
use omega_gateway::{Gateway, Home, HomeReader, OpenOptions};
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

    /// Opens the gateway in this home, lets `work` use it and closes it again.
    pub(crate) fn with_gateway<T>(&self, work: impl AsyncFnOnce(&Gateway) -> Result<T, Fault>) -> Result<T, Fault> {
        let home = self.home()?;
        runtime()?.block_on(async {
            let gateway = Gateway::open(&home, self.open_options()).await?;
            self.tell_recovery(&gateway);
            let done = work(&gateway).await;
            let flushed = gateway.flush().await;
            // Whatever failed first is what the person needs to know.
            let done = done?;
            flushed?;
            Ok(done)
        })
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
        OpenOptions { wait: self.wait, actor: actor() }
    }
}

/// The runtime that the gateway needs.
pub(crate) fn runtime() -> Result<Runtime, Fault> {
    Builder::new_multi_thread().enable_all().build().map_err(|error| Fault::new(ErrorCode::Io).because(error))
}

/// The clock's time.
pub(crate) fn now() -> Timestamp {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Timestamp::from_unix_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The user of the operating system, as the ledger names who decided.
fn actor() -> String {
    whoami::username().unwrap_or_else(|_| "unknown".to_owned())
}
