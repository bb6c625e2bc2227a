//! From a fork of the helper to a zygote: namespaces, user, root, the two capabilities that making workers takes, the program.
//!
//! What never happens here: a return into the helper's code. Whatever fails is told on the pipe, and the process ends.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Gid, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::own;
use super::root::{Sources, enter};
use crate::limits::INSIDE_ID;
use crate::messages::{Failure, ZygoteProgram, ZygoteSpec};
use crate::sys;

/// What making workers takes: mounts and namespaces, and giving up capabilities for good.
const KEPT: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SETPCAP];

/// A zygote that was begun.
pub(super) struct Begun {
    /// Its pid here.
    pub(super) pid: i32,
    /// The helper's end of the control socket.
    pub(super) control: OwnedFd,
    /// Says what failed before the program ran; ends when it runs.
    pub(super) failures: OwnedFd,
    /// What the program itself writes.
    pub(super) words: OwnedFd,
}

/// Whose workers are, outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outside {
    pub(super) id: u32,
    pub(super) gid: u32,
    pub(super) is_root: bool,
}

/// Reads the specification at the beginning of a memory file; with it, where the files' bytes begin.
pub(super) fn spec_of(content: &File) -> io::Result<(ZygoteSpec, u64)> {
    let mut length = [0_u8; 8];
    content.read_exact_at(&mut length, 0)?;
    let length = u64::from_be_bytes(length);
    if length > content.metadata()?.len() {
        return Err(io::Error::other("a specification that is longer than its file"));
    }
    let mut text = vec![0_u8; usize::try_from(length).unwrap_or(0)];
    content.read_exact_at(&mut text, 8)?;
    Ok((serde_json::from_slice(&text)?, 8 + length))
}

/// Begins a zygote.
pub(super) fn begin(
    spec: &ZygoteSpec,
    content: &File,
    content_start: u64,
    outside: Outside,
    layers_off: u32,
) -> Result<Begun, Failure> {
    let io = |error: io::Error| Failure::new("helper process", error);
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| io(error.into()));
    let (control, theirs) = crate::channel::pair().map_err(io)?;
    let (failures, failures_in) = pipe()?;
    let (words, words_in) = pipe()?;
    let (go, go_in) = pipe()?;
    let (nothing, nothing_in) = pipe()?;
    let forked = sys::fork_into_namespaces(layers_off)
        .map_err(|error| Failure::new("namespaces", format!("user, mount, pid, net, ipc, uts, cgroup: {error}")))?;
    let Some(pid) = forked else {
        drop((go_in, nothing_in, failures, words, control));
        // Its descriptors stay open until its failure is told: whoever sees them closed kills it.
        let given = [theirs, nothing, words_in];
        let failure = become_zygote(spec, content, content_start, outside, &given, go, layers_off);
        let _ = File::from(failures_in).write_all(&serde_json::to_vec(&failure).unwrap_or_default());
        sys::exit_now(71);
    };
    let mapped = map_ids(pid, outside);
    if let Err(error) = mapped {
        // Without its byte it ends.
        drop(go_in);
        return Err(Failure::new("user namespace", format!("its user cannot be set: {error}")));
    }
    let told = File::from(go_in).write_all(&[1]);
    told.map_err(io)?;
    Ok(Begun { pid, control, failures, words })
}

fn map_ids(pid: i32, outside: Outside) -> io::Result<()> {
    if !outside.is_root {
        fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    }
    fs::write(format!("/proc/{pid}/gid_map"), format!("{INSIDE_ID} {} 1", outside.gid))?;
    fs::write(format!("/proc/{pid}/uid_map"), format!("{INSIDE_ID} {} 1", outside.id))
}

/// Becomes the zygote, or says why not.
fn become_zygote(
    spec: &ZygoteSpec,
    content: &File,
    content_start: u64,
    outside: Outside,
    [control, nothing, words]: &[OwnedFd; 3],
    go: OwnedFd,
    layers_off: u32,
) -> Failure {
    let mut own_program = None;
    let made = (|| {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| Failure::new("session", error))?;
        let mut byte = [0];
        File::from(go).read_exact(&mut byte).map_err(|error| Failure::new("user namespace", error))?;
        // As the user that opened the home: the dedicated one may not see these paths.
        let sources = Sources::open(spec)?;
        if spec.program == ZygoteProgram::Helper {
            own_program = Some(own::open().map_err(|error| Failure::new("program", error))?);
        }
        take_user(outside).map_err(|error| Failure::new("user", error))?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| Failure::new("session", error))?;
        enter(spec, &sources, content, content_start, layers_off)?;
        rustix::system::sethostname(b"plugin").map_err(|error| Failure::new("namespaces", error))?;
        rustix::process::setsid().map_err(|error| Failure::new("session", error))?;
        keep_capabilities().map_err(|error| Failure::new("capabilities", error))?;
        Ok(())
    })();
    if let Err(failure) = made {
        return failure;
    }
    let placed = (|| {
        rustix::stdio::dup2_stdin(nothing)?;
        rustix::stdio::dup2_stdout(words)?;
        rustix::stdio::dup2_stderr(words)?;
        sys::place_descriptor(control.as_fd(), 3)
    })();
    if let Err(error) = placed {
        return Failure::new("descriptors", error);
    }
    let Some((name, arguments)) = spec.arguments.split_first() else {
        return Failure::new("program", "there is none");
    };
    let error = if let Some(file) = own_program {
        own::execute(&file, &spec.arguments, &spec.environment)
    } else {
        let environment = spec.environment.iter().map(|(name, value)| (name, value));
        Command::new(name).args(arguments).env_clear().envs(environment).exec()
    };
    Failure::new("program", format!("{name}: {error}"))
}

fn take_user(outside: Outside) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(INSIDE_ID), Gid::from_raw(INSIDE_ID));
    if outside.is_root {
        rustix::thread::set_thread_groups(&[])?;
    }
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Keeps two capabilities over the program's start, and no way to others.
fn keep_capabilities() -> io::Result<()> {
    let kept = KEPT[0] | KEPT[1];
    for number in 0..64_u64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) => break,
            removed => removed?,
        }
    }
    rustix::thread::set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: kept })?;
    for capability in KEPT {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}
