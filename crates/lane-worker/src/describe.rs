//! The layers in force, for people and for evidence.
//!
//! What never happens here: a claim that no other module of this room keeps.

use omega_contract::ErrorCode;
use omega_contract::plugin_info::LaneKind;
use omega_contract::ports::{Enforcement, LaneDescription, LaneRefusal, Layer, LayerState};

use crate::language::{Language, Languages};
use crate::limits::{DESCRIPTORS_OPEN_MAX, THREADS_MAX, TMP_BYTES_MAX, TMP_FILES_MAX};
use crate::messages::{Begun, Failure};

const INTERPRETER_STOPS: &str = "an interpreter of the plugin's choice";

/// What is enforced for programs of a language.
pub(crate) fn describe(begun: &Begun, language: &dyn Language) -> LaneDescription {
    let state = LayerState::InForce(language.place());
    let interpreter = Layer { name: "interpreter", stops: INTERPRETER_STOPS, state };
    describe_with(begun, language.engine(), vec![interpreter])
}

/// What is enforced here, with a row for each language: one that is missing refuses its own programs, not the lane.
pub(crate) fn describe_all(begun: &Begun, languages: &Languages) -> LaneDescription {
    let python = match &languages.python {
        Ok(python) => LayerState::InForce(python.place()),
        Err(Failure { layer, detail }) => {
            LayerState::NotHere { needed_by: ".py", remedy: format!("{detail}; {}", remedy(layer)) }
        }
    };
    let javascript = LayerState::InForce(languages.javascript.place());
    let row = |(name, state)| Layer { name, stops: INTERPRETER_STOPS, state };
    let engines: Vec<String> = languages.present().into_iter().map(Language::engine).collect();
    let rows = [("Python", python), ("JavaScript", javascript)].map(row);
    describe_with(begun, engines.join(", "), rows.into())
}

fn describe_with(begun: &Begun, engine: String, mut rows: Vec<Layer>) -> LaneDescription {
    rows.extend(layers(begun));
    LaneDescription { kind: LaneKind::Worker, engine, determinism: Enforcement::Audited, layers: rows }
}

fn layers(begun: &Begun) -> Vec<Layer> {
    let scopes = match begun.landlock_abi {
        6.. => "files, TCP, signals, abstract sockets",
        4..=5 => "files, TCP (signals and abstract sockets: namespaces and seccomp alone)",
        _ => "files (TCP, signals and abstract sockets: namespaces and seccomp alone)",
    };
    let rows: [(&'static str, &'static str, String); 11] = [
        (
            "single-use process",
            "a call sees nothing of another, or of an earlier one of itself",
            "forked from a parent that never runs plugin code, killed after the call".to_owned(),
        ),
        (
            "user namespace",
            "authority of the gateway's user",
            format!("user {} outside, no other inside", begun.outside_id),
        ),
        (
            "namespaces",
            "other processes, networks, mounts, host names, queues",
            "mount, pid, net, ipc, uts, cgroup; pid, mount, ipc anew for each call".to_owned(),
        ),
        (
            "private root",
            "files of the host",
            format!(
                "interpreter and package read-only, no /proc, /sys, /dev; /tmp of {TMP_BYTES_MAX} bytes and {TMP_FILES_MAX} files"
            ),
        ),
        (
            "session and descriptors",
            "terminals, inherited descriptors",
            "a session of its own, dies with its parent, four descriptors, no environment".to_owned(),
        ),
        (
            "resource limits",
            "bombs of memory, descriptors, files",
            format!(
                "address space, processor time, {DESCRIPTORS_OPEN_MAX} descriptors, no core, no locked memory, no queues"
            ),
        ),
        (
            "cgroup",
            "memory, threads and processor time as a whole",
            format!("{}; {THREADS_MAX} threads", begun.cgroups),
        ),
        (
            "capabilities",
            "privileges, now and after any exec",
            "none, bounding set empty, securebits locked, no new privileges, not dumpable".to_owned(),
        ),
        ("Landlock", "files and ports past the mounts", format!("ABI {}: {scopes}", begun.landlock_abi)),
        (
            "seccomp",
            "the kernel's larger part",
            "an allow list; hostile calls end the worker and are named; no executable memory".to_owned(),
        ),
        (
            "attestation",
            "a sandbox that only says it is one",
            "each worker is looked at from outside before it gets the plugin; a canary of each language attacked this sandbox at start"
                .to_owned(),
        ),
    ];
    rows.map(|(name, stops, how)| Layer { name, stops, state: LayerState::InForce(how) }).to_vec()
}

/// The refusal of what needs something that is missing.
pub(crate) fn unavailable(failure: &Failure) -> LaneRefusal {
    let Failure { layer, detail } = failure;
    let detail = format!("the worker lane lacks {layer}: {detail}; {}", remedy(layer));
    LaneRefusal { code: ErrorCode::LaneUnavailable, detail }
}

/// How to get a layer that is missing.
fn remedy(layer: &str) -> &'static str {
    match layer {
        "interpreter" => {
            "install Python 3.10 or newer (`apt install python3`), or name one in omega.toml: [lanes.worker] python"
        }
        "helper process" => {
            "call `omega_gateway::become_helper_if_asked()` first in `main`, and see that the program's file can be executed"
        }
        "namespaces" | "user namespace" => {
            "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, \
             kernel.apparmor_restrict_unprivileged_userns=0), or run the gateway as root"
        }
        "Landlock" => "use a kernel of version 5.19 or newer with Landlock in its `lsm=` list",
        "seccomp" => "use a kernel with CONFIG_SECCOMP_FILTER, and no container profile that forbids it",
        "cgroup" => "give the gateway's service `Delegate=yes` (systemd), or run it as root",
        _ => "run `omega doctor` for the whole table",
    }
}
