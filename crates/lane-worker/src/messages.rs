//! What the gateway and its helper say to each other, one JSON document a message, descriptors beside it.
//!
//! Both are this program at the same version, so the forms are not a contract. What never happens here: a word of a plugin.

use serde::{Deserialize, Serialize};

use crate::policy::Profile;

/// Numbers a zygote or a worker, as the gateway chose.
pub(crate) type Number = u64;

/// To the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// First, once: what to enforce with.
    Begin(Begin),
    /// Start a zygote; its [`ZygoteSpec`] and files come as a memory file.
    StartZygote { zygote: Number },
    /// End a zygote and all its workers.
    StopZygote { zygote: Number },
    /// Make a worker of a zygote, and check it from outside.
    MakeWorker { zygote: Number, worker: Number },
    /// Kill a worker, wait until nothing of it is left, say what it used.
    EndWorker { worker: Number },
}

/// How the helper is set up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// Which cgroups to look for.
    pub(crate) cgroups: CgroupChoice,
    /// The newest Landlock ABI to use.
    pub(crate) landlock_abi_max: u32,
    /// Layers to leave out; heeded by builds for the layer tests alone.
    pub(crate) layers_off: u32,
}

/// Which cgroups to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupChoice {
    /// Version 2, else version 1, else none.
    Best,
    /// None: as on a machine where nothing is delegated.
    None,
}

/// From the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "tell", rename_all = "snake_case")]
pub(crate) enum Tell {
    /// It works; what it enforces with.
    Begun(Begun),
    /// A zygote is ready for workers.
    ZygoteReady { zygote: Number },
    /// A zygote could not be started, or ended.
    ZygoteEnded { zygote: Number, failure: Failure },
    /// A worker is locked down and checked. With it come its stream, status socket, standard output and error, and its init's pidfd.
    WorkerMade { worker: Number },
    /// A worker could not be made.
    WorkerFailed { worker: Number, failure: Failure },
    /// Nothing is left of a worker.
    WorkerEnded { worker: Number, used: Used },
}

/// What the helper enforces with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Where memory, pids and cpu are bounded.
    pub(crate) cgroups: String,
    /// Whether they are by cgroups.
    pub(crate) has_cgroups: bool,
    /// The ABI in use.
    pub(crate) landlock_abi: u32,
    /// Whose the workers are, outside.
    pub(crate) outside_id: u32,
}

/// Why something is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The layer that is missing.
    pub layer: String,
    /// What was found.
    pub detail: String,
}

impl Failure {
    pub(crate) fn new(layer: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self { layer: layer.into(), detail: detail.to_string() }
    }
}

/// What a worker used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// The kernel killed in it for want of memory.
    pub(crate) was_out_of_memory: bool,
    /// Its largest memory, where a cgroup counts it.
    pub(crate) memory_bytes_peak: Option<u64>,
}

/// What a zygote is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ZygoteSpec {
    /// What of the host it sees, read-only.
    pub(crate) mounts: Vec<HostMount>,
    /// Folders inside that are made to look empty.
    pub(crate) emptied: Vec<String>,
    /// Symbolic links inside: where, and to what.
    pub(crate) links: Vec<(String, String)>,
    /// Files inside: path, and where their bytes are in the memory file after this document.
    pub(crate) files: Vec<(String, u64, u64)>,
    /// Whose program it runs.
    pub(crate) program: ZygoteProgram,
    /// Its arguments, the first being its name.
    pub(crate) arguments: Vec<String>,
    /// Its environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether machine code is mapped.
    pub(crate) profile: Profile,
    /// Bytes of memory of each worker.
    pub(crate) memory_bytes_max: u64,
}

/// Whose program a zygote runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ZygoteProgram {
    /// A file inside, which the first argument names.
    #[default]
    Inside,
    /// The helper's own, which knows by its name what to be. What it maps of the machine's libraries is offered beside the rest.
    Helper,
}

/// A path of the host, offered read-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostMount {
    /// Absolute, on the host.
    pub(crate) host: String,
    /// Absolute, inside.
    pub(crate) inside: String,
    /// Whether it is a folder.
    pub(crate) is_folder: bool,
    /// Whether code is mapped from it.
    pub(crate) has_code: bool,
}
