//! The jailer, which is what the helper process of spec page 4 does: a process of one thread, started before anything else, that makes zygotes and workers, checks workers from outside,
//! counts what they use and leaves nothing of them behind. It ends when the gateway does, and everything with it.
//!
//! What never happens here: plugin code, a word of a plugin, or a wait for one.

mod attest;
mod birth;
mod cgroup;
mod own;
mod root;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use self::attest::{Expected, Namespaces};
use self::birth::Outside;
use self::cgroup::{Cgroups, Place};
use crate::channel::{self, Received, Waiting};
use crate::limits::{DEDICATED_ID, LANDLOCK_ABI_MAX, LANDLOCK_ABI_MIN};
use crate::messages::{Ask, Begin, Begun, Failure, Number, Tell, Used, ZygoteProgram};
use crate::plan::{self, PlanFacts};
use crate::policy::Filters;
use crate::sys;
use crate::sys::inside::plan::{Report, is_off, stage, tag};

/// A zygote that is not ready by then never will be.
const ZYGOTE_START_MAX: Duration = Duration::from_secs(20);
/// A worker that is not locked down by then never will be.
const WORKER_START_MAX: Duration = Duration::from_secs(10);
/// Bytes of what a zygote's program says that are told.
const WORDS_MAX: usize = 2_000;
/// Processes of a user in a zygote's namespace: a second line, behind the cgroup's.
const PROCESSES_MAX: u64 = 1_024;

struct Zygote {
    pid: i32,
    process: OwnedFd,
    control: OwnedFd,
    failures: Option<OwnedFd>,
    words: OwnedFd,
    /// Not there any more once it is ready.
    ready_until: Option<Instant>,
    memory_bytes_max: u64,
    /// Workers that were asked of it and that it has not answered.
    asked: Vec<Number>,
    /// Read when its first worker is looked at.
    namespaces: Option<Namespaces>,
}

struct Worker {
    zygote: Number,
    /// Its init, once it lives.
    init: Option<(i32, OwnedFd)>,
    /// The pid of the plugin's process.
    program: Option<i32>,
    place: Place,
    /// Until it is handed over.
    unborn: Option<Unborn>,
    /// The gateway waits for its end.
    is_ending: bool,
    was_refused: Option<Failure>,
}

struct Unborn {
    until: Instant,
    status: OwnedFd,
    stream: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

struct Helper {
    gateway: OwnedFd,
    cgroups: Cgroups,
    outside: Outside,
    host_namespaces: Namespaces,
    landlock_abi: u32,
    layers_off: u32,
    /// Found out when the first zygote of this program is started.
    own_needs: Option<own::Needs>,
    zygotes: HashMap<Number, Zygote>,
    workers: HashMap<Number, Worker>,
}

/// Serves the gateway at the other end of this socket until it goes away.
pub(crate) fn run(gateway: OwnedFd) {
    let Ok(Received { bytes, .. }) = channel::receive(&gateway, Waiting::Yes) else { return };
    let Ok(Ask::Begin(begin)) = serde_json::from_slice(&bytes) else { return };
    let _ = rustix::process::chdir("/");
    if sys::take_usual_priority().is_err() {
        return;
    }
    let Ok(mut helper) = Helper::new(gateway, &begin) else { return };
    let (cgroups, has_cgroups) = helper.cgroups.describe();
    let begun = Begun { cgroups, has_cgroups, landlock_abi: helper.landlock_abi, outside_id: helper.outside.id };
    if helper.tell(&Tell::Begun(begun), &[]).is_ok() {
        while helper.turn().is_ok() {}
    }
    helper.end();
}

impl Helper {
    fn new(gateway: OwnedFd, begin: &Begin) -> Result<Self, Failure> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let outside = match uid {
            0 => Outside { id: DEDICATED_ID, gid: DEDICATED_ID, is_root: true },
            id => Outside { id, gid, is_root: false },
        };
        Ok(Self {
            gateway,
            cgroups: Cgroups::find(begin.cgroups),
            outside,
            host_namespaces: Namespaces::of("self")?,
            landlock_abi: sys::landlock_abi().min(LANDLOCK_ABI_MAX).min(begin.landlock_abi_max),
            layers_off: begin.layers_off,
            own_needs: None,
            zygotes: HashMap::new(),
            workers: HashMap::new(),
        })
    }

