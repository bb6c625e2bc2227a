//! Zygotes: one for each program in use, from its start to its end.
//!
//! What never happens here: a zygote that is gone and whose workers are still counted as living.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::attest::Namespaces;
use super::{Jailer, birth, kill, open_process, own};
use crate::channel::{self, Received, Waiting};
use crate::limits::LANDLOCK_ABI_MIN;
use crate::messages::{Failure, Number, Tell, ZygoteProgram};
use crate::plan::{self, PlanFacts};
use crate::policy::Filters;
use crate::sys;

/// A zygote that is not ready by then never will be.
const ZYGOTE_START_MAX: Duration = Duration::from_secs(20);
/// Bytes of what a zygote's program says that are told.
const WORDS_MAX: usize = 2_000;
/// Processes of a user in a zygote's namespace: a second line, behind the cgroup's.
const PROCESSES_MAX: u64 = 1_024;

pub(super) struct Zygote {
    pub(super) pid: i32,
    pub(super) process: OwnedFd,
    pub(super) control: OwnedFd,
    pub(super) failures: Option<OwnedFd>,
    pub(super) words: OwnedFd,
    /// Not there any more once it is ready.
    pub(super) ready_until: Option<Instant>,
    pub(super) memory_bytes_max: u64,
    /// Workers that were asked of it and that it has not answered.
    pub(super) asked: Vec<Number>,
    /// Read when its first worker is looked at.
    pub(super) namespaces: Option<Namespaces>,
}

impl Jailer {
    pub(super) fn start(&mut self, number: Number, content: Option<OwnedFd>) -> Result<(), Failure> {
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
    pub(super) fn zygote_answered(&mut self, number: Number) -> io::Result<()> {
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

    pub(super) fn zygote_ended(&mut self, number: Number) -> io::Result<()> {
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
