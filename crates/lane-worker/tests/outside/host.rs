//! The host: what the attacks are told of it, and what must be as it was after each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use omega_lane_worker::{WorkerLane, limits};
use serde_json::{Value, json};

/// A variable of the gateway's environment that no plugin may see, with its value.
pub(crate) const SECRET_VARIABLE: &str = "OMEGA_TEST_SECRET";
/// How many times as long things may take.
pub(crate) const PATIENCE_VARIABLE: &str = "OMEGA_TEST_PATIENCE";
const SECRET: &str = "canary-5f2b8c1d";
/// A worker that is gone is seen to be gone within this time.
const GONE_MAX: Duration = Duration::from_secs(10);
/// Descriptors of a worker that waits: stream, status, standard output and error, its init, its program.
const DESCRIPTORS_OF_WORKER: usize = 6;

/// Names of sockets are given out once.
static HOSTS: AtomicU32 = AtomicU32::new(0);

/// The host and what was there before.
pub(crate) struct Host {
    canaries: tempfile::TempDir,
    victim: Child,
    port: TcpListener,
    named: UnixDatagram,
    abstracted: UnixDatagram,
    abstract_name: String,
    before: State,
    descriptors: usize,
    zygotes: BTreeSet<i32>,
    helper: i32,
    began: (Instant, SystemTime),
}

/// What a plugin has no way to.
#[derive(Debug, PartialEq)]
struct State {
    files: BTreeMap<PathBuf, (u32, u32, u64, i64, Vec<u8>)>,
    mounts: String,
    queues: String,
    name: String,
    core_pattern: String,
}

/// A process in a pid namespace below this one.
#[derive(Debug, Clone)]
pub(crate) struct Nested {
    pub(crate) pid: i32,
    pub(crate) depth: usize,
    pub(crate) state: char,
    /// Whether it is a worker's program, not its init and not a zygote.
    pub(crate) is_program: bool,
    /// The zygote above it.
    pub(crate) zygote: i32,
    /// The helper above that; none: it is an orphan.
    pub(crate) helper: Option<i32>,
}

impl Nested {
    /// Nobody's any more, and still at work. (Whether what is dead is reaped is the affair of the machine's init.)
    pub(crate) fn is_orphan(&self) -> bool {
        self.helper.is_none() && self.state != 'Z'
    }
}

