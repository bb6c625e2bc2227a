//! A look at a worker from outside, before it is given a plugin: what the kernel says of it, not what it says itself.
//!
//! What never happens here: a worker that passes because something about it could not be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::birth::Outside;
use super::cgroup::{Cgroups, Place};
use crate::limits::DESCRIPTORS_OPEN_MAX;
use crate::messages::Failure;

/// Filters of a worker.
const FILTERS: &str = "2";
/// The protocol's stream and the three usual ones.
const DESCRIPTORS: [&str; 4] = ["0", "1", "2", "3"];
/// The namespaces that a worker shares with nobody but other workers of its program, and those that are its own.
const OF_ZYGOTE: [&str; 4] = ["user", "net", "uts", "cgroup"];
const OWN: [&str; 3] = ["mnt", "pid", "ipc"];

/// What a worker is compared with.
pub(super) struct Expected<'a> {
    pub(super) init: i32,
    pub(super) host_namespaces: &'a Namespaces,
    pub(super) zygote_namespaces: &'a Namespaces,
    pub(super) outside: Outside,
    pub(super) place: &'a Place,
}

/// Checks the process of this pid.
pub(super) fn attest(pid: i32, expected: &Expected<'_>) -> Result<(), Failure> {
    let status = read_status(pid)?;
    let field = |name: &str| status.get(name).map(String::as_str).unwrap_or_default();
    let demand = |layer: &str, holds: bool, found: &str| {
        if holds { Ok(()) } else { Err(Failure::new(layer, format!("seen from outside: {found}"))) }
    };
    demand(
        "seccomp",
        field("Seccomp") == "2" && field("Seccomp_filters") == FILTERS,
        &format!("Seccomp {} with {} filters", field("Seccomp"), field("Seccomp_filters")),
    )?;
    demand("no new privileges", field("NoNewPrivs") == "1", field("NoNewPrivs"))?;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let is_empty = field(set).len() == 16 && field(set).bytes().all(|digit| digit == b'0');
        demand("capabilities", is_empty, &format!("{set} {}", field(set)))?;
    }
    let Outside { id, gid, is_root } = expected.outside;
    for (ids, id) in [("Uid", id), ("Gid", gid)] {
        let all_are = field(ids).split_whitespace().all(|found| found == id.to_string());
        demand("user", all_are && field(ids).split_whitespace().count() == 4, &format!("{ids} {}", field(ids)))?;
    }
    // An ordinary user cannot give its groups up; in the private root they open nothing.
    demand("user", !is_root || field("Groups").is_empty(), &format!("groups {}", field("Groups")))?;
    demand("threads", field("Threads") == "1", field("Threads"))?;
    demand("process", field("PPid") == expected.init.to_string(), &format!("a child of {}", field("PPid")))?;
    demand(
        "pid namespace",
        field("NSpid").split_whitespace().last() == Some("2"),
        &format!("NSpid {}", field("NSpid")),
    )?;
    // The session's id is the pid inside: a session of its own.
    demand("session", field("NSsid").split_whitespace().last() == Some("2"), &format!("NSsid {}", field("NSsid")))?;
    namespaces(pid, expected)?;
    descriptors(pid)?;
    limits(pid)?;
    demand("cgroup", Cgroups::holds(expected.place, pid), "not in its place")?;
    not_dumpable(pid, id)
}

fn read_status(pid: i32) -> Result<BTreeMap<String, String>, Failure> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| Failure::new("attestation", error))?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    Ok(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

/// The namespaces of a process, by kind. Those of the host and of a zygote do not change while they live.
#[derive(Debug)]
pub(super) struct Namespaces(Vec<(&'static str, PathBuf)>);

impl Namespaces {
    /// Reads them.
    pub(super) fn of(process: &str) -> Result<Self, Failure> {
        let read = |kind: &&'static str| {
            let link = fs::read_link(format!("/proc/{process}/ns/{kind}"));
            let link = link.map_err(|error| Failure::new("attestation", format!("{kind} namespace: {error}")))?;
            Ok((*kind, link))
        };
        OF_ZYGOTE.iter().chain(&OWN).map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The first of these kinds that both have.
    fn shared(&self, other: &Self, kinds: &[&str]) -> Option<&'static str> {
        let both = self.0.iter().zip(&other.0);
        both.into_iter()
            .find(|((kind, own), (_, others))| kinds.contains(kind) && own == others)
            .map(|((kind, _), _)| *kind)
    }
}

fn namespaces(pid: i32, expected: &Expected<'_>) -> Result<(), Failure> {
    let worker = Namespaces::of(&pid.to_string())?;
    for (other, kinds, whose) in [
        (expected.host_namespaces, [OF_ZYGOTE.as_slice(), &OWN].concat(), "host"),
        (expected.zygote_namespaces, OWN.to_vec(), "zygote"),
    ] {
        if let Some(kind) = worker.shared(other, &kinds) {
            return Err(Failure::new(format!("{kind} namespace"), format!("seen from outside: it is the {whose}'s")));
        }
    }
    Ok(())
}

fn descriptors(pid: i32) -> Result<(), Failure> {
    // Not `fd`, which belongs to root where the process is not dumpable; this one asks for the right to look at the process.
    let folder = fs::read_dir(format!("/proc/{pid}/fdinfo")).map_err(|error| Failure::new("attestation", error))?;
    let mut found: Vec<String> =
        folder.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    if found == DESCRIPTORS {
        return Ok(());
    }
    Err(Failure::new("descriptors", format!("seen from outside: {} are open", found.join(", "))))
}

fn limits(pid: i32) -> Result<(), Failure> {
    const ZERO: [&str; 4] = ["Max core file size", "Max locked memory", "Max msgqueue size", "Max realtime priority"];
    const BOUNDED: [&str; 5] =
        ["Max address space", "Max cpu time", "Max file size", "Max open files", "Max processes"];
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).map_err(|error| Failure::new("attestation", error))?;
    let hard = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let unset = ZERO.iter().find(|name| hard(name).as_deref() != Some("0"));
    let unbounded = BOUNDED.iter().find(|name| hard(name).is_none_or(|limit| limit == "unlimited"));
    // The last that is set.
    let is_last_set = hard("Max open files") == Some(DESCRIPTORS_OPEN_MAX.to_string());
    match unset.or(unbounded).or((!is_last_set).then_some(&"Max open files")) {
        None => Ok(()),
        Some(name) => Err(Failure::new("resource limits", format!("seen from outside: {name} is {:?}", hard(name)))),
    }
}

/// The files in /proc of a process that is not dumpable belong to root, of the host or of its user namespace; with only one user in
/// that namespace, to nobody whom it knows.
fn not_dumpable(pid: i32, outside_id: u32) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(format!("/proc/{pid}/environ")).map(|metadata| metadata.uid()) {
        Ok(owner) if owner != outside_id => Ok(()),
        Ok(_) => Err(Failure::new("not dumpable", "seen from outside: its memory is its user's to read")),
        Err(error) => Err(Failure::new("attestation", error)),
    }
}
