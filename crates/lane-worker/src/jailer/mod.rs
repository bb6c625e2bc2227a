//! The jailer, which is what the helper process of spec page 4 does: a process of one thread, started before anything else, that makes zygotes and workers, checks workers from outside,
//! counts what they use and leaves nothing of them behind. It ends when the gateway does, and everything with it.
//!
//! What never happens here: plugin code, a word of a plugin, or a wait for one.

mod attest;
mod birth;
mod cgroup;
mod own;
mod root;
mod workers;
mod zygotes;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use self::attest::Namespaces;
use self::birth::Outside;
use self::cgroup::Cgroups;
use self::workers::Worker;
use self::zygotes::Zygote;
use crate::channel::{self, Received, Waiting};
use crate::limits::{DEDICATED_ID, LANDLOCK_ABI_MAX};
use crate::messages::{Ask, Begin, Begun, Failure, Number, Tell, Used};
use crate::sys;

/// What makes workers.
struct Jailer {
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
    let Ok(mut jailer) = Jailer::new(gateway, &begin) else { return };
    let (cgroups, has_cgroups) = jailer.cgroups.describe();
    let begun = Begun { cgroups, has_cgroups, landlock_abi: jailer.landlock_abi, outside_id: jailer.outside.id };
    if jailer.tell(&Tell::Begun(begun), &[]).is_ok() {
        while jailer.turn().is_ok() {}
    }
    jailer.end();
}

impl Jailer {
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
