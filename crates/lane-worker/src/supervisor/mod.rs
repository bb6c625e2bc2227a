//! The gateway's side of the lane: one thread that talks to the helper, keeps zygotes and workers ready ahead of calls, and lets them go.
//!
//! What never happens here: a call that waits for another plugin's program, or a worker that is given out twice.

mod import;
mod link;
mod state;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, mpsc as blocking};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

pub use self::link::HelperProgram;
pub(crate) use self::link::become_helper_if_asked;
use self::state::State;
use crate::limits::LANDLOCK_ABI_MAX;
use crate::messages::{Begin, Begun, CgroupChoice, Failure, Number, Used};
use crate::program::Program;
use crate::worker::Worker;

/// How a lane's workers are set up.
#[derive(Debug, Clone)]
pub(crate) struct SupervisorOptions {
    pub(crate) helper: HelperProgram,
    pub(crate) cgroups: CgroupChoice,
    pub(crate) landlock_abi_max: u32,
    pub(crate) layers_off: u32,
    /// Workers of a program that wait ahead of calls, at most.
    pub(crate) ready_max: usize,
    /// Zygotes at the same time; the one that was not needed for longest goes first.
    pub(crate) zygotes_max: usize,
    /// For so long after its last call a program keeps its zygote and what waits.
    pub(crate) idle_max: Duration,
}

impl SupervisorOptions {
    fn begin(&self) -> Begin {
        Begin {
            cgroups: self.cgroups,
            landlock_abi_max: self.landlock_abi_max.min(LANDLOCK_ABI_MAX),
            layers_off: self.layers_off,
        }
    }
}

/// Why there is no worker.
#[derive(Debug, Clone)]
pub(crate) enum NoWorker {
    /// None came before the deadline.
    InTime,
    /// The sandbox could not be made.
    Failure(Failure),
    /// The program could not be imported.
    LoadFailed { detail: String, output: String },
}

/// What the thread is asked to do.
enum Command {
    /// A worker is wanted.
    Want { program: Arc<Program>, reply: Reply },
    /// A waiting worker was taken.
    Took { program: Number },
    /// A worker is not needed any more.
    End { worker: Number, reply: Option<oneshot::Sender<Used>> },
    /// A program is not needed any more.
    Forget { program: Number },
    /// A worker imported its program, or did not.
    Loaded { program: Number, worker: Number, loaded: Result<Worker, NoWorker> },
    /// How many zygotes and workers there are.
    Count { reply: blocking::SyncSender<Counts> },
}

/// Where a worker is sent.
enum Reply {
    Waiting(oneshot::Sender<Result<Worker, NoWorker>>),
    Blocking(blocking::SyncSender<Result<Worker, NoWorker>>),
}

impl Reply {
    /// Gives it back where nobody waits any more.
    fn send(self, worker: Result<Worker, NoWorker>) -> Option<Result<Worker, NoWorker>> {
        match self {
            Self::Waiting(sender) => sender.send(worker).err(),
            Self::Blocking(sender) => sender.send(worker).err().map(|unsent| unsent.0),
        }
    }
}

/// What the lane holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Warm parents.
    pub zygotes: usize,
    /// Workers, waiting or at work.
    pub workers: usize,
    /// Workers that wait for a call.
    pub ready: usize,
}

/// The thread, for the rest of the lane.
#[derive(Debug)]
pub(crate) struct Supervisor {
    commands: mpsc::UnboundedSender<Command>,
    begun: Begun,
    numbers: AtomicU64,
}

