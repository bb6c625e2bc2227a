//! How the server ends: first it takes nothing new, then, when the time of grace is over, it cuts off what is left.

use tokio::sync::{mpsc, watch};

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// Nothing new is taken; what is under way goes on.
    Stopping,
    /// What is under way is dropped: its calls are journalled as `interrupted`.
    Cut,
}

/// Brings the end about, and waits for everybody who holds a [`Stopping`] that counts.
#[derive(Debug)]
pub(crate) struct Stopper {
    phase: watch::Sender<Phase>,
    working: mpsc::Sender<()>,
    done: mpsc::Receiver<()>,
}

/// Tells when the end comes. Whoever works holds one until it is done.
#[derive(Debug, Clone)]
pub(crate) struct Stopping {
    phase: watch::Receiver<Phase>,
    /// Dropped with the last of them: then nobody works any more.
    _working: mpsc::Sender<()>,
}

impl Stopper {
    pub(crate) fn new() -> Self {
        let (working, done) = mpsc::channel(1);
        Self { phase: watch::Sender::new(Phase::Running), working, done }
    }

    pub(crate) fn stopping(&self) -> Stopping {
        Stopping { phase: self.phase.subscribe(), _working: self.working.clone() }
    }

    /// Nothing new from here on.
    pub(crate) fn stop(&self) {
        self.phase.send_replace(Phase::Stopping);
    }

    /// Nothing at all from here on.
    pub(crate) fn cut(&self) {
        self.phase.send_replace(Phase::Cut);
    }

    /// Until nobody works any more. Cancel safe: may be asked again.
    pub(crate) async fn all_done(&mut self) {
        // Our own sender would keep the channel open.
        self.working = mpsc::channel(1).0;
        while self.done.recv().await.is_some() {}
    }
}

impl Stopping {
    /// Whether nothing new is taken any more.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.phase.borrow() >= Phase::Stopping
    }

    /// Until nothing new is to be taken.
    pub(crate) async fn stopped(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// Until what is under way is to be dropped.
    pub(crate) async fn cut(&self) {
        self.reached(Phase::Cut).await;
    }

    async fn reached(&self, phase: Phase) {
        // An error means that the stopper is gone, and with it the server.
        let mut watched = self.phase.clone();
        let _gone = watched.wait_for(|now| *now >= phase).await.is_err();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_end_comes_in_two_steps_and_waits_for_whoever_works() {
        let mut stopper = Stopper::new();
        let (working, watching) = (stopper.stopping(), stopper.stopping());
        assert!(!watching.is_stopping());
        let worker = tokio::spawn(async move {
            working.stopped().await;
            working.cut().await;
        });
        stopper.stop();
        watching.stopped().await;
        assert!(watching.is_stopping());
        drop(watching);
        assert!(tokio::time::timeout(Duration::from_millis(20), stopper.all_done()).await.is_err());
        stopper.cut();
        stopper.all_done().await;
        worker.await.unwrap();
    }
}
