//! Control groups: bounds on memory, processes and processor time that hold for a worker as a whole (kernel documentation,
//! "Control Group v2" and v1).
//!
//! A place is used by one worker at a time and given to the next when nothing is left in it. What never happens here: a worker in a place
//! whose limits are not written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::limits::THREADS_MAX;
use crate::messages::{CgroupChoice, Used};

/// How the folders of a gateway's workers are named; the helper's pid follows.
const PREFIX: &str = "omega-workers-";
/// A worker's share: one processor.
const CPU_PERIOD_US: u64 = 100_000;
/// Threads of the plugin; its init is not in its place.
const PIDS_MAX: u64 = THREADS_MAX;

/// Where workers are bounded.
pub(super) struct Cgroups {
    version: Version,
    free: Vec<Place>,
    made: u32,
}

enum Version {
    None { why: String },
    One { memory: PathBuf, pids: PathBuf, cpu: PathBuf },
    Two { folder: PathBuf },
}

/// A worker's place; not one where there are no cgroups.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    folders: Vec<PathBuf>,
    /// Kills for want of memory that were counted in it before.
    kills_before: u64,
    /// The limit that is written, where one is: the others never change.
    memory_bytes_max: Option<u64>,
}

impl Cgroups {
    /// Finds what this process may use.
    pub(super) fn find(choice: CgroupChoice) -> Self {
        let version = match choice {
            CgroupChoice::None => Version::None { why: "switched off".to_owned() },
            CgroupChoice::Best => {
                match version_two().or_else(|two| version_one().map_err(|one| format!("v2: {two}; v1: {one}"))) {
                    Ok(version) => version,
                    Err(why) => Version::None { why },
                }
            }
        };
        Self { version, free: Vec::new(), made: 0 }
    }

    /// For people, and whether there are any.
    pub(super) fn describe(&self) -> (String, bool) {
        match &self.version {
            Version::None { why } => {
                (format!("none ({why}); address space, and no process, memfd or shared memory"), false)
            }
            Version::One { .. } => ("cgroup v1: memory, pids, cpu".to_owned(), true),
            Version::Two { .. } => ("cgroup v2: memory, pids, cpu".to_owned(), true),
        }
    }

    /// A place with these limits for the process of this pid, put into it.
    pub(super) fn take(&mut self, pid: i32, memory_bytes_max: u64) -> io::Result<Place> {
        let mut place = match self.free.pop() {
            Some(place) => place,
            None => self.make()?,
        };
        match &self.version {
            Version::None { .. } => return Ok(place),
            Version::One { .. } => {
                let [memory, pids, cpu] = place.folders.as_slice() else { return Err(io::Error::other("no place")) };
                place.kills_before = value_of(&memory.join("memory.oom_control"), "oom_kill").unwrap_or(0);
                fs::write(memory.join("memory.max_usage_in_bytes"), "0")?;
                if place.memory_bytes_max != Some(memory_bytes_max) {
                    fs::write(memory.join("memory.limit_in_bytes"), memory_bytes_max.to_string())?;
                    fs::write(pids.join("pids.max"), PIDS_MAX.to_string())?;
                    fs::write(cpu.join("cpu.cfs_period_us"), CPU_PERIOD_US.to_string())?;
                    fs::write(cpu.join("cpu.cfs_quota_us"), CPU_PERIOD_US.to_string())?;
                }
            }
            Version::Two { .. } => {
                let [folder] = place.folders.as_slice() else { return Err(io::Error::other("no place")) };
                place.kills_before = value_of(&folder.join("memory.events"), "oom_kill").unwrap_or(0);
                fs::write(folder.join("memory.max"), memory_bytes_max.to_string())?;
                // One that has no swap has none to bound.
                let _ = fs::write(folder.join("memory.swap.max"), "0");
                fs::write(folder.join("memory.oom.group"), "1")?;
                fs::write(folder.join("pids.max"), PIDS_MAX.to_string())?;
                fs::write(folder.join("cpu.max"), format!("{CPU_PERIOD_US} {CPU_PERIOD_US}"))?;
            }
        }
        place.memory_bytes_max = Some(memory_bytes_max);
        for folder in &place.folders {
            fs::write(folder.join("cgroup.procs"), pid.to_string())?;
        }
        Ok(place)
    }

    /// Whether the process is in the place, as the kernel tells.
    pub(super) fn holds(place: &Place, pid: i32) -> bool {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else { return false };
        place.folders.iter().all(|folder| {
            let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
            let (Some(own), Some(parent)) = (name(folder), folder.parent().and_then(name)) else { return false };
            text.lines().any(|line| line.ends_with(&format!("/{parent}/{own}")))
        })
    }

    /// What was used in a place that is empty now; it is given to the next. A place that is not empty is given up.
    pub(super) fn leave(&mut self, place: Place) -> Used {
        let used = match (&self.version, place.folders.as_slice()) {
            (Version::One { .. }, [memory, ..]) => Used {
                was_out_of_memory: value_of(&memory.join("memory.oom_control"), "oom_kill")
                    .is_some_and(|kills| kills > place.kills_before),
                memory_bytes_peak: number(&memory.join("memory.max_usage_in_bytes")),
            },
            (Version::Two { .. }, [folder]) => Used {
                was_out_of_memory: value_of(&folder.join("memory.events"), "oom_kill")
                    .is_some_and(|kills| kills > place.kills_before),
                memory_bytes_peak: number(&folder.join("memory.peak")),
            },
            _ => Used::default(),
        };
        let is_empty =
            |folder: &PathBuf| fs::read_to_string(folder.join("cgroup.procs")).is_ok_and(|text| text.is_empty());
        if place.folders.iter().all(is_empty) {
            // Peaks of version 2 cannot be reset on all kernels: a new folder counts from nothing.
            if matches!(self.version, Version::Two { .. }) {
                place.folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
            } else {
                self.free.push(place);
            }
        }
        used
    }