    fn tell(&self, tell: &Tell, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        channel::send(&self.gateway, &serde_json::to_vec(tell)?, descriptors)
    }

    /// Waits for something to happen and deals with it. An error: the gateway is gone.
    fn turn(&mut self) -> io::Result<()> {
        let happened = self.wait()?;
        for what in happened {
            match what {
                Source::Gateway => self.asked()?,
                Source::ZygoteEnd(zygote) => self.zygote_ended(zygote)?,
                Source::ZygoteAnswer(zygote) => self.zygote_answered(zygote)?,
                Source::WorkerStatus(worker) => self.worker_reported(worker)?,
                Source::WorkerStream(worker) => self.worker_locked(worker)?,
                Source::WorkerEnd(worker) => self.worker_ended(worker)?,
            }
        }
        self.expire()?;
        // Inits are their zygotes' children; zygotes are ours.
        while matches!(rustix::process::wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        Ok(())
    }

    fn wait(&self) -> io::Result<Vec<Source>> {
        let mut sources = vec![(Source::Gateway, self.gateway.as_fd())];
        let mut until: Option<Instant> = None;
        let mut sooner = |time: Instant| until = Some(until.map_or(time, |until| until.min(time)));
        for (number, zygote) in &self.zygotes {
            sources.push((Source::ZygoteEnd(*number), zygote.process.as_fd()));
            sources.push((Source::ZygoteAnswer(*number), zygote.control.as_fd()));
            zygote.ready_until.into_iter().for_each(&mut sooner);
        }
        for (number, worker) in &self.workers {
            if let Some((_, process)) = &worker.init
                && (worker.is_ending || worker.unborn.is_some())
            {
                sources.push((Source::WorkerEnd(*number), process.as_fd()));
            }
            if let Some(unborn) = &worker.unborn {
                sources.push((Source::WorkerStatus(*number), unborn.status.as_fd()));
                sources.push((Source::WorkerStream(*number), unborn.stream.as_fd()));
                sooner(unborn.until);
            }
        }
        let mut polls: Vec<PollFd<'_>> =
            sources.iter().map(|(_, descriptor)| PollFd::from_borrowed_fd(*descriptor, PollFlags::IN)).collect();
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            }
        });
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut polls, timeout.as_ref()))?;
        let ready = polls.iter().map(|poll| !poll.revents().is_empty()).collect::<Vec<_>>();
        Ok(sources.into_iter().zip(ready).filter(|(_, is_ready)| *is_ready).map(|((source, _), _)| source).collect())
    }

    fn asked(&mut self) -> io::Result<()> {
        let Received { bytes, mut descriptors, .. } = channel::receive(&self.gateway, Waiting::Yes)?;
        if bytes.is_empty() {
            return Err(io::Error::other("the gateway is gone"));
        }
        match serde_json::from_slice(&bytes)? {
            Ask::Begin(_) => Err(io::Error::other("begun twice")),
            Ask::StartZygote { zygote } => match self.start(zygote, descriptors.pop()) {
                Ok(()) => Ok(()),
                Err(failure) => self.tell(&Tell::ZygoteEnded { zygote, failure }, &[]),
            },
            Ask::StopZygote { zygote } => {
                if let Some(zygote) = self.zygotes.get(&zygote) {
                    kill(&zygote.process);
                }
                Ok(())
            }
            Ask::MakeWorker { zygote, worker } => match self.make(zygote, worker) {
                Ok(()) => Ok(()),
                Err(failure) => self.tell(&Tell::WorkerFailed { worker, failure }, &[]),
            },
            Ask::EndWorker { worker } => match self.workers.get_mut(&worker) {
                Some(ending) => {
                    ending.is_ending = true;
                    if let Some((_, process)) = &ending.init {
                        kill(process);
                    }
                    Ok(())
                }
                None => self.tell(&Tell::WorkerEnded { worker, used: Used::default() }, &[]),
            },
        }
    }

    fn start(&mut self, number: Number, content: Option<OwnedFd>) -> Result<(), Failure> {
        let content = File::from(content.ok_or_else(|| Failure::new("helper process", "no specification came"))?);
        let io = |error: io::Error| Failure::new("helper process", error);
        if self.landlock_abi < LANDLOCK_ABI_MIN {
            return Err(Failure::new(
                "Landlock",
                format!("ABI {} of the kernel, at least {LANDLOCK_ABI_MIN} is needed", self.landlock_abi),
            ));
        }
        let (mut spec, content_start) = birth::spec_of(&content).map_err(io)?;
        if spec.program == ZygoteProgram::Helper {
            let needs = self.own_needs.take().map_or_else(own::Needs::find, Ok).map_err(io)?;
            self.own_needs.insert(needs).add_to(&mut spec);
        }
        let filters = Filters::of(spec.profile).map_err(|error| Failure::new("seccomp", error))?;
        let facts = PlanFacts {
            memory_bytes_max: spec.memory_bytes_max,
            processes_max: PROCESSES_MAX,
            landlock_abi: self.landlock_abi,
            layers_off: self.layers_off,
        };
        let plan = plan::plan(&filters, facts).map_err(|error| Failure::new("seccomp", error))?;
        let begun = birth::begin(&spec, &content, content_start, self.outside, self.layers_off)?;
        let process = open_process(begun.pid).map_err(io)?;
        // It waits in the socket until the program asks for it.
        // One that has ended by now has said why, which is read when its end is seen.
        let _ = channel::send(&begun.control, sys::plan_bytes(&plan), &[]);
        let zygote = Zygote {
            pid: begun.pid,
            process,
            control: begun.control,
            failures: Some(begun.failures),
            words: begun.words,
            ready_until: Some(Instant::now() + ZYGOTE_START_MAX),
            memory_bytes_max: spec.memory_bytes_max,
            asked: Vec::new(),
            namespaces: None,
        };
        self.zygotes.insert(number, zygote);
        Ok(())
    }

    /// A zygote says that it is ready, or that it made a worker's init, or could not.
    fn zygote_answered(&mut self, number: Number) -> io::Result<()> {
        let Some(zygote) = self.zygotes.get_mut(&number) else { return Ok(()) };
        let received = match channel::receive(&zygote.control, Waiting::No) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => Received { bytes: Vec::new(), descriptors: Vec::new(), sender: None },
        };
        let Ok(answer) = <[u8; 4]>::try_from(received.bytes.as_slice()) else {
            // Its end is seen by its pidfd.
            kill(&zygote.process);
            return Ok(());
        };
        let errno = i32::from_ne_bytes(answer);
        if zygote.ready_until.take().is_some() {
            zygote.failures = None;
            return self.tell(&Tell::ZygoteReady { zygote: number }, &[]);
        }
        if zygote.asked.is_empty() {
            kill(&zygote.process);
            return Ok(());
        }
        let worker = zygote.asked.remove(0);
        if errno != 0 {
            let why = io::Error::from_raw_os_error(errno);
            self.fail(worker, Failure::new("namespaces", format!("pid, mount, ipc: {why}")))?;
        }
        Ok(())
    }

    fn zygote_ended(&mut self, number: Number) -> io::Result<()> {
        let Some(zygote) = self.zygotes.remove(&number) else { return Ok(()) };
        let was_late = zygote.ready_until.is_some_and(|until| until <= Instant::now());
        let told = zygote.failures.and_then(|failures| read_all(&failures).ok()).unwrap_or_default();
        let failure = serde_json::from_slice(&told).unwrap_or_else(|_| {
            if was_late {
                return Failure::new("zygote", format!("it was not ready in {} s", ZYGOTE_START_MAX.as_secs()));
            }
            let words = read_all(&zygote.words).unwrap_or_default();
            let words = String::from_utf8_lossy(&words);
            let start = words.len().saturating_sub(WORDS_MAX);
            let start = (start..=words.len()).find(|place| words.is_char_boundary(*place)).unwrap_or(0);
            Failure::new("zygote", format!("it ended {}", words[start..].trim()))
        });
        let workers: Vec<Number> =
            self.workers.iter().filter(|(_, worker)| worker.zygote == number).map(|(worker, _)| *worker).collect();
        for worker in workers {
            self.forget(worker, &failure)?;
        }
        self.tell(&Tell::ZygoteEnded { zygote: number, failure }, &[])
    }

    /// A worker of a zygote that is gone: the kernel ended it too.
    fn forget(&mut self, number: Number, failure: &Failure) -> io::Result<()> {
        let Some(worker) = self.workers.remove(&number) else { return Ok(()) };
        let used = self.cgroups.leave(worker.place);
        if worker.unborn.is_some() {
            self.tell(&Tell::WorkerFailed { worker: number, failure: failure.clone() }, &[])?;
        } else if worker.is_ending {
            self.tell(&Tell::WorkerEnded { worker: number, used }, &[])?;
        }
        Ok(())
    }

    fn make(&mut self, zygote_number: Number, number: Number) -> Result<(), Failure> {
        let io = |error: io::Error| Failure::new("helper process", error);
        let zygote = self.zygotes.get_mut(&zygote_number).ok_or_else(|| Failure::new("zygote", "there is none"))?;
        let (stream, stream_in) = channel::stream_pair().map_err(io)?;
        let (status, status_in) = channel::pair().map_err(io)?;
        for socket in [&stream, &status] {
            rustix::net::sockopt::set_socket_passcred(socket, true).map_err(|error| io(error.into()))?;
        }
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| io(error.into()));
        let ((stdout, stdout_in), (stderr, stderr_in)) = (pipe()?, pipe()?);
        let given = [stream_in.as_fd(), status_in.as_fd(), stdout_in.as_fd(), stderr_in.as_fd()];
        channel::send(&zygote.control, &number.to_ne_bytes(), &given).map_err(io)?;
        zygote.asked.push(number);
        let unborn = Unborn { until: Instant::now() + WORKER_START_MAX, status, stream, stdout, stderr };
        let worker = Worker {
            zygote: zygote_number,
            init: None,
            program: None,
            place: Place::default(),
            unborn: Some(unborn),
            is_ending: false,
            was_refused: None,
        };
        self.workers.insert(number, worker);
        Ok(())
    }

    fn worker_reported(&mut self, number: Number) -> io::Result<()> {
        let Some(worker) = self.workers.get_mut(&number) else { return Ok(()) };
        let Some(unborn) = &worker.unborn else { return Ok(()) };
        let receive = || channel::receive(&unborn.status, Waiting::No);
        let received = match receive() {
            // One that ended before it read all that it was told: the kernel says so first, and then gives what it said.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => receive(),
            received => received,
        };
        let received = match received {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return self.fail(number, Failure::new("worker", error)),
        };
        let Some(report) = sys::report(&received.bytes) else {
            return self.fail(number, Failure::new("worker", "it ended while it was made"));
        };
        match report.tag {
            tag::BORN => {
                let Some(process) = received.descriptors.into_iter().next() else {
                    return self.fail(number, Failure::new("worker", "it has no pidfd"));
                };
                let init = match pid_of(&process) {
                    Ok(init) => init,
                    // It is gone already: its zygote was killed, say.
                    Err(error) => return self.fail(number, Failure::new("worker", error)),
                };
                worker.init = Some((init, process));
                let Some(sender) = received.sender else {
                    return self.fail(number, Failure::new("worker", "nobody says that it is born"));
                };
                let program = sender.pid.as_raw_nonzero().get();
                worker.program = Some(program);
                let memory_bytes_max = self.zygotes.get(&worker.zygote).map_or(0, |zygote| zygote.memory_bytes_max);
                match self.cgroups.take(program, memory_bytes_max) {
                    Ok(place) => worker.place = place,
                    Err(error) => {
                        // One that is gone by now has said why.
                        let said = channel::receive(&unborn.status, Waiting::No).ok();
                        let said = said.and_then(|received| sys::report(&received.bytes));
                        let said = said.filter(|report| report.tag == tag::FAILED);
                        let failure = said.map_or_else(|| Failure::new("cgroup", error), |said| failed_layer(&said));
                        return self.fail(number, failure);
                    }
                }
                // A worker that ended meanwhile is seen at the next turn.
                let _ = channel::send(&unborn.status, &[1], &[]);
                Ok(())
            }
            tag::FAILED => self.fail(number, failed_layer(&report)),
            _ => self.fail(number, Failure::new("worker", "it ended while it was made")),
        }
    }

    /// The first thing on a worker's stream: that it is locked down, and who says so.
    fn worker_locked(&mut self, number: Number) -> io::Result<()> {
        let Some(unborn) = self.workers.get(&number).and_then(|worker| worker.unborn.as_ref()) else { return Ok(()) };
        let received = match channel::receive(&unborn.stream, Waiting::No) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return self.fail(number, Failure::new("worker", error)),
        };
        let is_locked = sys::report(&received.bytes).is_some_and(|report| report.tag == tag::LOCKED);
        match received.sender {
            Some(sender) if is_locked => {
                if let Err(error) = rustix::net::sockopt::set_socket_passcred(&unborn.stream, false) {
                    return self.fail(number, Failure::new("worker", error));
                }
                self.locked(number, sender.pid.as_raw_nonzero().get())
            }
            // It ended; why is said on the other socket, and its end is seen by its pidfd.
            _ if received.bytes.is_empty() => self.worker_reported(number),
            _ => self.fail(number, Failure::new("worker", "it does not say that it is locked down")),
        }
    }

    /// A worker says that it is locked down: it is looked at, and handed over.
    fn locked(&mut self, number: Number, pid: i32) -> io::Result<()> {
        let Some(worker) = self.workers.get_mut(&number) else { return Ok(()) };
        let (Some((init, _)), Some(zygote)) = (&worker.init, self.zygotes.get_mut(&worker.zygote)) else {
            return self.fail(number, Failure::new("worker", "it is locked down, and was never born"));
        };
        let of_zygote = match zygote.namespaces.take().map_or_else(|| Namespaces::of(&zygote.pid.to_string()), Ok) {
            Ok(namespaces) => zygote.namespaces.insert(namespaces),
            Err(failure) => return self.fail(number, failure),
        };
        let expected = Expected {
            init: *init,
            host_namespaces: &self.host_namespaces,
            zygote_namespaces: of_zygote,
            outside: self.outside,
            place: &worker.place,
        };
        if worker.program != Some(pid) {
            return self.fail(number, Failure::new("attestation", "another process says that it is locked down"));
        }
        // Before the look: what is seen then is seen of the process that this stands for, or of none.
        let program = match open_process(pid) {
            Ok(program) => program,
            Err(error) => return self.fail(number, Failure::new("worker", error)),
        };
        if let Err(failure) = attest::attest(pid, &expected)
            && !is_off(self.layers_off, stage::ATTESTATION)
        {
            return self.fail(number, failure);
        }
        let Some(unborn) = worker.unborn.take() else { return Ok(()) };
        let Some((_, process)) = &worker.init else { return Ok(()) };
        let given = [
            unborn.stream.as_fd(),
            unborn.status.as_fd(),
            unborn.stdout.as_fd(),
            unborn.stderr.as_fd(),
            process.as_fd(),
            program.as_fd(),
        ];
        channel::send(&self.gateway, &serde_json::to_vec(&Tell::WorkerMade { worker: number })?, &given)
    }

    /// A worker could not be made. What there is of it is killed; it is forgotten when that is gone.
    fn fail(&mut self, number: Number, failure: Failure) -> io::Result<()> {
        let Some(worker) = self.workers.get_mut(&number) else { return Ok(()) };
        worker.unborn = None;
        worker.was_refused = Some(failure.clone());
        worker.is_ending = true;
        match &worker.init {
            Some((_, process)) => kill(process),
            None => drop(self.workers.remove(&number)),
        }
        self.tell(&Tell::WorkerFailed { worker: number, failure }, &[])
    }

    /// Nothing is left of a worker: its pid namespace is gone with its init.
    fn worker_ended(&mut self, number: Number) -> io::Result<()> {
        let Some(worker) = self.workers.get(&number) else { return Ok(()) };
        if worker.unborn.is_some() {
            // What it said last is read first.
            self.worker_reported(number)?;
            return match self.workers.get(&number) {
                Some(worker) if worker.unborn.is_some() => {
                    self.fail(number, Failure::new("worker", "it ended while it was made"))
                }
                _ => Ok(()),
            };
        }
        let Some(worker) = self.workers.remove(&number) else { return Ok(()) };
        let used = self.cgroups.leave(worker.place);
        if worker.was_refused.is_some() {
            return Ok(());
        }
        self.tell(&Tell::WorkerEnded { worker: number, used }, &[])
    }

    /// Ends what was not ready in time.
    fn expire(&mut self) -> io::Result<()> {
        let now = Instant::now();
        for zygote in self.zygotes.values_mut().filter(|zygote| zygote.ready_until.is_some_and(|until| until <= now)) {
            kill(&zygote.process);
        }
        let late: Vec<Number> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.unborn.as_ref().is_some_and(|unborn| unborn.until <= now))
            .map(|(number, _)| *number)
            .collect();
        for worker in late {
            self.fail(worker, Failure::new("worker", "it was not locked down in time"))?;
        }
        Ok(())
    }

    /// Leaves nothing behind.
    fn end(mut self) {
        for zygote in self.zygotes.values() {
            kill(&zygote.process);
        }
        for zygote in self.zygotes.values() {
            let mut poll = [PollFd::new(&zygote.process, PollFlags::IN)];
            let _ = rustix::event::poll(&mut poll, Some(&Timespec { tv_sec: 5, tv_nsec: 0 }));
        }
        // In a container nobody else may do it.
        while matches!(rustix::process::wait(WaitOptions::NOHANG), Ok(Some(_))) {}
        for (_, worker) in self.workers.drain() {
            self.cgroups.leave(worker.place);
        }
    }
}

