//! Workers: born by a zygote, looked at from outside, handed over, forgotten when nothing is left of them.
//!
//! What never happens here: a worker that is handed over without a look.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::attest::{self, Expected, Namespaces};
use super::cgroup::Place;
use super::{Jailer, kill, open_process};
use crate::channel::{self, Waiting};
use crate::messages::{Failure, Number, Tell};
use crate::sys;
use crate::sys::inside::plan::{Report, is_off, stage, tag};

/// A worker that is not locked down by then never will be.
const WORKER_START_MAX: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    pub(super) zygote: Number,
    /// Its init, once it lives.
    pub(super) init: Option<(i32, OwnedFd)>,
    /// The pid of the plugin's process.
    pub(super) program: Option<i32>,
    pub(super) place: Place,
    /// Until it is handed over.
    pub(super) unborn: Option<Unborn>,
    /// The gateway waits for its end.
    pub(super) is_ending: bool,
    pub(super) was_refused: Option<Failure>,
}

pub(super) struct Unborn {
    pub(super) until: Instant,
    pub(super) status: OwnedFd,
    pub(super) stream: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

impl Jailer {
    /// A worker of a zygote that is gone: the kernel ended it too.
    pub(super) fn forget(&mut self, number: Number, failure: &Failure) -> io::Result<()> {
        let Some(worker) = self.workers.remove(&number) else { return Ok(()) };
        let used = self.cgroups.leave(worker.place);
        if worker.unborn.is_some() {
            self.tell(&Tell::WorkerFailed { worker: number, failure: failure.clone() }, &[])?;
        } else if worker.is_ending {
            self.tell(&Tell::WorkerEnded { worker: number, used }, &[])?;
        }
        Ok(())
    }

    pub(super) fn make(&mut self, zygote_number: Number, number: Number) -> Result<(), Failure> {
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

    pub(super) fn worker_reported(&mut self, number: Number) -> io::Result<()> {
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
    pub(super) fn worker_locked(&mut self, number: Number) -> io::Result<()> {
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
    pub(super) fn locked(&mut self, number: Number, pid: i32) -> io::Result<()> {
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
    pub(super) fn fail(&mut self, number: Number, failure: Failure) -> io::Result<()> {
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
    pub(super) fn worker_ended(&mut self, number: Number) -> io::Result<()> {
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
}

/// The pid that a pidfd stands for, here.
fn pid_of(process: &OwnedFd) -> io::Result<i32> {
    use std::os::fd::AsRawFd;
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd()))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    pid.filter(|pid| *pid > 0).ok_or_else(|| io::Error::other("a pidfd of nobody"))
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