impl Host {
    /// Looks at the host. The lane has one program, warm, that stays: another plugin that must not be disturbed.
    pub(crate) fn new(lane: &WorkerLane) -> Self {
        let canaries = tempfile::Builder::new().prefix("omega-canary").tempdir().unwrap();
        fs::write(canaries.path().join("secret"), SECRET).unwrap();
        fs::write(canaries.path().join("other"), "untouched").unwrap();
        fs::create_dir(canaries.path().join("folder")).unwrap();
        let mut victim = Command::new("sleep");
        victim.arg("3600").env_clear();
        if rustix::process::geteuid().is_root() {
            victim.uid(limits::DEDICATED_ID).gid(limits::DEDICATED_ID);
        }
        let abstract_name = format!("omega-corpus-{}-{}", std::process::id(), HOSTS.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let abstracted = UnixDatagram::bind_addr(&address).unwrap();
        let named = UnixDatagram::bind(canaries.path().join("socket")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        for is_set in [abstracted.set_nonblocking(true), named.set_nonblocking(true), port.set_nonblocking(true)] {
            is_set.unwrap();
        }
        let helper = helper_of(own_pid()).expect("the lane has a helper");
        let mut host = Self {
            victim: victim.spawn().unwrap(),
            before: State::of(canaries.path()),
            canaries,
            port,
            named,
            abstracted,
            abstract_name,
            descriptors: 0,
            zygotes: BTreeSet::new(),
            helper,
            began: (Instant::now(), SystemTime::now()),
        };
        until("the lane is at rest", || if at_rest(lane) { Ok(()) } else { Err(format!("{:?}", lane.counts())) });
        host.descriptors = descriptors(lane);
        host.zygotes = host.own_zygotes();
        host
    }

    /// What an attack is told.
    pub(crate) fn facts(&self, more: &Value) -> String {
        let mut facts = json!({
            "secret": self.canaries.path().join("secret"), "socket": self.canaries.path().join("socket"),
            "abstract": self.abstract_name, "port": self.port.local_addr().unwrap().port(),
            "victim": self.victim.id(), "gateway": std::process::id(), "helper": self.helper,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            facts[name] = value.clone();
        }
        facts.to_string()
    }

    /// What a plugin must not be able to tell.
    pub(crate) fn secrets(&self) -> [String; 2] {
        [SECRET.to_owned(), "not for plugins".to_owned()]
    }

    /// Everything is as it was; waits until what is ending has ended.
    pub(crate) fn check(&mut self, lane: &WorkerLane, after: &str) {
        until(after, || {
            if !at_rest(lane) {
                return Err(format!("the lane is not at rest: {:?}", lane.counts()));
            }
            let now = descriptors(lane);
            if now != self.descriptors {
                return Err(format!("{now} descriptors are open, {} were", self.descriptors));
            }
            let zygotes = self.own_zygotes();
            if zygotes != self.zygotes {
                return Err(format!("zygotes {zygotes:?}, there were {:?}", self.zygotes));
            }
            let orphans: Vec<Nested> = nested().into_iter().filter(Nested::is_orphan).collect();
            if !orphans.is_empty() {
                return Err(format!("orphans: {orphans:?}"));
            }
            let (bounded, expected) = (self.bounded(), lane.counts().ready);
            if bounded.is_some_and(|processes| processes != expected) {
                return Err(format!("{bounded:?} processes in the lane's control groups, {expected} belong there"));
            }
            Ok(())
        });
        assert_eq!(State::of(self.canaries.path()), self.before, "{after}: the host was changed");
        assert_eq!(helper_of(own_pid()), Some(self.helper), "{after}: the helper was replaced");
        assert!(matches!(self.victim.try_wait(), Ok(None)), "{after}: a process of the host was killed");
        let state = state_of(i32::try_from(self.victim.id()).unwrap());
        assert!(matches!(state, Some('S' | 'R')), "{after}: a process of the host was stopped: {state:?}");
        assert!(self.port.accept().is_err(), "{after}: somebody connected to the host");
        for socket in [&self.named, &self.abstracted] {
            assert!(socket.recv(&mut [0]).is_err(), "{after}: a message came to the host");
        }
        let (instant, time) = (self.began.0.elapsed(), self.began.1.elapsed().unwrap_or_default());
        assert!(instant.abs_diff(time) < Duration::from_secs(5), "{after}: the clock was set");
    }

    /// What waits for a call does not run.
    pub(crate) fn check_waiting(&self) -> Result<(), String> {
        let programs = nested().into_iter().filter(|process| process.helper == Some(self.helper) && process.is_program);
        let (stopped, running): (Vec<_>, Vec<_>) = programs.partition(|process| process.state == 'T');
        if running.is_empty() && stopped.len() > 1 {
            Ok(())
        } else {
            Err(format!("running {running:?}, stopped {stopped:?}"))
        }
    }

    fn own_zygotes(&self) -> BTreeSet<i32> {
        let own = nested().into_iter().filter(|process| process.helper == Some(self.helper));
        own.map(|process| process.zygote).collect()
    }

    /// Processes in the control groups of this lane's workers; none where it has none.
    fn bounded(&self) -> Option<usize> {
        let folders = cgroup_folders(self.helper);
        let folder = folders.first()?;
        let places = fs::read_dir(folder).ok()?.flatten().filter(|entry| entry.path().is_dir());
        let counts = places.filter_map(|place| fs::read_to_string(place.path().join("cgroup.procs")).ok());
        Some(counts.map(|text| text.lines().count()).sum())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

impl State {
    fn of(canaries: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(canaries).unwrap().flatten() {
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            let content = if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
            let facts = (metadata.mode(), metadata.uid(), metadata.nlink(), metadata.mtime_nsec(), content);
            files.insert(entry.path(), facts);
        }
        let queues = ["shm", "sem", "msg"].map(|kind| read(&format!("/proc/sysvipc/{kind}")));
        Self {
            files,
            mounts: read("/proc/self/mountinfo"),
            queues: queues.concat().lines().filter(|line| line.contains("0x00004f4d")).collect(),
            name: read("/proc/sys/kernel/hostname"),
            core_pattern: read("/proc/sys/kernel/core_pattern"),
        }
    }
}

/// How many times as long things may take: where a processor is emulated (`cargo xtask kernel`), a kernel's command line says so.
/// What must not happen must not happen either way.
pub(crate) fn patience() -> u32 {
    std::env::var(PATIENCE_VARIABLE).ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// Waits until a check passes; says why it does not.
pub(crate) fn until(what: &str, mut check: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + GONE_MAX * patience();
    loop {
        match check() {
            Ok(()) => return,
            Err(why) if Instant::now() >= end => panic!("{what}: {why}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn at_rest(lane: &WorkerLane) -> bool {
    let counts = lane.counts();
    counts.zygotes == 1 && counts.workers == counts.ready && counts.ready > 0
}

/// Descriptors of this process beside those of the workers that wait.
fn descriptors(lane: &WorkerLane) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap().count();
    open.saturating_sub(lane.counts().ready * DESCRIPTORS_OF_WORKER)
}

fn fields(pid: i32) -> Option<BTreeMap<String, String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    Some(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

fn parent(pid: i32) -> Option<i32> {
    fields(pid)?.get("PPid")?.parse().ok()
}

/// The state of a process, by its letter.
pub(crate) fn state_of(pid: i32) -> Option<char> {
    fields(pid)?.get("State")?.chars().next()
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn is_helper(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"omega-worker-helper"))
}

/// This process.
pub(crate) fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// The helper of a process.
pub(crate) fn helper_of(gateway: i32) -> Option<i32> {
    pids().into_iter().find(|pid| parent(*pid) == Some(gateway) && is_helper(*pid))
}

/// All processes of lanes' users in namespaces below this one.
pub(crate) fn nested() -> Vec<Nested> {
    let own = rustix::process::geteuid().as_raw();
    let users = [if own == 0 { limits::DEDICATED_ID } else { own }].map(|id| id.to_string());
    let mut found = Vec::new();
    for pid in pids() {
        let Some(fields) = fields(pid) else { continue };
        let depth = fields.get("NSpid").map_or(0, |pids| pids.split_whitespace().count());
        let user = fields.get("Uid").and_then(|ids| ids.split_whitespace().next()).unwrap_or_default();
        if depth < 2 || !users.iter().any(|known| known == user) {
            continue;
        }
        let (mut zygote, mut helper, mut above) = (pid, None, pid);
        for _ in 0..8 {
            match parent(above) {
                Some(up) if up > 1 => {
                    if is_helper(up) {
                        helper = Some(up);
                        zygote = above;
                    }
                    above = up;
                }
                _ => break,
            }
        }
        // What ended while it was looked at is no orphan.
        if let Some(state) = state_of(pid) {
            let is_program = depth > 2 && fields.get("NSpid").is_some_and(|pids| pids.ends_with("\t2"));
            found.push(Nested { pid, depth, state, is_program, zygote, helper });
        }
    }
    found
}

/// The folders of a helper's control groups.
pub(crate) fn cgroup_folders(helper: i32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let tops = mounts.lines().filter(|line| line.contains(" - cgroup")).filter_map(|line| line.split(' ').nth(4));
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = tops.map(PathBuf::from).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy() == format!("omega-workers-{helper}") {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
        }
    }
    found
}