/// Where something happened.
#[derive(Debug, Clone, Copy)]
enum Source {
    Gateway,
    ZygoteEnd(Number),
    ZygoteAnswer(Number),
    WorkerStatus(Number),
    WorkerStream(Number),
    WorkerEnd(Number),
}

fn kill(process: &OwnedFd) {
    // What is gone already needs no signal.
    let _ = rustix::process::pidfd_send_signal(process, Signal::KILL);
}

fn open_process(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no pid"))?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// The pid that a pidfd stands for, here.
fn pid_of(process: &OwnedFd) -> io::Result<i32> {
    use std::os::fd::AsRawFd;
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd()))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    pid.filter(|pid| *pid > 0).ok_or_else(|| io::Error::other("a pidfd of nobody"))
}

/// What is in a pipe now.
fn read_all(pipe: &OwnedFd) -> io::Result<Vec<u8>> {
    rustix::io::ioctl_fionbio(pipe, true)?;
    let (mut all, mut part) = (Vec::new(), [0_u8; 4096]);
    loop {
        match rustix::io::read(pipe, &mut part) {
            Ok(0) | Err(rustix::io::Errno::AGAIN) => return Ok(all),
            Ok(length) => all.extend_from_slice(part.get(..length).unwrap_or_default()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn failed_layer(report: &Report) -> Failure {
    let layer = match report.stage {
        stage::NAMESPACES => "namespaces",
        stage::TMP => "private /tmp",
        stage::PROCESS => "process",
        stage::SESSION => "session",
        stage::DESCRIPTORS => "descriptors",
        stage::LIMITS => "resource limits",
        stage::CAPABILITIES => "capabilities",
        stage::NO_NEW_PRIVILEGES => "no new privileges",
        stage::DUMPABLE => "not dumpable",
        stage::LANDLOCK => "Landlock",
        stage::SECCOMP => "seccomp",
        stage::INIT => "init",
        _ => "worker",
    };
    Failure::new(layer, io::Error::from_raw_os_error(report.code))
}
