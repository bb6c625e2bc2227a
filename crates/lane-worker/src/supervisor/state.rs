//! Zygotes and workers as they come and go. One thread changes this, so nothing is locked.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::{mpsc, oneshot};

use super::import::import;
use super::link::{open, receive, writable};
use super::{Command, Counts, NoWorker, SupervisorOptions, Waiting};
use crate::channel;
use crate::messages::{Ask, Failure, Number, Tell, Used};
use crate::program::Program;
use crate::worker::Worker;

mod zygotes;

/// How often it is looked for what is idle.
const LOOK: Duration = Duration::from_secs(2);
/// Workers of a program that are made at the same time.
const MAKING_MAX: usize = 4;
/// A zygote gives way to a new one after so many workers, or after so long.
const ZYGOTE_WORKERS_MAX: u64 = 20_000;
const ZYGOTE_AGE_MAX: Duration = Duration::from_secs(1_800);
/// The next worker is not begun sooner after one was taken, but for its call to end or another to find none: making one takes
/// a processor for longer than a short call takes, and the two would share it.
const REFILL_PAUSE: Duration = Duration::from_millis(2);

struct Entry {
    program: Arc<Program>,
    zygote: Option<Number>,
    waiting: Waiting,
    /// Asked for and not ready yet.
    making: usize,
    /// How many should wait ahead of calls.
    warm: usize,
    last_used: Instant,
}

struct Zygote {
    program: Number,
    is_ready: bool,
    since: Instant,
    made: u64,
    living: usize,
}

struct Living {
    program: Number,
    zygote: Number,
    is_making: bool,
    reply: Option<oneshot::Sender<Used>>,
}

pub(super) struct State {
    options: SupervisorOptions,
    link: Option<UnixDatagram>,
    first_link: Option<OwnedFd>,
    last_start: Instant,
    own: mpsc::WeakUnboundedSender<Command>,
    /// What the helper is asked for and its socket had no room for.
    unsent: VecDeque<(Vec<u8>, Option<OwnedFd>)>,
    programs: HashMap<Number, Entry>,
    zygotes: HashMap<Number, Zygote>,
    workers: HashMap<Number, Living>,
    numbers: Number,
    /// Programs of which a worker was taken, and when more are made, in this order.
    taken: VecDeque<(Instant, Number)>,
}