impl Supervisor {
    /// Starts the helper and the thread.
    pub(crate) fn start(options: SupervisorOptions) -> io::Result<Arc<Self>> {
        let (link, begun) = link::start(&options.helper, &options.begin())?;
        let (commands, received) = mpsc::unbounded_channel();
        // A weak way back: the thread, and with it the helper, ends when the lane is gone.
        let own = commands.downgrade();
        std::thread::Builder::new().name("omega-workers".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(State::new(options, link, own).run(received));
            }
        })?;
        Ok(Arc::new(Self { commands, begun, numbers: AtomicU64::new(0) }))
    }

    /// What is enforced with.
    pub(crate) fn begun(&self) -> &Begun {
        &self.begun
    }

    /// A number for a program.
    pub(crate) fn number(&self) -> Number {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A worker that has imported the program.
    pub(crate) async fn take(self: &Arc<Self>, program: &Arc<Program>, deadline: Instant) -> Result<Taken, NoWorker> {
        while let Some(worker) = program.pop() {
            let taken = self.taken(worker);
            if taken.worker().lives() {
                let _ = self.commands.send(Command::Took { program: program.number });
                return Ok(taken);
            }
        }
        let (reply, worker) = oneshot::channel();
        let _ = self.commands.send(Command::Want { program: Arc::clone(program), reply: Reply::Waiting(reply) });
        match timeout_at(deadline.into(), worker).await {
            Err(_) => Err(NoWorker::InTime),
            Ok(Err(_)) => Err(NoWorker::Failure(gone())),
            Ok(Ok(worker)) => worker.map(|worker| self.taken(worker)),
        }
    }

    /// Sees that a worker waits, blocking for at most so long.
    pub(crate) fn warm(self: &Arc<Self>, program: &Arc<Program>, wait: Duration) -> Result<(), NoWorker> {
        let (reply, worker) = blocking::sync_channel(1);
        let _ = self.commands.send(Command::Want { program: Arc::clone(program), reply: Reply::Blocking(reply) });
        let mut worker = match worker.recv_timeout(wait) {
            Ok(worker) => worker?,
            Err(blocking::RecvTimeoutError::Timeout) => return Err(NoWorker::InTime),
            Err(blocking::RecvTimeoutError::Disconnected) => return Err(NoWorker::Failure(gone())),
        };
        worker.stand_still();
        program.ready.lock().unwrap_or_else(PoisonError::into_inner).push_front(worker);
        Ok(())
    }

    fn taken(self: &Arc<Self>, worker: Worker) -> Taken {
        Taken { worker, supervisor: Arc::clone(self), is_over: false }
    }

    /// Lets go of a program.
    pub(crate) fn forget(&self, program: &Program) {
        let _ = self.commands.send(Command::Forget { program: program.number });
    }

    /// What the lane holds now.
    pub(crate) fn counts(&self) -> Counts {
        let (reply, counts) = blocking::sync_channel(1);
        let _ = self.commands.send(Command::Count { reply });
        counts.recv_timeout(Duration::from_secs(5)).unwrap_or_default()
    }
}

fn gone() -> Failure {
    Failure::new("helper process", "the lane has ended")
}

/// A worker that serves a call. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Taken {
    worker: Worker,
    supervisor: Arc<Supervisor>,
    is_over: bool,
}

impl Taken {
    pub(crate) fn worker(&self) -> &Worker {
        &self.worker
    }

    pub(crate) fn worker_mut(&mut self) -> &mut Worker {
        &mut self.worker
    }

    /// Kills it; whatever is left of it is gone a little later.
    pub(crate) fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.worker.kill();
            let _ = self.supervisor.commands.send(Command::End { worker: self.worker.number, reply: None });
        }
    }

    /// Kills it and waits until nothing is left of it; what it used.
    pub(crate) async fn ended(&mut self) -> Option<Used> {
        self.is_over = true;
        self.worker.kill();
        let (reply, used) = oneshot::channel();
        let _ = self.supervisor.commands.send(Command::End { worker: self.worker.number, reply: Some(reply) });
        used.await.ok()
    }
}

/// Ends a worker whose caller went away.
impl Drop for Taken {
    fn drop(&mut self) {
        self.end();
    }
}

type Waiting = VecDeque<Reply>;
