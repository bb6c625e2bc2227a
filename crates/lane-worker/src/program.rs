//! A program that is ready for calls: what its zygote is made of, what its workers are told first, and the workers that wait.
//!
//! What never happens here: a call in a worker that served one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use omega_contract::Sha256Hex;
use omega_contract::ports::{BoxFuture, LaneCall, LaneLimits, LaneReport, ReadyProgram};

use crate::call;
use crate::messages::{HostMount, Number, ZygoteProgram, ZygoteSpec};
use crate::policy::Profile;
use crate::supervisor::Supervisor;
use crate::worker::Worker;

/// What a zygote is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    pub(crate) mounts: Vec<HostMount>,
    pub(crate) emptied: Vec<String>,
    pub(crate) links: Vec<(String, String)>,
    pub(crate) files: Vec<(String, Arc<[u8]>)>,
    pub(crate) program: ZygoteProgram,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// A program as the supervisor knows it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) number: Number,
    pub(crate) content: Content,
    pub(crate) profile: Profile,
    /// What its environment holds, where it has one.
    pub(crate) env_digest: Option<Sha256Hex>,
    pub(crate) limits: LaneLimits,
    /// The frame that each worker gets first.
    pub(crate) load: Vec<u8>,
    /// Workers that have imported the program and wait for a call.
    pub(crate) ready: Mutex<VecDeque<Worker>>,
}

impl Program {
    /// A worker that waits, if it still lives.
    pub(crate) fn pop(&self) -> Option<Worker> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.pop_front()
    }

    /// The specification and the files of its zygote, as the helper takes them.
    pub(crate) fn memory_file(&self) -> io::Result<OwnedFd> {
        let mut files = Vec::with_capacity(self.content.files.len());
        let mut offset = 0;
        for (path, bytes) in &self.content.files {
            files.push((path.clone(), offset, bytes.len() as u64));
            offset += bytes.len() as u64;
        }
        let spec = ZygoteSpec {
            mounts: self.content.mounts.clone(),
            emptied: self.content.emptied.clone(),
            links: self.content.links.clone(),
            files,
            program: self.content.program,
            arguments: self.content.arguments.clone(),
            environment: self.content.environment.clone(),
            profile: self.profile,
            memory_bytes_max: self.limits.memory_bytes_max,
        };
        let spec = serde_json::to_vec(&spec)?;
        let memory = rustix::fs::memfd_create("omega-zygote", rustix::fs::MemfdFlags::CLOEXEC)?;
        let mut file = File::from(memory);
        file.write_all(&(spec.len() as u64).to_be_bytes())?;
        file.write_all(&spec)?;
        for (_, bytes) in &self.content.files {
            file.write_all(bytes)?;
        }
        Ok(file.into())
    }
}

/// The program, for the router.
pub(crate) struct WorkerProgram {
    pub(crate) program: Arc<Program>,
    pub(crate) supervisor: Arc<Supervisor>,
}

impl ReadyProgram for WorkerProgram {
    fn run(&self, call: LaneCall) -> BoxFuture<'_, LaneReport> {
        Box::pin(call::run(self, call))
    }
}

impl Drop for WorkerProgram {
    fn drop(&mut self) {
        self.supervisor.forget(&self.program);
    }
}