    fn make(&mut self) -> io::Result<Place> {
        self.made += 1;
        let name = format!("worker-{}", self.made);
        let folders: Vec<PathBuf> = match &self.version {
            Version::None { .. } => Vec::new(),
            Version::One { memory, pids, cpu } => vec![memory.join(&name), pids.join(&name), cpu.join(&name)],
            Version::Two { folder } => vec![folder.join(&name)],
        };
        for folder in &folders {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(Place { folders, kills_before: 0, memory_bytes_max: None })
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let parents: Vec<&PathBuf> = match &self.version {
            Version::None { .. } => return,
            Version::One { memory, pids, cpu } => vec![memory, pids, cpu],
            Version::Two { folder } => vec![folder],
        };
        for parent in parents {
            remove(parent);
        }
    }
}

/// Removes a folder of workers, as far as nothing is in it.
fn remove(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(entry.path());
    }
    let _ = fs::remove_dir(parent);
}

/// Removes what gateways left that were killed.
fn remove_left(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_left = name.strip_prefix(PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if is_left {
            remove(&entry.path());
        }
    }
}

fn own_name() -> String {
    format!("{PREFIX}{}", std::process::id())
}

/// A folder for workers below one of version 1's.
fn one_folder(controller: &str, mounts: &str, own: &str) -> Result<PathBuf, String> {
    // 30 23 0:26 /root /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
    let mount = mounts.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        let (kind, options) = (back.next()?, back.nth(1)?);
        if kind != "cgroup" || !options.split(',').any(|option| option == controller) {
            return None;
        }
        let mut front = front.split(' ').skip(3);
        Some((front.next()?.to_owned(), front.next()?.to_owned()))
    });
    let (root, place) = mount.ok_or_else(|| format!("no {controller} controller"))?;
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next()?;
        controllers.split(',').any(|name| name == controller).then(|| parts.next().unwrap_or("/").to_owned())
    });
    let path = path.ok_or_else(|| format!("this process is in no {controller} group"))?;
    let below = path.strip_prefix(&root).unwrap_or(&path).trim_start_matches('/').to_owned();
    let parent = Path::new(&place).join(below);
    remove_left(&parent);
    let folder = parent.join(own_name());
    fs::create_dir(&folder).map_err(|error| format!("{controller}: {error}"))?;
    Ok(folder)
}

fn version_one() -> Result<Version, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let memory = one_folder("memory", &mounts, &own)?;
    let rest = one_folder("pids", &mounts, &own).and_then(|pids| match one_folder("cpu", &mounts, &own) {
        Ok(cpu) => Ok((pids, cpu)),
        Err(why) => {
            remove(&pids);
            Err(why)
        }
    });
    match rest {
        Ok((pids, cpu)) => Ok(Version::One { memory, pids, cpu }),
        Err(why) => {
            remove(&memory);
            Err(why)
        }
    }
}

/// The first group from this process's own upwards in which workers' groups can be made with all three controllers. Upwards,
/// because a group with processes of its own gives controllers to none below it: systemd's `DelegateSubgroup=` is for that.
fn version_two() -> Result<Version, String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::")).ok_or("this process is in no group")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let top = mounts
        .lines()
        .find_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            back.starts_with("cgroup2 ").then(|| front.split(' ').nth(4).map(str::to_owned))?
        })
        .ok_or("it is not mounted")?;
    let top = PathBuf::from(top);
    let start = top.join(path.trim_start_matches('/'));
    let mut why = String::from("no group");
    for group in start.ancestors().take_while(|group| group.starts_with(&top)) {
        match enable_two(group) {
            Ok(folder) => return Ok(Version::Two { folder }),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn enable_two(group: &Path) -> Result<PathBuf, String> {
    const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
    let has = |file: &str, name: &str| {
        fs::read_to_string(group.join(file)).is_ok_and(|text| text.split_whitespace().any(|word| word == name))
    };
    if let Some(missing) = CONTROLLERS.iter().find(|name| !has("cgroup.controllers", name)) {
        return Err(format!("the {missing} controller is not delegated"));
    }
    if !CONTROLLERS.iter().all(|name| has("cgroup.subtree_control", name)) {
        fs::write(group.join("cgroup.subtree_control"), "+memory +pids +cpu")
            .map_err(|error| format!("delegation: {error}"))?;
    }
    remove_left(group);
    let folder = group.join(own_name());
    fs::create_dir(&folder).map_err(|error| error.to_string())?;
    let below = fs::write(folder.join("cgroup.subtree_control"), "+memory +pids +cpu");
    if let Err(error) = below {
        remove(&folder);
        return Err(format!("delegation: {error}"));
    }
    Ok(folder)
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The value of a name in a file of `name value` lines.
fn value_of(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}