impl State {
    pub(super) fn new(options: SupervisorOptions, link: OwnedFd, own: mpsc::WeakUnboundedSender<Command>) -> Self {
        Self {
            options,
            link: None,
            first_link: Some(link),
            last_start: Instant::now(),
            own,
            unsent: VecDeque::new(),
            programs: HashMap::new(),
            zygotes: HashMap::new(),
            workers: HashMap::new(),
            numbers: 0,
            taken: VecDeque::new(),
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        self.link = self.first_link.take().and_then(|link| open(link).ok());
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    // The lane is gone; the helper sees its socket closed.
                    None => return,
                },
                received = receive(self.link.as_ref()) => match received {
                    Ok(received) if !received.bytes.is_empty() => match serde_json::from_slice(&received.bytes) {
                        Ok(tell) => self.told(tell, received.descriptors),
                        Err(_) => self.helper_ended(),
                    },
                    _ => self.helper_ended(),
                },
                () = writable(self.link.as_ref()), if !self.unsent.is_empty() => drop(self.send_unsent()),
                () = until(self.taken.front().map(|(until, _)| *until)) => {
                    if let Some((_, program)) = self.taken.pop_front() {
                        self.refill(program);
                    }
                }
                _ = look.tick() => self.look(),
            }
        }
    }

    /// Asks the helper for something, now or as soon as its socket has room: what is asked is never lost.
    fn ask(&mut self, ask: &Ask, descriptor: Option<OwnedFd>) -> bool {
        let Ok(bytes) = serde_json::to_vec(ask) else { return false };
        if self.link.is_none() {
            return false;
        }
        self.unsent.push_back((bytes, descriptor));
        self.send_unsent()
    }

    /// Sends what the socket has room for. False: the helper is gone.
    fn send_unsent(&mut self) -> bool {
        let Some(link) = &self.link else { return false };
        while let Some((bytes, descriptor)) = self.unsent.front() {
            let given: Vec<_> = descriptor.iter().map(AsFd::as_fd).collect();
            // By way of the runtime, which then knows that there was no room.
            match link.try_io(Interest::WRITABLE, || channel::send(link, bytes, &given)) {
                Ok(()) => drop(self.unsent.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // Its end is seen where it is received from.
                Err(_) => return false,
            }
        }
        true
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Want { program, reply } => {
                let number = program.number;
                let entry = self.programs.entry(number).or_insert_with(|| Entry {
                    program,
                    zygote: None,
                    waiting: Waiting::new(),
                    making: 0,
                    warm: 1,
                    last_used: Instant::now(),
                });
                entry.last_used = Instant::now();
                // None waited: more should, as far as they may.
                entry.warm = (entry.warm + 1).min(self.options.ready_max);
                entry.waiting.push_back(reply);
                self.serve_ready(number);
                self.refill(number);
            }
            Command::Took { program } => {
                if let Some(entry) = self.programs.get_mut(&program) {
                    entry.last_used = Instant::now();
                }
                self.taken.push_back((Instant::now() + REFILL_PAUSE, program));
            }
            Command::End { worker, reply } => {
                if let Some(living) = self.workers.get_mut(&worker) {
                    living.reply = reply;
                    let program = living.program;
                    self.ask(&Ask::EndWorker { worker }, None);
                    if let Some(place) = self.taken.iter().position(|(_, taken)| *taken == program) {
                        self.taken.remove(place);
                        self.refill(program);
                    }
                }
            }
            Command::Forget { program } => self.forget(program),
            Command::Loaded { program, worker, loaded } => self.loaded(program, worker, loaded),
            Command::Count { reply } => {
                let ready = |entry: &Entry| entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner).len();
                let counts = Counts {
                    zygotes: self.zygotes.len(),
                    workers: self.workers.len(),
                    ready: self.programs.values().map(ready).sum(),
                };
                let _ = reply.send(counts);
            }
        }
    }

    /// Gives workers that became ready meanwhile to those who wait.
    fn serve_ready(&mut self, number: Number) {
        let Some(entry) = self.programs.get_mut(&number) else { return };
        while !entry.waiting.is_empty() {
            let Some(worker) = entry.program.pop() else { return };
            if !worker.lives() {
                let number = worker.number;
                self.ask(&Ask::EndWorker { worker: number }, None);
                return self.serve_ready_again(entry_number(&self.workers, number));
            }
            give(entry, worker);
        }
    }

    fn serve_ready_again(&mut self, program: Option<Number>) {
        if let Some(program) = program {
            self.serve_ready(program);
        }
    }

    /// Has workers made until as many wait as should.
    fn refill(&mut self, number: Number) {
        let Some(entry) = self.programs.get(&number) else { return };
        let ready = entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner).len();
        let wanted = entry.waiting.len() + entry.warm;
        if ready + entry.making >= wanted {
            return;
        }
        let missing = (wanted - ready - entry.making).min(MAKING_MAX.saturating_sub(entry.making));
        match entry.zygote.and_then(|zygote| self.zygotes.get(&zygote).map(|found| (zygote, found.is_ready))) {
            None => self.start_zygote(number),
            Some((_, false)) => {}
            Some((zygote, true)) => {
                for _ in 0..missing {
                    self.make(number, zygote);
                }
            }
        }
    }

    fn make(&mut self, number: Number, zygote: Number) {
        self.numbers += 1;
        let worker = self.numbers;
        if !self.ask(&Ask::MakeWorker { zygote, worker }, None) {
            return;
        }
        self.workers.insert(worker, Living { program: number, zygote, is_making: true, reply: None });
        if let Some(entry) = self.programs.get_mut(&number) {
            entry.making += 1;
        }
        let Some(parent) = self.zygotes.get_mut(&zygote) else { return };
        parent.made += 1;
        parent.living += 1;
        let is_old = parent.made >= ZYGOTE_WORKERS_MAX || parent.since.elapsed() >= ZYGOTE_AGE_MAX;
        if is_old && let Some(entry) = self.programs.get_mut(&number) {
            // The next worker comes from a new one; this one goes with its last worker.
            entry.zygote = None;
        }
    }

    fn told(&mut self, tell: Tell, descriptors: Vec<OwnedFd>) {
        match tell {
            Tell::Begun(_) => {}
            Tell::ZygoteReady { zygote } => {
                let Some(ready) = self.zygotes.get_mut(&zygote) else { return };
                ready.is_ready = true;
                let program = ready.program;
                if self.programs.contains_key(&program) {
                    self.refill(program);
                } else {
                    self.ask(&Ask::StopZygote { zygote }, None);
                }
            }
            Tell::ZygoteEnded { zygote, failure } => self.zygote_ended(zygote, &failure),
            Tell::WorkerMade { worker } => self.made(worker, descriptors),
            Tell::WorkerFailed { worker, failure } => {
                let Some(living) = self.gone(worker) else { return };
                self.not_made(living.program, NoWorker::Failure(failure));
            }
            Tell::WorkerEnded { worker, used } => {
                if let Some(living) = self.gone(worker)
                    && let Some(reply) = living.reply
                {
                    let _ = reply.send(used);
                }
            }
        }
    }

    /// A worker is gone; its zygote too, where that was its last and it is not used any more.
    fn gone(&mut self, worker: Number) -> Option<Living> {
        let living = self.workers.remove(&worker)?;
        if let Some(zygote) = self.zygotes.get_mut(&living.zygote) {
            zygote.living = zygote.living.saturating_sub(1);
            let is_current =
                self.programs.get(&living.program).is_some_and(|entry| entry.zygote == Some(living.zygote));
            if zygote.living == 0 && !is_current {
                let zygote = living.zygote;
                self.ask(&Ask::StopZygote { zygote }, None);
            }
        }
        Some(living)
    }

    fn refill_if_wanted(&mut self, number: Number) {
        if self.programs.get(&number).is_some_and(|entry| !entry.waiting.is_empty()) {
            self.refill(number);
        }
    }

    fn made(&mut self, number: Number, descriptors: Vec<OwnedFd>) {
        let Some(living) = self.workers.get(&number) else { return };
        let Some(entry) = self.programs.get(&living.program) else {
            self.ask(&Ask::EndWorker { worker: number }, None);
            return;
        };
        let program = Arc::clone(&entry.program);
        let Some(own) = self.own.upgrade() else { return };
        let worker = Worker::new(number, descriptors, program.limits.log_bytes_max);
        tokio::spawn(async move {
            let loaded = match worker {
                Ok(worker) => Box::pin(import(worker, &program)).await,
                Err(error) => Err(NoWorker::Failure(Failure::new("worker", error))),
            };
            let _ = own.send(Command::Loaded { program: program.number, worker: number, loaded });
        });
    }

    fn loaded(&mut self, number: Number, worker: Number, loaded: Result<Worker, NoWorker>) {
        match loaded {
            Ok(ready) => {
                if let Some(living) = self.workers.get_mut(&worker) {
                    living.is_making = false;
                }
                let Some(entry) = self.programs.get_mut(&number) else {
                    self.ask(&Ask::EndWorker { worker }, None);
                    return;
                };
                entry.making = entry.making.saturating_sub(1);
                give(entry, ready);
                self.refill(number);
            }
            Err(no_worker) => {
                self.ask(&Ask::EndWorker { worker }, None);
                self.not_made(number, no_worker);
            }
        }
    }

    /// A worker came to nothing: whoever waited longest is told. No more are made until somebody asks again.
    fn not_made(&mut self, number: Number, no_worker: NoWorker) {
        let Some(entry) = self.programs.get_mut(&number) else { return };
        entry.making = entry.making.saturating_sub(1);
        entry.warm = 0;
        let mut answer = Err(no_worker);
        while let Some(reply) = entry.waiting.pop_front() {
            match reply.send(answer) {
                None => break,
                Some(unsent) => answer = unsent,
            }
        }
        self.refill_if_wanted(number);
    }

    fn fail_all(&mut self, number: Number, failure: &Failure) {
        let Some(entry) = self.programs.get_mut(&number) else { return };
        entry.zygote = None;
        for reply in entry.waiting.drain(..) {
            let _ = reply.send(Err(NoWorker::Failure(failure.clone())));
        }
    }
}

fn entry_number(workers: &HashMap<Number, Living>, worker: Number) -> Option<Number> {
    workers.get(&worker).map(|living| living.program)
}

/// To whoever waits longest, or to those that wait for a call.
fn give(entry: &mut Entry, worker: Worker) {
    let mut answer = Ok(worker);
    while let Some(reply) = entry.waiting.pop_front() {
        match reply.send(answer) {
            None => return,
            Some(unsent) => answer = unsent,
        }
    }
    if let Ok(mut worker) = answer {
        worker.stand_still();
        entry.program.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(worker);
    }
}

/// Waits until then; for ever, without a time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
