//! The first signal asks for an end, the second for an end at once.

use tokio::sync::watch;

use crate::fault::Fault;

/// Counts the signals that ask for an end.
pub(in crate::verbs) struct Signals {
    count: watch::Receiver<u32>,
}

/// Waits for one of them.
pub(in crate::verbs) struct Awaited {
    count: watch::Receiver<u32>,
    number: u32,
}

impl Signals {
    /// From now on SIGTERM and SIGINT (Ctrl-C) do not end the process by themselves.
    #[cfg(unix)]
    pub(in crate::verbs) fn listen() -> Result<Self, Fault> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|error| Fault::new(omega_gateway::contract::ErrorCode::Io).because(error));
        let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count })
    }

    /// From now on Ctrl-C does not end the process by itself.
    #[cfg(not(unix))]
    pub(in crate::verbs) fn listen() -> Result<Self, Fault> {
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count })
    }

    /// The first, and the second.
    pub(in crate::verbs) fn split(&self) -> (Awaited, Awaited) {
        let awaited = |number| Awaited { count: self.count.clone(), number };
        (awaited(1), awaited(2))
    }
}

impl Awaited {
    /// Until it came.
    pub(in crate::verbs) async fn came(&mut self) {
        let number = self.number;
        if self.count.wait_for(|count| *count >= number).await.is_err() {
            // Nobody counts any more: it cannot come.
            std::future::pending::<()>().await;
        }
    }
}
